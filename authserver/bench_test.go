package authserver_test

import (
	"net/http"
	"strings"
	"testing"

	"sallyport/dialect/dialecttest"
)

// discard is a ResponseWriter that keeps nothing.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

func benchmark(b *testing.B, path, id, body string) {
	h := open(b)
	if path == "/introspect" {
		body = form("token", h.login("opaque").Access)
	}
	handler := h.routes[path]
	b.ReportAllocs()
	for b.Loop() {
		r := h.Request(dialecttest.Call{Path: path, Auth: basic(id, secret), Body: body})
		w := &discard{header: http.Header{}}
		handler.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatalf("status %d", w.status)
		}
	}
}

func BenchmarkTokenOpaque(b *testing.B) {
	benchmark(b, "/token", "opaque", "grant_type=client_credentials")
}

func BenchmarkIntrospect(b *testing.B) { benchmark(b, "/introspect", "opaque", "") }

// BenchmarkNothing is what the benchmarks above cost without the endpoint.
func BenchmarkNothing(b *testing.B) {
	h := open(b)
	b.ReportAllocs()
	for b.Loop() {
		r := h.Request(dialecttest.Call{Path: "/token", Auth: basic("opaque", secret), Body: strings.Repeat("x", 30)})
		_ = r
	}
}
