package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/explain"
	"sallyport/web"
)

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := web.VisitOf(r.Context())
		v.Face, v.API, v.Client, v.Reason = "gateway", "orders", "c 1", "scope_missing"
		r.URL.Path = "/rewritten"
		r.Header.Del("User-Agent") // a face may clean the header
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestCombinedAccess(t *testing.T) {
	f, _ := front(t, answering(403, "12345"))
	var out bytes.Buffer
	f.Access = web.CombinedAccess(&out)
	r := request("192.0.2.1:1", "Authorization", "Bearer hush", "Cookie", "hush", "User-Agent", "curl/8 \"x\"\r\n\x1b", "Referer", "https://a.example/p?code=hush#hush")
	r.URL.Path, r.URL.RawPath = "/a b/../\"ü\n", "/a%20b/%2e%2e/%22ü%0A" // the spelling is what a refusal may be about
	f.ServeHTTP(httptest.NewRecorder(), r)
	f.Next = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	f.ServeHTTP(httptest.NewRecorder(), request("@"))
	want := `192.0.2.1 - c\x201 [TIME] "GET /a%20b/%2e%2e/%22\xc3\xbc%0A HTTP/1.1" 403 5 "https://a.example/p" "curl/8 \"x\"\x0d\x0a\x1b"
- - - [TIME] "GET /a/b HTTP/1.1" 200 - "-" "-"
`
	got := regexp.MustCompile(`\d\d/[A-Z][a-z][a-z]/2001:\d\d:\d\d:\d\d [+-]\d{4}`).ReplaceAllString(out.String(), "TIME")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestJSONAccess(t *testing.T) {
	f, _ := front(t, answering(403, "12345"))
	var out bytes.Buffer
	f.Access = web.JSONAccess(&out)
	r := request("192.0.2.1:1", "Authorization", "Bearer hush", "User-Agent", "curl/8\"\xff", "Referer", "https://a.example/p?code=hush")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	want := map[string]any{
		"time": "2001-09-09T01:46:41.000000Z", "status": 403.0, "bytes": 5.0, "took_us": 1e6, "method": "GET", "host": "example.com",
		"path": "/a/b", "proto": "HTTP/1.1", "id": w.Header().Get("X-Request-Id"), "face": "gateway", "api": "orders", "client": "c 1",
		"reason": "scope_missing", "referer": "https://a.example/p", "agent": "curl/8\"\uFFFD", "source": "192.0.2.1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Lines of requests that end at the same moment do not mix.
func TestAccessLinesStayWhole(t *testing.T) {
	f, _ := front(t, answering(200, ""))
	f.Now = time.Now
	var out bytes.Buffer // the race detector sees writes side by side
	f.Access = web.JSONAccess(&out)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				f.ServeHTTP(httptest.NewRecorder(), request("192.0.2.1:1"))
			}
		})
	}
	all.Wait()
	n := 0
	for line := range strings.Lines(out.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("broken: %s", line)
		}
		n++
	}
	if n != 400 {
		t.Errorf("%d lines", n)
	}
}

func FuzzAccess(f *testing.F) {
	f.Add("GET", "/a", "HTTP/1.1", "curl", "https://a/", "c1")
	f.Add("\"", "\n\x1b[2J", "\\", "\xff\u2028", "?", " ")
	f.Fuzz(func(t *testing.T, method, path, proto, agent, referer, client string) {
		var combined, object bytes.Buffer
		for _, access := range []web.Access{web.CombinedAccess(&combined), web.JSONAccess(&object)} {
			front := &web.Front{IDs: web.NewIDs(), Access: access, Now: time.Now, Next: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				web.VisitOf(r.Context()).Client = client
			})}
			r := &http.Request{Method: method, URL: &url.URL{Path: path}, Proto: proto, Header: http.Header{"User-Agent": {agent}, "Referer": {referer}}, RemoteAddr: "192.0.2.1:1"}
			if method == http.MethodConnect {
				return
			}
			front.ServeHTTP(httptest.NewRecorder(), r)
		}
		for _, c := range combined.String()[:combined.Len()-1] {
			if c < 0x20 || c >= 0x7f {
				t.Errorf("%q in %q", c, combined.String())
			}
		}
		if !regexp.MustCompile(`^\S+ - \S+ \[[^]]+\] "(?:[^"\\]|\\.)*" 200 - "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"\n$`).MatchString(combined.String()) {
			t.Errorf("combined: %q", combined.String())
		}
		if !json.Valid(object.Bytes()) || bytes.Count(object.Bytes(), []byte("\n")) != 1 {
			t.Errorf("json: %q", object.String())
		}
	})
}

func TestRefusalsAreRemembered(t *testing.T) {
	f, _ := front(t, func(w http.ResponseWriter, r *http.Request) {
		v := web.VisitOf(r.Context())
		v.Face = "gateway"
		switch r.URL.Path {
		case "/record":
			v.Refused = &explain.Record{ID: "forged", Realm: "default", API: "orders", Client: "c1", Reason: "scope_missing", Policy: "scope", Fix: "Ask."}
		case "/reason":
			v.Reason, v.API = "rate_exceeded", "orders"
		case "/served":
			return
		}
		r.URL.Path = "/rewritten"
		w.WriteHeader(403)
	})
	f.Explain = explain.NewRing(8)
	for path, want := range map[string]explain.Record{
		"/record": {Realm: "default", API: "orders", Client: "c1", Reason: "scope_missing", Policy: "scope", Fix: "Ask."},
		"/reason": {API: "orders", Reason: "rate_exceeded"},
	} {
		r := request("192.0.2.1:1")
		r.URL.Path = path
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		want.ID = w.Header().Get("X-Request-Id")
		want.Face, want.Method, want.Host, want.Path, want.Source, want.Status = "gateway", "GET", "example.com", path, "192.0.2.1", 403
		got, ok := f.Explain.Find(want.ID)
		if want.Time = got.Time; !ok || got.Time.IsZero() {
			t.Errorf("%s: not found, or without a time", path)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	r := request("192.0.2.1:1")
	r.URL.Path = "/served"
	f.ServeHTTP(httptest.NewRecorder(), r)
	if n := len(f.Explain.Last(10)); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}
