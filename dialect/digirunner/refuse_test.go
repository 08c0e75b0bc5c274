package digirunner_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sallyport/dialect"
	"sallyport/dialect/digirunner"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/scope"
)

// dialectDeps are enough for what needs neither engine nor store.
func dialectDeps() dialect.Deps { return dialect.Deps{} }

type gatewayRow struct {
	name, tries string
	refusal     policy.Refusal
	auth        string
	status      int
	body        string
	challenge   string
}

func gatewayRows() []gatewayRow {
	const jwt = "e30.eyJqdGkiOiJhLWp0aSIsImNsaWVudF9pZCI6InRzcGNsaWVudCIsInVzZXJfbmFtZSI6InRzcHVzZXIifQ.c2ln" // jti a-jti, tspclient, tspuser
	const path = "/orders/7"
	invalid := `Bearer realm="default", error="invalid_token"`
	refused := func(status int, reason oauth.Reason) policy.Refusal {
		return policy.Refusal{Status: status, Reason: reason, Scheme: "Bearer", Challenge: oauth.InvalidToken}
	}
	plain := func(status int, reason oauth.Reason, detail string) policy.Refusal {
		return policy.Refusal{Status: status, Reason: reason, Detail: detail}
	}
	return []gatewayRow{
		{"no credential", "gateway/token_missing", policy.Refusal{Status: 401, Reason: oauth.TokenMissing, Scheme: "Bearer"}, "", 401, e1("401", "Unauthorized", "Unauthorized", path), `Bearer realm="default"`},
		{"garbage: no fault of the server", "gateway/token_malformed", refused(401, oauth.TokenMalformed), "Bearer x", 401, e2("invalid_token", notJSON), invalid},
		{"expired", "gateway/token_expired", refused(401, oauth.TokenExpired), "bearer " + jwt, 401, e2("invalid_token", "Access token expired: "+jwt), invalid},
		{"revoked", "gateway/token_revoked", refused(401, oauth.TokenRevoked), "Bearer " + jwt, 403, e2("invalid_token", "Access token revoked, jti: a-jti"), invalid},
		{"revoked, not a JWT", "gateway/token_revoked", refused(401, oauth.TokenRevoked), "Bearer 0123abcd", 403, e2("invalid_token", "Access token revoked, jti: "), invalid},
		{"scope", "gateway/scope_missing", policy.Refusal{Status: 403, Reason: oauth.ScopeMissing, Scheme: "Bearer", Challenge: oauth.InsufficientScope, Scope: scope.Set{"a", "b"}}, "Bearer " + jwt, 403,
			e1("403", "Forbidden", "Token Violates Scope Authorization Access Settings", path), `Bearer realm="default", error="insufficient_scope", scope="a b"`},
		{"client off", "common/client_disabled", plain(403, oauth.ClientDisabled, ""), "Bearer " + jwt, 403, e1("403", "Forbidden", "'tspclient' Client(application) disable", path), ""},
		{"client locked", "common/client_locked", plain(403, oauth.ClientLocked, ""), "Bearer " + jwt, 403, e1("403", "Forbidden", "'tspclient' Client(application) locked", path), ""},
		{"user off", "gateway/user_disabled", plain(403, oauth.UserDisabled, ""), "Bearer " + jwt, 403, e1("403", "Forbidden", "'tspuser' User disable", path), ""},
		{"user locked", "gateway/user_locked", plain(403, oauth.UserLocked, ""), "Bearer " + jwt, 403, e1("403", "Forbidden", "'tspuser' User locked", path), ""},
		{"database away", "common/unavailable", plain(503, oauth.Unavailable, "The token cannot be checked now."), "", 503, e1("503", "Service Unavailable", "The token cannot be checked now.", path), ""},
		{"without words of the product", "", plain(502, "upstream_away", "The upstream does not answer."), "", 502, e1("502", "Bad Gateway", "The upstream does not answer.", path), ""},
	}
}

func TestGatewayRefusals(t *testing.T) {
	d := digirunner.New(dialectDeps())
	for _, tc := range gatewayRows() {
		r := httptest.NewRequest(http.MethodGet, "/orders/7?secret=1", nil)
		r = r.WithContext(realm.NewContext(r.Context(), &realm.Realm{Name: realm.Default}))
		if tc.auth != "" {
			r.Header.Set("Authorization", tc.auth)
		}
		w := httptest.NewRecorder()
		d.Refuse(w, r, &policy.Call{}, &tc.refusal)
		body := timestamp.ReplaceAllString(w.Body.String(), `"timestamp":"<ms>"`)
		if w.Code != tc.status || body != tc.body {
			t.Errorf("%s:\n got %d %s\nwant %d %s", tc.name, w.Code, body, tc.status, tc.body)
		}
		h := w.Header()
		if got := h.Get("WWW-Authenticate"); got != tc.challenge {
			t.Errorf("%s: challenge %q, want %q", tc.name, got, tc.challenge)
		}
		if h.Get("Content-Type") != "application/json" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", tc.name, h)
		}
	}
}

// TestRefusalsAreBounded: a refusal repeats at most so much of a stranger's token and path.
func TestRefusalsAreBounded(t *testing.T) {
	d := digirunner.New(dialectDeps())
	r := httptest.NewRequest(http.MethodGet, "/"+strings.Repeat("p", 100000), nil)
	r.Header.Set("Authorization", "Bearer "+strings.Repeat("a", 500000))
	for _, reason := range []oauth.Reason{oauth.TokenExpired, oauth.TokenRevoked, oauth.TokenMissing} {
		w := httptest.NewRecorder()
		d.Refuse(w, r, &policy.Call{}, &policy.Refusal{Status: 401, Reason: reason})
		if w.Body.Len() > 9000 {
			t.Errorf("%s: %d bytes", reason, w.Body.Len())
		}
	}
}

// TestTheGatewaysOwnChallengeStays: what the gateway has set is not overwritten.
func TestTheGatewaysOwnChallengeStays(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("WWW-Authenticate", `Bearer realm="orders"`)
	digirunner.New(dialectDeps()).Refuse(w, httptest.NewRequest(http.MethodGet, "/", nil), &policy.Call{}, &policy.Refusal{Status: 401, Reason: oauth.TokenMissing})
	if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="orders"` {
		t.Errorf("challenge %q", got)
	}
}
