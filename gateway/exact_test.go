package gateway_test

import (
	"regexp"
	"strings"
	"testing"

	"sallyport/api"
)

// What net/http answers by itself, byte for byte, and what the gateway does. A change of either is to be noticed.
func TestExactAnswers(t *testing.T) {
	var got []string
	b := start(t, nil, open(upstream(t, recordAll(&got))), &api.API{Name: "b", Path: "/b", Auth: named("none"), Upstream: "http://127.0.0.1:1", Allow: []string{"GET"}})
	const (
		head   = "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
		bad    = "HTTP/1.1 400 Bad Request\r\n" + head + "400 Bad Request"
		coding = "HTTP/1.1 501 Not Implemented\r\n" + head + "Unsupported transfer encoding"
		fine   = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: D\r\nX-Request-Id: I\r\nConnection: close\r\n\r\n"
	)
	for _, tt := range []struct{ name, text, want, upstream string }{
		{"conflicting lengths", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", bad, ""},
		{"the same length twice", "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", fine, "POST /x a"},
		{"a list of lengths", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na", bad, ""},
		{"chunked twice", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", coding, ""},
		{"chunked with a control character before it", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", bad, ""},
		{"gzip and chunked", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", coding, ""},
		{"two hosts", "GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", bad, ""},
		{"no host", "GET /x HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request: missing required Host header\r\n" + head + "400 Bad Request: missing required Host header", ""},
		{"a host with a path", "GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n", "HTTP/1.1 400 Bad Request: malformed Host header\r\n" + head + "400 Bad Request: malformed Host header", ""},
		{"a folded field", "GET /x HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\nConnection: close\r\n\r\n", fine, "GET /x [a b]"},
		{"a line that begins with a space", "GET /x HTTP/1.1\r\n Host: a\r\n\r\n", bad, ""},
		{"a space before the colon", "GET /x HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", "HTTP/1.1 400 Bad Request: invalid header name\r\n" + head + "400 Bad Request: invalid header name", ""},
		{"no colon", "GET /x HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", bad, ""},
		{"an empty name", "GET /x HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", bad, ""},
		{"a control character", "GET /x HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", bad, ""},
		{"a name that is no token", "GET /x HTTP/1.1\r\nHost: a\r\nX@: b\r\n\r\n", bad, ""},
		{"bare line feeds", "GET /x HTTP/1.1\nHost: a\nConnection: close\n\n", fine, "GET /x "},
		{"HTTP/1.0 with a coding", "POST /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
			"HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Length: 0\r\nDate: D\r\nX-Request-Id: I\r\n\r\n", "POST /x "},
		{"HTTP/0.9", "GET /x\r\n\r\n", bad, ""},
		{"HTTP/2 without its preface", "GET /x HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version\r\n" + head + "505 HTTP Version Not Supported: unsupported protocol version", ""},
		{"an expectation that is not known", "GET /x HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nDate: D\r\nContent-Length: 0\r\n\r\n", ""},
		{"the target names another host", "GET http://b.example/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", fine, "GET /x "},
		{"a method that is not served", "DELETE /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got = nil
			answer := variable.ReplaceAllString(raw(t, b, tt.text), "$1$2: ${2}_")
			answer = strings.NewReplacer("Date: Date_", "Date: D", "X-Request-Id: X-Request-Id_", "X-Request-Id: I").Replace(answer)
			if tt.want != answer && !(strings.Contains(tt.want, " 405 ") && strings.HasPrefix(answer, tt.want)) {
				t.Errorf("got  %q\nwant %q", answer, tt.want)
			}
			if seen := strings.Join(got, ","); seen != tt.upstream {
				t.Errorf("upstream got %q, want %q", seen, tt.upstream)
			}
		})
	}
}

var variable = regexp.MustCompile(`(\r\n)(Date|X-Request-Id): [^\r]*`)
