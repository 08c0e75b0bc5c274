package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/app/apptest"
)

// callAs makes a call and returns what a caller sees of the answer.
func callAs(t *testing.T, s *apptest.Server, method, path, token string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	answer, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// TestCacheServed takes the cache's ways through a whole server: an answer of the upstream, one from the store, HEAD, one
// that the upstream says still stands, and one that stands in for an upstream which is gone.
func TestCacheServed(t *testing.T) {
	var calls atomic.Int64
	var s *apptest.Server
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.Header().Set("Cache-Control", "max-age=60, stale-if-error=600")
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Date", s.Clock.Now().UTC().Format(http.TimeFormat)) // whose clock goes as ours
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(304)
			return
		}
		_, _ = fmt.Fprintf(w, "for %s", r.Header.Get("X-Sallyport-Client"))
	}))
	defer upstream.Close()
	s = apptest.New(t, callersYAML+`  - {name: orders, path: /orders, upstream: `+upstream.URL+`, auth: [bearer, none], policies: [cache]}`)
	token := shopToken(t, s)
	steps := []struct {
		name, method, token string
		header              string
		status              int
		body, cache, length string
	}{
		{"first", "GET", token, "", 200, "for shop", "fwd=uri-miss; stored", "8"},
		{"again", "GET", token, "", 200, "for shop", "hit; ttl=", "8"},
		{"HEAD", "HEAD", token, "", 200, "", "hit; ttl=", "8"},
		{"nobody", "GET", "", "", 200, "for ", "fwd=uri-miss; stored", "4"},
		{"who has it", "GET", token, `If-None-Match: "1"`, 304, "", "hit; ttl=", ""},
		{"stale", "GET", token, "", 200, "for shop", "fwd=stale; fwd-status=304; stored", "8"},
		{"fresh again", "GET", token, "", 200, "for shop", "hit; ttl=", "8"},
		{"away", "GET", token, "", 200, "for shop", "fwd=stale; detail=stale-if-error", "8"},
		{"away for who asks HEAD", "HEAD", token, "", 200, "", "fwd=stale; detail=stale-if-error", "8"},
	}
	for _, step := range steps {
		switch step.name {
		case "stale":
			s.Clock.Advance(2 * time.Minute)
			token = shopToken(t, s)
		case "away":
			s.Clock.Advance(2 * time.Minute)
			upstream.Close()
		}
		if step.token != "" {
			step.token = token
		}
		var header []string
		if step.header != "" {
			header = append(header, step.header)
		}
		r, body := callAs(t, s, step.method, "/orders", step.token, header...)
		cache := strings.TrimPrefix(r.Header.Get("Cache-Status"), "Sallyport; ")
		if r.StatusCode != step.status || body != step.body || !strings.HasPrefix(cache, step.cache) || r.Header.Get("Content-Length") != step.length {
			t.Errorf("%s: %d %q, %s, length %s", step.name, r.StatusCode, body, cache, r.Header.Get("Content-Length"))
		}
	}
	if n := calls.Load(); n != 3 {
		t.Errorf("%d calls reached the upstream", n)
	}
}

// TestContentServed: what the small policies do is what callers and upstreams see.
func TestContentServed(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Vary", "Accept")
		_, _ = fmt.Fprintf(w, "%s client=%s", r.URL, r.Header.Get("X-Client"))
	}))
	defer upstream.Close()
	s := apptest.New(t, callersYAML+`
  - name: orders
    path: /orders
    upstream: `+upstream.URL+`/base
    scopes: [read]
    policies:
      - cors: {origins: ["https://app.example.org"], methods: [GET, PUT]}
      - mock: {status: 202, body: {mocked: true}}
      - headers: {request: {set: {X-Client: "{client}"}}, response: {set: {X-Served: "{api}"}}}
      - rewrite: {strip_prefix: /orders, add_prefix: /v2, query: {remove: [debug]}}
  - {name: closed, path: /closed, upstream: `+upstream.URL+`, policies: [{ipfilter: {deny: [127.0.0.0/8, "::1"]}}]}
`)
	token := shopToken(t, s)
	const origin = "Origin: https://app.example.org"

	r, body := callAs(t, s, "GET", "/orders/5?debug=1&a=b", token, origin)
	if r.StatusCode != 200 || body != "/base/v2/5?a=b client=shop" || r.Header.Get("X-Served") != "orders" {
		t.Errorf("a call: %d %q, %v", r.StatusCode, body, r.Header)
	}
	if got := r.Header.Values("Access-Control-Allow-Origin"); len(got) != 1 || got[0] != "https://app.example.org" {
		t.Errorf("who may read: %q", got)
	}
	if got := strings.Join(r.Header.Values("Vary"), ", "); !strings.Contains(got, "Origin") || !strings.Contains(got, "Accept") {
		t.Errorf("Vary: %q", got)
	}

	r, _ = callAs(t, s, "GET", "/orders/5", "", origin)
	if r.StatusCode != 401 || r.Header.Get("Access-Control-Allow-Origin") != "https://app.example.org" {
		t.Errorf("a refusal: %d, %v", r.StatusCode, r.Header)
	}
	r, _ = callAs(t, s, "OPTIONS", "/orders/5", "", origin, "Access-Control-Request-Method: PUT")
	if r.StatusCode != 204 || r.Header.Get("Access-Control-Allow-Methods") != "GET, PUT" {
		t.Errorf("preflight: %d, %v", r.StatusCode, r.Header)
	}
	r, _ = callAs(t, s, "OPTIONS", "/orders/5", "", "Origin: https://evil.example", "Access-Control-Request-Method: PUT")
	if r.StatusCode != 403 || r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of others: %d, %v", r.StatusCode, r.Header)
	}

	r, body = callAs(t, s, "GET", "/orders/5", token, "dgr-mock-test: true")
	if r.StatusCode != 202 || body != `{"mocked":true}` && body != `{"mocked": true}` || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("mock: %d %q, %v", r.StatusCode, body, r.Header)
	}
	if r, _ = callAs(t, s, "GET", "/orders/5", "", "dgr-mock-test: true"); r.StatusCode != 401 {
		t.Errorf("mock for nobody: %d", r.StatusCode)
	}

	if r, body = callAs(t, s, "GET", "/closed", "none"); r.StatusCode != 403 || !strings.Contains(body, "address_denied") {
		t.Errorf("from a denied address: %d %s", r.StatusCode, body)
	}
}
