package web_test

import (
	"net/http/httptest"
	"testing"

	"sallyport/oauth"
	"sallyport/web"
)

func TestAnswersAreNotSniffed(t *testing.T) {
	w := httptest.NewRecorder()
	web.WriteBody(w, 200, "application/json", []byte(`{}`))
	e := httptest.NewRecorder()
	web.WriteError(e, oauth.Fail(oauth.ScopeUnknown, "<script>"), "default")
	for _, r := range []*httptest.ResponseRecorder{w, e} {
		if got := r.Header().Values("X-Content-Type-Options"); len(got) != 1 || got[0] != "nosniff" {
			t.Errorf("X-Content-Type-Options: %q", got)
		}
	}
}
