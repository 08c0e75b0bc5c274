// The race detector allocates, so what a call allocates is counted without it; .ci/run does.

//go:build !race

package gateway_test

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/feed"
	"sallyport/gateway"
	"sallyport/policy"
	"sallyport/policy/bearer"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

// bareUpstream answers every request without a body with the same bytes, and allocates nothing for it.
func bareUpstream(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024))
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					line, err := in.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) > 2 {
						continue
					}
					if _, err := conn.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// aCall returns a function that sends an authorised call through a gateway, without a listener.
func aCall(tb testing.TB) func() {
	tb.Helper()
	s := &shelf{}
	s.put(nil, &api.API{Name: "a", Path: "/a", Upstream: bareUpstream(tb), Scopes: []string{"read"}})
	g, err := gateway.New(gateway.Config{
		APIs: s, Hub: &feed.Hub{}, Log: quiet(), Now: time.Now,
		Parts: policy.Parts{Clients: everybody{}, Ways: map[string]policy.Kind{"bearer": bearer.Kind(tokens{
			"good": &token.Access{Realm: "default", Client: "c1", User: "dory", Scope: scope.Set{"read"}},
		}, nil)}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(g.Close)
	ctx := realm.NewContext(tb.Context(), &realm.Realm{Name: "default"})
	authorization, accept := []string{"Bearer good"}, []string{"*/*"}
	w := &discard{header: http.Header{}}
	r := (&http.Request{Method: "GET", Host: "a.example", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "192.0.2.1:1234", Header: http.Header{}}).WithContext(ctx)
	r.URL = &url.URL{Path: "/a/b/c"}
	return func() {
		clear(r.Header)
		clear(w.header)
		r.Header["Authorization"], r.Header["Accept"], r.Header["User-Agent"] = authorization, accept, accept
		g.ServeHTTP(w, r)
		if len(w.header["Content-Length"]) != 1 {
			tb.Fatalf("answered with %v", w.header)
		}
	}
}

// What a call costs the gateway itself, beyond what the server spends on it.
func TestCallAllocates(t *testing.T) {
	call := aCall(t)
	call() // connects
	if n := testing.AllocsPerRun(200, call); n > 6 {
		t.Errorf("%v allocations, aim for 6 at most", n)
	}
}

func BenchmarkCall(b *testing.B) {
	call := aCall(b)
	call()
	b.ReportAllocs()
	for b.Loop() {
		call()
	}
}
