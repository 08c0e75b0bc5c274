package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sallyport/oauth"
	"sallyport/web"
)

func TestWriteError(t *testing.T) {
	for _, tc := range []struct {
		reason    oauth.Reason
		after     time.Duration
		status    int
		code      string
		challenge string
		retry     string
	}{
		{reason: oauth.GrantTypeMissing, status: 400, code: "invalid_request"},
		{reason: oauth.SecretWrong, status: 401, code: "invalid_client", challenge: `Basic realm="corp", charset="UTF-8"`},
		{reason: oauth.PasswordWrong, status: 400, code: "invalid_grant"},
		{reason: oauth.GrantNotAllowed, status: 400, code: "unauthorized_client"},
		{reason: oauth.RequestTooLarge, status: 413, code: "invalid_request"},
		{reason: oauth.RequestMediaType, status: 415, code: "invalid_request"},
		{reason: oauth.RequestMethod, status: 405, code: "invalid_request"},
		{reason: oauth.RealmUnknown, status: 404, code: "invalid_request"},
		{reason: oauth.ScopeMissing, status: 403, code: "insufficient_scope"},
		{reason: oauth.RegistrationClosed, status: 403, code: "access_denied"},
		{reason: oauth.TooManyFailures, after: 1500 * time.Millisecond, status: 429, code: "temporarily_unavailable", retry: "2"},
		{reason: oauth.Busy, status: 503, code: "temporarily_unavailable", retry: "1"},
		{reason: oauth.Unavailable, after: 3 * time.Second, status: 503, code: "temporarily_unavailable", retry: "3"},
		{reason: oauth.InternalError, status: 500, code: "server_error"},
		{reason: "never heard of", status: 500, code: "server_error"},
	} {
		e := oauth.Fail(tc.reason, "subject")
		e.RetryAfter = tc.after
		e.Description = `about "it" \ ` + "ü\x00"
		w := httptest.NewRecorder()
		web.WriteError(w, e, `co"rp`)
		if w.Code != tc.status {
			t.Errorf("%s: status %d, want %d", tc.reason, w.Code, tc.status)
		}
		if got, want := w.Body.String(), `{"error":"`+tc.code+`","error_description":"about it  "}`; got != want {
			t.Errorf("%s: body %s, want %s", tc.reason, got, want)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Cache-Control": "no-store", "Www-Authenticate": tc.challenge, "Retry-After": tc.retry,
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", tc.reason, name, got, want)
			}
		}
	}
}

func TestAllow(t *testing.T) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPut, "/token", nil)
	if err := web.Allow(w, r, http.MethodPut); err != nil {
		t.Errorf("an allowed method was refused: %v", err)
	}
	err := web.Allow(w, r, http.MethodGet, http.MethodHead)
	if got := oauth.ReasonOf(err); got != oauth.RequestMethod {
		t.Errorf("reason %q, want %q", got, oauth.RequestMethod)
	}
	if got := w.Header().Get("Allow"); got != "GET, HEAD" {
		t.Errorf("Allow: %q", got)
	}
}

func TestDuplicatedNamesTheParameter(t *testing.T) {
	if got := web.Duplicated("scope").Description; got != "The parameter scope is given more than once. Send it once." {
		t.Errorf("got %q", got)
	}
	if got := web.Duplicated("\x00\"").Description; got != oauth.Fail(oauth.ParameterDuplicate, "").Description {
		t.Errorf("an unprintable name: got %q", got)
	}
}
