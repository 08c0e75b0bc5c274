package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// evil is an upstream that answers calls to /evil/N with the Nth text, as it stands, and all others with their own path,
// on connections that it keeps open.
func evil(t *testing.T, texts []string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answerEvil(c, texts)
		}
	}()
	return "http://" + l.Addr().String()
}

func answerEvil(c net.Conn, texts []string) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, n, ok := strings.Cut(r.URL.Path, "/evil/")
		if !ok {
			body := r.URL.Path
			if r.Method == "HEAD" {
				body = ""
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(r.URL.Path), body)
			continue
		}
		i, _ := strconv.Atoi(n)
		text, how, _ := strings.Cut(texts[i], "<<")
		_, _ = io.WriteString(c, text)
		switch how {
		case "close":
			return
		case "reset":
			_ = c.(*net.TCPConn).SetLinger(0)
			return
		}
	}
}

const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"

// Class 31, response splitting and desync from an upstream that is malicious or broken. The caller gets the answer as far as
// it is clear, an error, or an end that is none; the next caller gets its own, and nothing that was said before it asked.
func TestAttackUpstreamAnswers(t *testing.T) {
	tests := []struct {
		name, method, text string // behind "<<": close or reset
		want               []int  // status; 0: the answer does not come to its end
		std                []int  // if net/http's transport is more patient
		body               string // of a 200
	}{
		{"as it should be", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", []int{200}, nil, "good"},
		{"an answer behind the answer", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + poison, []int{200}, nil, "good"},
		{"an answer behind chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n" + poison, []int{200}, nil, "good"},
		{"an answer behind none", "GET", "HTTP/1.1 204 No Content\r\n\r\n" + poison, []int{204}, nil, ""},
		{"an answer behind nothing new", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 57\r\n\r\n" + poison, []int{304}, nil, ""},
		{"an answer behind HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + poison, []int{200}, nil, ""},
		{"a body for HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", []int{200}, nil, ""},
		{"a body with 204", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\npois", []int{204}, nil, ""},
		{"chunks with 204", "GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npois\r\n0\r\n\r\n", []int{204}, nil, ""},
		{"a length too small", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoodpoison", []int{200}, nil, "good"},
		{"a length too large", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\ngood<<close", []int{0}, nil, ""},
		{"a reset in a body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\ngood<<reset", []int{0, 502}, nil, ""},
		{"a reset in a chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\ngood<<reset", []int{0, 502}, nil, ""},
		{"an end between chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n<<close", []int{0}, nil, ""},
		{"an end before the last line", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n<<close", []int{0}, nil, ""},
		{"two lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 10\r\n\r\ngoodpoison", []int{502}, nil, ""},
		{"a length twice", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\ngood", []int{502}, []int{200}, "good"},
		{"a list of lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\ngood", []int{502}, nil, ""},
		{"a length with a plus", "GET", "HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\ngood", []int{502}, nil, ""},
		{"a negative length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\ngood", []int{502}, nil, ""},
		{"a length that overflows", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551620\r\n\r\ngood", []int{502}, nil, ""},
		{"a length and a coding", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n" + poison, []int{502}, []int{200}, "good"},
		{"an unknown coding", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n", []int{502}, nil, ""},
		{"two codings", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n", []int{502}, nil, ""},
		{"chunked twice", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n", []int{502}, nil, ""},
		{"chunked by HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\ngood" + poison, []int{502}, []int{200}, "good"},
		{"a chunk of another size", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngoodpoison\r\n0\r\n\r\n", []int{0, 502}, nil, ""},
		{"a chunk size with a sign", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+4\r\ngood\r\n0\r\n\r\n", []int{0, 502}, nil, ""},
		{"a chunk line with a bare LF", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x\ngood\r\n0\r\n\r\n", []int{0, 502}, nil, ""},
		{"a trailer that frames", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\nContent-Length: 60\r\n\r\n", []int{0, 502}, []int{0, 200}, "good"},
		{"a bare LF in the head", "GET", "HTTP/1.1 200 OK\nContent-Length: 4\n\ngood", []int{502}, []int{200}, "good"},
		{"a bare LF in a value", "GET", "HTTP/1.1 200 OK\r\nX: a\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\ngood", []int{502}, []int{0, 502}, ""},
		{"a bare CR in a value", "GET", "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 60\r\nContent-Length: 4\r\n\r\ngood", []int{502}, nil, ""},
		{"a NUL in a value", "GET", "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 4\r\n\r\ngood", []int{502}, nil, ""},
		{"a fold", "GET", "HTTP/1.1 200 OK\r\nX: a\r\n Content-Length: 60\r\nContent-Length: 4\r\n\r\ngood", []int{502}, []int{200}, "good"},
		{"a space before the colon", "GET", "HTTP/1.1 200 OK\r\nContent-Length : 60\r\nContent-Length: 4\r\n\r\ngood", []int{502}, []int{200}, "good"},
		{"a name that is none", "GET", "HTTP/1.1 200 OK\r\nX Y: 1\r\nContent-Length: 4\r\n\r\ngood", []int{502}, []int{200}, "good"},
		{"no head", "GET", "good<<close", []int{502}, nil, ""},
		{"HTTP/2 by the old form", "GET", "HTTP/2.0 200 OK\r\nContent-Length: 4\r\n\r\ngood", []int{502}, []int{200}, "good"},
		{"a status of four digits", "GET", "HTTP/1.1 2000 OK\r\nContent-Length: 4\r\n\r\ngood", []int{502}, nil, ""},
		{"a status of two digits", "GET", "HTTP/1.1 20 OK\r\nContent-Length: 4\r\n\r\ngood", []int{502}, nil, ""},
		{"a status below any", "GET", "HTTP/1.1 000 OK\r\nContent-Length: 4\r\n\r\ngood", []int{502}, nil, ""},
		{"a switch that nobody asked for", "GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + poison, []int{502}, nil, ""},
		{"an interim answer", "GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Request-Id: forged\r\nKeep-Alive: forged\r\nConnection: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", []int{103, 200}, nil, "good"},
		{"an interim answer with a length", "GET", "HTTP/1.1 103 Early Hints\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", []int{502}, []int{103, 200}, "good"},
		{"interim answers without end", "GET", strings.Repeat("HTTP/1.1 102 Processing\r\nX: "+strings.Repeat("x", 4000)+"\r\n\r\n", 600) + poison, []int{502}, nil, ""},
		{"a head without end", "GET", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("x", 4000)+"\r\n", 600) + "\r\n" + poison, []int{502}, nil, ""},
		{"what pretends to be ours", "GET", "HTTP/1.1 200 OK\r\nX-Request-Id: forged\r\nConnection: X-Request-Id, Content-Length, Content-Type\r\nProxy-Authenticate: forged\r\nKeep-Alive: forged\r\nUpgrade: forged\r\nTrailer: forged\r\nContent-Length: 4\r\n\r\ngood", []int{200}, nil, "good"},
	}
	var texts []string
	for _, tt := range tests {
		texts = append(texts, tt.text)
	}
	s := guarded(t, "realm: default\napis:"+twice(evil(t, texts), "auth: [none], strip: true, timeouts: {answer: 2s, idle: 2s}"))
	for _, prefix := range both {
		for i, tt := range tests {
			t.Run(prefix[1:]+" "+tt.name, func(t *testing.T) {
				want := tt.want
				if prefix == "/std" && tt.std != nil {
					want = tt.std
				}
				text := say(t, s.addr, fmt.Sprintf("%s %s/evil/%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", tt.method, prefix, i))
				got, body := outcomeOf(text, tt.method)
				if got[0] == 102 && len(got) <= 101 { // so many are passed on
					got = got[len(got)-1:]
				}
				if !slices.Contains(want, got[len(got)-1]) || len(got) > 1 && !slices.Equal(got, want) || strings.Contains(text, "pois") || strings.Contains(text, "forged") {
					t.Errorf("answered %v %.300q, want %v", got, text, want)
				}
				if slices.Equal(got, []int{200}) && body != tt.body {
					t.Errorf("body %q, want %q", body, tt.body)
				}
				if n := strings.Count(text, "X-Request-Id:"); n != 1 && text != "" {
					t.Errorf("%d ids in %.300q", n, text)
				}
				for j := range 3 { // whoever comes next gets his own
					path := fmt.Sprintf("/own/%d/%d", i, j)
					next := say(t, s.addr, "GET "+prefix+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
					if st, body := outcomeOf(next, "GET"); !slices.Equal(st, []int{200}) || body != path {
						t.Errorf("the next caller was answered %v %q, want %q", st, body, path)
					}
				}
			})
		}
	}
}

// outcomeOf reads what one request was answered: statuses, the last 0 if that answer does not come to its end or there is
// none, and the body of the last.
func outcomeOf(text, method string) (list []int, body string) {
	in := bufio.NewReader(strings.NewReader(text))
	for {
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return append(list, 0), ""
		}
		if res.StatusCode < 200 {
			list = append(list, res.StatusCode)
			continue
		}
		b, err := io.ReadAll(res.Body)
		if rest, _ := io.ReadAll(in); err != nil || len(rest) > 0 {
			return append(list, 0), string(b)
		}
		if res.StatusCode == 204 && res.Header["Content-Length"] != nil { // RFC 9110 section 8.6
			return append(list, -204), ""
		}
		return append(list, res.StatusCode), string(b)
	}
}

// Class 31, an upstream that goes on for ever or stops in the middle: the caller's connection is cut, and not ended as if
// the answer were whole.
func TestAttackUpstreamStalls(t *testing.T) {
	s := guarded(t, "realm: default\napis:"+twice(evil(t, []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\ngood", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n", "HTTP/1.1 200", "",
	}), "auth: [none], strip: true, timeouts: {answer: 300ms, idle: 300ms}"))
	for _, prefix := range both {
		for i, want := range []int{0, 0, 504, 504} {
			begin := time.Now()
			text := say(t, s.addr, fmt.Sprintf("GET %s/evil/%d HTTP/1.1\r\nHost: a\r\n\r\n", prefix, i))
			if got, _ := outcomeOf(text, "GET"); !slices.Equal(got, []int{want}) || time.Since(begin) > 8*time.Second {
				t.Errorf("%s %d: %v %q, want %d", prefix, i, got, text, want)
			}
		}
	}
}
