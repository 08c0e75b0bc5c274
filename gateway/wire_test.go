package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/feed"
	"sallyport/gateway"
	"sallyport/gateway/lean"
)

func changeOf(name string) feed.Change {
	return feed.Change{Kind: feed.API, Realm: "default", ID: name}
}

// raw sends bytes on a connection of their own and returns all that comes back until the server closes it.
func raw(t *testing.T, b *bench, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", b.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%q, then %v", answer, err)
	}
	return string(answer)
}

// Whatever is sent, the upstream gets one request that says what the gateway decided on, or none.
func TestSmuggling(t *testing.T) { eachEngine(t, testSmuggling) }

func testSmuggling(t *testing.T) {
	var mu sync.Mutex
	var got []string
	up := upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Method+" "+r.RequestURI+" "+string(body))
	})
	b := start(t, nil,
		&api.API{Name: "a", Path: "/", Upstream: up, Auth: named("none")},
		&api.API{Name: "host b", Path: "/", Host: "b.example", Upstream: up + "/b", Auth: named("none")},
	)
	const hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
	tests := []struct {
		name, text, status string
		upstream           []string
	}{
		{"nothing wrong", "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab", "200", []string{"POST /x ab"}},
		{"two lengths", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "400", nil},
		{"a list of lengths", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 3\r\n\r\nabc", "400", nil},
		{"a length with a sign", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nab", "400", nil},
		{"a length that is negative", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\nab", "400", nil},
		{"two codings", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "501", nil},
		{"an unknown coding", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501", nil},
		{"a space before the colon", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\nab", "400", nil},
		{"a folded header", "GET /x HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked\r\n\r\n", "400", nil},
		{"a NUL in a header", "GET /x HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", "400", nil},
		{"a bare CR in a header", "GET /x HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n", "400", nil},
		{"two hosts", "GET /x HTTP/1.1\r\nHost: a\r\nHost: b.example\r\n\r\n", "400", nil},
		{"no host", "GET /x HTTP/1.1\r\n\r\n", "400", nil},
		{"a host with a path", "GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n", "400", nil},
		{"the target names another host", "GET http://b.example/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200", []string{"GET /b/x "}},
		{"the target names a user", "GET http://me:pw@b.example/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400", nil},
		{"the target is not HTTP", "GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400", nil},
		{"the target has no slashes", "GET http:x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400", nil},
		{"a bare LF in a chunk size", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", "400", nil},
		{"a chunk size that overflows", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n", "400", nil},
		{"a method that is none", "GE T /x HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"a version from the future", "GET /x HTTP/1.2\r\nHost: a\r\nConnection: close\r\n\r\n", "200", []string{"GET /x "}},
		{"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" + hidden, "501", nil},
		{"CONNECT with a path", "CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n" + hidden, "501", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mu.Lock()
			got = nil
			mu.Unlock()
			answer := raw(t, b, tt.text)
			if !strings.HasPrefix(answer, "HTTP/1.1 "+tt.status+" ") || strings.Count(answer, "HTTP/1.1 ") != 1 {
				t.Errorf("answer %q, want %s", answer, tt.status)
			}
			mu.Lock()
			defer mu.Unlock()
			// A body that breaks is found out after the head was sent: the upstream may have seen a request that never
			// became whole. It must not have seen anything else.
			for i, request := range got {
				if tt.upstream == nil && !strings.HasPrefix(request, "POST /x ") || tt.upstream != nil && (i >= len(tt.upstream) || request != tt.upstream[i]) {
					t.Errorf("upstream got %q, want %q", got, tt.upstream)
				}
			}
			if tt.upstream != nil && len(got) != len(tt.upstream) {
				t.Errorf("upstream got %q, want %q", got, tt.upstream)
			}
		})
	}
}

// A request with a length and a coding has the length of its chunks (RFC 9112 section 6.1), for us and for the upstream.
func TestLengthAndCoding(t *testing.T) { eachEngine(t, testLengthAndCoding) }

func testLengthAndCoding(t *testing.T) {
	var got seen
	b := start(t, nil, &api.API{Name: "a", Path: "/", Auth: named("none"), Upstream: upstream(t, record(&got))})
	answer := raw(t, b, "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 200 ") || got.URI != "/x" || got.Body != "x" || got.Header["Content-Length"] != nil {
		t.Errorf("answer %q, upstream saw %+v", answer, got)
	}
	if strings.Count(answer, "HTTP/1.1 ") != 1 {
		t.Errorf("what follows was served: %q", answer)
	}
}

// FuzzWire sends paths through the gateway and looks at the line that reaches the upstream.
func FuzzWire(f *testing.F) {
	for _, seed := range []string{"/a", "/a/%41%2e/b", "/a/x;y", "/a/..", "/a%2fb", "/a//b", "/a?b=c#d", "/a/%3f%23", "/b/../a", "/a/é"} {
		f.Add(seed)
	}
	target := newTable(
		&api.API{Name: "a", Path: "/a", Upstream: "http://u.example/base", Strip: true, Auth: named("none")},
		&api.API{Name: "b", Path: "/", Upstream: "http://u.example", Auth: named("none")},
	)
	var line string
	s := &shelf{}
	s.put(nil,
		&api.API{Name: "a", Path: "/a", Upstream: "http://u.example/base", Strip: true, Auth: named("none")},
		&api.API{Name: "b", Path: "/", Upstream: "http://u.example", Auth: named("none")})
	g, err := gateway.New(gateway.Config{APIs: s, Hub: &feed.Hub{}, Log: quiet(), Now: time.Now, Transport: lines(func(l string) { line = l })})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(g.Close)
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")))
		if err != nil {
			return
		}
		line = ""
		w := httptest.NewRecorder()
		g.ServeHTTP(w, withRealm(r))
		wire, _, _ := strings.Cut(r.RequestURI, "?")
		if u := strings.TrimPrefix(wire, "/"); u == wire {
			return // absolute form: http.ReadRequest has taken it apart
		}
		parsed, err := api.ParsePath(wire)
		if err != nil {
			if line != "" || w.Code != 400 {
				t.Fatalf("%q is refused (%v), answered %d, sent %q", wire, err, w.Code, line)
			}
			return
		}
		name, ambiguous := target.Match("default", "a", parsed)
		if ambiguous {
			if line != "" || w.Code != 400 {
				t.Fatalf("%q is ambiguous, answered %d, sent %q", wire, w.Code, line)
			}
			return
		}
		if !lean.IsQuery(r.URL.RawQuery) {
			if line != "" || w.Code != 400 {
				t.Fatalf("the query %q cannot be written, answered %d, sent %q", r.URL.RawQuery, w.Code, line)
			}
			return
		}
		sent, _, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(line, "GET "), " HTTP/1.1"), "?")
		if want := target.Target("default", "a", parsed); sent != want {
			t.Fatalf("%q was decided on as %q of %s, and %q was sent; want %q", wire, parsed, name, sent, want)
		}
	})
}

// lines is a transport that writes the request as it would be on the wire, and hands over its first line.
type lines func(string)

func (l lines) RoundTrip(r *http.Request) (*http.Response, error) {
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		return nil, err
	}
	line, _, found := strings.Cut(b.String(), "\r\n")
	if !found {
		return nil, errors.New("no line")
	}
	l(line)
	return &http.Response{StatusCode: 204, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// recordAll notes each request in a line.
func recordAll(into *[]string) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		line := r.Method + " " + r.RequestURI + " " + string(body)
		if x := r.Header["X"]; x != nil {
			line += fmt.Sprint(x)
		}
		*into = append(*into, line)
	}
}
