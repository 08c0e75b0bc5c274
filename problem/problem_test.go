package problem_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/explain"
	"sallyport/problem"
)

func TestWrite(t *testing.T) {
	tests := []struct {
		name    string
		problem problem.Problem
		method  string
		id      string // already in the response header
		status  int
		body    string
	}{
		{"only a status", problem.Problem{Status: 404}, "GET", "",
			404, `{"title":"Not Found","status":404}`},
		{"everything", problem.Problem{Type: "https://example.org/p", Title: "T", Status: 400, Detail: "D", Instance: "/i", Reason: "r", ID: "1"}, "GET", "2",
			400, `{"type":"https://example.org/p","title":"T","status":400,"detail":"D","instance":"/i","reason":"r","id":"1"}`},
		{"why", problem.Problem{Status: 429, Reason: "r", Policy: "quota", Facts: []explain.Fact{{Name: "calls", Value: "10"}, {Name: "agreed", Value: "9"}}, Fix: "Wait."}, "GET", "",
			429, `{"title":"Too Many Requests","status":429,"reason":"r","policy":"quota","facts":[{"name":"calls","value":"10"},{"name":"agreed","value":"9"}],"fix":"Wait."}`},
		{"id of the request", problem.Problem{Status: 503, Reason: "unavailable"}, "POST", "abc",
			503, `{"title":"Service Unavailable","status":503,"reason":"unavailable","id":"abc"}`},
		{"no body for HEAD", problem.Problem{Status: 404}, "HEAD", "", 404, ``},
		{"a status that is no error", problem.Problem{Status: 200}, "GET", "", 500, `{"title":"Internal Server Error","status":500}`},
		{"markup is escaped", problem.Problem{Status: 400, Detail: `</script>"`}, "GET", "",
			400, `{"title":"Bad Request","status":400,"detail":"\u003c/script\u003e\""}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			if tt.id != "" {
				w.Header().Set(problem.IDHeader, tt.id)
			}
			tt.problem.Write(w, httptest.NewRequest(tt.method, "/", nil))
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			if diff := cmp.Diff(tt.body, w.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			for name, want := range map[string]string{
				"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// What a handler had already said of its own answer must not be said of the problem.
func TestWriteForgetsTheOtherAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Length", "100000")
		h.Set("Content-Encoding", "gzip")
		h.Set("ETag", `"1"`)
		problem.Problem{Status: 502}.Write(w, r)
	}))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.ContentLength > 1000 || res.Header.Get("Content-Encoding") != "" || res.Header.Get("Etag") != "" {
		t.Errorf("stale fields: %v", res.Header)
	}
}
