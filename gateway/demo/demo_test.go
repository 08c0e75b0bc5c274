package demo_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/gateway/demo"
)

func TestDemo(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := httptest.NewRequest("PUT", "/a%20b/%3Cscript%3E?x=<i>", nil)
	r.Header.Set("X-Sallyport-Client", "c1")
	r.Header.Set("Authorization", "Bearer hush")
	r.Header.Set("Cookie", "hush")
	w := httptest.NewRecorder()
	demo.Handler(func() time.Time { return now }).ServeHTTP(w, r)
	want := `{
  "method": "PUT",
  "path": "/a%20b/%3Cscript%3E",
  "query": "x=\u003ci\u003e",
  "caller": {
    "X-Sallyport-Client": "c1"
  },
  "time": "2026-01-02T03:04:05Z"
}
`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("header %v", w.Header())
	}
}
