package app_test

import (
	"slices"
	"strings"
	"testing"
)

// hidden is what a smuggler wants to have served behind a request, or in its body.
const hidden = "GET /lean/hidden HTTP/1.1\r\nHost: a\r\n\r\n"

// Class 31, request smuggling (CL.TE, TE.CL, TE.TE, CL.0, 0.CL): whatever is sent, nobody sees another request than the one
// that was decided on. What is not clear is refused and the connection ends.
func TestAttackSmugglingByFraming(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, "realm: default\napis:"+twice(up.URL, "auth: [none]"))
	const post = "POST PREFIX/x HTTP/1.1\r\nHost: a\r\n"
	chunked := func(field string) string { return post + field + "\r\n\r\n1\r\nx\r\n0\r\n\r\n" }
	tests := []struct {
		name, text string
		want       []int // statuses; nil: 400 and no more
		asked      []string
	}{
		{"one length", post + "Content-Length: 2\r\nConnection: close\r\n\r\nab", []int{200}, []string{"POST /x ab"}},
		{"a length twice, the same", post + "Content-Length: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", []int{200}, []string{"POST /x ab"}},
		{"two lengths", post + "Content-Length: 2\r\nContent-Length: 44\r\n\r\nab" + hidden, nil, nil},
		{"a list of lengths", post + "Content-Length: 2, 2\r\n\r\nab" + hidden, nil, nil},
		{"a length with a plus", post + "Content-Length: +2\r\n\r\nab" + hidden, nil, nil},
		{"a length with a minus", post + "Content-Length: -2\r\n\r\nab" + hidden, nil, nil},
		{"minus zero", post + "Content-Length: -0\r\n\r\n" + hidden, nil, nil},
		{"a length in hexadecimal", post + "Content-Length: 0x2\r\n\r\nab" + hidden, nil, nil},
		{"a length with an underscore", post + "Content-Length: 1_0\r\n\r\nab" + hidden, nil, nil},
		{"a length with a point", post + "Content-Length: 2.0\r\n\r\nab" + hidden, nil, nil},
		{"an empty length", post + "Content-Length:\r\n\r\n" + hidden, nil, nil},
		{"a length that overflows", post + "Content-Length: 18446744073709551618\r\n\r\nab" + hidden, nil, nil},
		{"a length with words", post + "Content-Length: 2 2\r\n\r\nab" + hidden, nil, nil},
		{"a length in other digits", post + "Content-Length: ２\r\n\r\nab" + hidden, nil, nil},
		{"a length with a vertical tab", post + "Content-Length: \v2\r\n\r\nab" + hidden, nil, nil},
		{"a length with space before the colon", post + "Content-Length : 2\r\n\r\nab" + hidden, nil, nil},
		{"a length in another spelling", post + "Content_Length: 38\r\nConnection: close\r\n\r\n" + hidden, []int{200}, []string{"POST /x"}},
		{"a coding in another spelling", post + "Transfer_Encoding: chunked\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", []int{200}, []string{"POST /x ab"}},
		// Through a server in front that goes by the length, what is behind the last chunk would be of this request.
		{"a length and a coding", post + "Via: 1.1 front\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" + hidden, []int{200}, []string{"POST /x x"}},
		{"a coding and a length", post + "X-Forwarded-For: 192.0.2.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 60\r\n\r\n1\r\nx\r\n0\r\n\r\n" + hidden, []int{200}, []string{"POST /x x"}},
		{"a length and a coding behind a bare LF", post + "Forwarded: for=192.0.2.1\r\nContent-Length: 60\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, []int{200}, []string{"POST /x"}},
		{"chunked twice", chunked("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), []int{501}, nil},
		{"chunked in a list", chunked("Transfer-Encoding: chunked, chunked"), []int{501}, nil},
		{"identity and chunked", chunked("Transfer-Encoding: identity, chunked"), []int{501}, nil},
		{"chunked and identity", chunked("Transfer-Encoding: chunked, identity"), []int{501}, nil},
		{"gzip and chunked", chunked("Transfer-Encoding: gzip, chunked"), []int{501}, nil},
		{"something like chunked", chunked("Transfer-Encoding: xchunked"), []int{501}, nil},
		{"chunked in quotes", chunked(`Transfer-Encoding: "chunked"`), []int{501}, nil},
		{"chunked with a parameter", chunked("Transfer-Encoding: chunked;q=1"), []int{501}, nil},
		{"chunked with a vertical tab", chunked("Transfer-Encoding: \vchunked"), nil, nil},
		{"chunked with a form feed", chunked("Transfer-Encoding: chunked\f"), nil, nil},
		{"chunked with a NUL", chunked("Transfer-Encoding: chunked\x00"), nil, nil},
		{"chunked with a space before the colon", chunked("Transfer-Encoding : chunked"), nil, nil},
		{"chunked with a tab before the colon", chunked("Transfer-Encoding\t: chunked"), nil, nil},
		// RFC 9112 section 5.2: a fold is a space.
		{"chunked behind a fold", chunked("Transfer-Encoding:\r\n chunked"), []int{200}, []string{"POST /x x"}},
		{"chunked in a fold of another", chunked("X: y\r\n Transfer-Encoding: chunked"), []int{200, 400}, []string{"POST /x"}},
		{"an empty coding", chunked("Transfer-Encoding:"), []int{501}, nil},
		{"chunked behind a bare CR", chunked("X: y\rTransfer-Encoding: chunked"), nil, nil},
		{"chunked by HTTP/1.0", "POST PREFIX/x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, []int{200}, []string{"POST /x"}},
		{"a body with GET", "GET PREFIX/x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", []int{200}, []string{"GET /x ab"}},
		{"the request behind is its own", "GET PREFIX/x HTTP/1.1\r\nHost: a\r\n\r\nGET /lean/own HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []int{200, 200}, []string{"GET /x", "GET /own"}},
	}
	for _, prefix := range both {
		for _, tt := range tests {
			t.Run(prefix[1:]+" "+tt.name, func(t *testing.T) {
				up.take()
				if tt.want == nil {
					tt.want = []int{400}
				}
				text := say(t, s.addr, strings.ReplaceAll(tt.text, "PREFIX", prefix))
				asked, _ := up.take()
				got := lines(asked)
				for i := range got {
					got[i] = strings.Replace(strings.Replace(got[i], " /lean/", " /", 1), " /std/", " /", 1)
				}
				if st := statuses(t, text); !slices.Equal(st, tt.want) || !slices.Equal(got, tt.asked) {
					t.Errorf("answered %v %q, want %v; the upstream was asked %q, want %q", st, text, tt.want, got, tt.asked)
				}
			})
		}
	}
}

// Class 31, smuggling by chunks: sizes, extensions and ends that two servers could read differently. The upstream gets a
// whole body made anew, or none that ends.
func TestAttackSmugglingByChunks(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, "realm: default\napis:"+twice(up.URL, "auth: [none], timeouts: {idle: 1s}"))
	tests := []struct {
		name, body string
		want       []int    // statuses
		asked      []string // nil: no whole request
	}{
		{"as it should be", "1\r\nx\r\n0\r\n\r\n", []int{200}, []string{"POST /x x"}},
		{"zeros before the size", "0000000000001\r\nx\r\n0\r\n\r\n", []int{200}, []string{"POST /x x"}},
		{"an extension", "1;a=b\r\nx\r\n0;c\r\n\r\n", []int{200}, []string{"POST /x x"}},
		{"an extension with a bare LF", "1;a\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"an extension with a bare CR", "1;a\rb\r\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"an extension without end", "1;" + strings.Repeat("a", 1<<16) + "\r\nx\r\n0\r\n\r\n", []int{400}, nil},
		{"a bare LF behind the size", "1\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"a bare LF behind the data", "1\r\nx\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"nothing behind the data", "1\r\nx0\r\n\r\n" + hidden, []int{400}, nil},
		{"two bytes where one was announced", "1\r\nxy\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"a bare LF behind the last size", "1\r\nx\r\n0\n\r\n" + hidden, []int{400}, nil},
		{"a negative size", "-1\r\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"a size with a plus", "+1\r\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"a size with 0x", "0x1\r\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"a size with an underscore", "0_1\r\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"a size with a space in front", " 1\r\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"no size", "\r\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"a size that overflows", "10000000000000001\r\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"a size that is all there is", "ffffffffffffffff\r\nx\r\n0\r\n\r\n" + hidden, []int{408}, nil},
		{"a size in other letters", "g\r\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		{"a NUL behind the size", "1\x00\r\nx\r\n0\r\n\r\n" + hidden, []int{400}, nil},
	}
	for _, prefix := range both {
		for _, tt := range tests {
			t.Run(prefix[1:]+" "+tt.name, func(t *testing.T) {
				up.take()
				text := say(t, s.addr, "POST "+prefix+"/x HTTP/1.1\r\nHost: a\r\nVia: 1.1 front\r\nTransfer-Encoding: chunked\r\n\r\n"+tt.body)
				asked, _ := up.take()
				got := lines(asked)
				for i := range got {
					got[i] = strings.Replace(got[i], " "+prefix+"/", " /", 1)
				}
				if st := statuses(t, text); !slices.Equal(st, tt.want) || !slices.Equal(got, tt.asked) {
					t.Errorf("answered %v %q, want %v; the upstream was asked %q, want %q", st, text, tt.want, got, tt.asked)
				}
			})
		}
	}
}
