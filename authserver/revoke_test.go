package authserver_test

import (
	"net/http"
	"testing"
	"time"

	"sallyport/dialect/dialecttest"
)

func TestRevoke(t *testing.T) {
	h := open(t)
	for _, id := range []string{"app", "reference", "opaque"} {
		for _, hint := range []string{"", "access_token", "refresh_token", "nonsense"} {
			first, second := h.login(id), h.login(id)
			revoke := func(raw string) {
				t.Helper()
				got := h.post("/revoke", basic(id, secret), "token", raw, "token_type_hint", hint)
				if got.Status != http.StatusOK || got.Body != "" || got.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: %d %v %q", id, got.Status, got.Header, got.Body)
				}
			}
			revoke(first.Access)
			if h.opens(first.Access) || !h.refreshes(first.Refresh) {
				t.Errorf("%s: revoking an access token leaves its refresh token alive, and only that", id)
			}
			revoke(first.Access)
			revoke(second.Refresh)
			if h.opens(second.Access) || h.refreshes(second.Refresh) {
				t.Errorf("%s: revoking a refresh token ends its access tokens", id)
			}
			revoke(second.Refresh)
			revoke("garbage")
		}
	}
}

func TestRevokeOldTokens(t *testing.T) {
	h := open(t)
	first := h.login("app")
	second := h.get("app", "grant_type", "refresh_token", "refresh_token", first.Refresh)
	old := h.login("reference")
	h.Clock.Advance(2 * time.Hour)
	for name, raw := range map[string]string{"expired": first.Access, "expired and dropped": old.Access, "superseded": first.Refresh} {
		if got := h.post("/revoke", basic("app", secret), "token", raw); got.Status != http.StatusOK || got.Body != "" {
			t.Errorf("%s: %d %q", name, got.Status, got.Body)
		}
	}
	if h.refreshes(second.Refresh) {
		t.Error("signing out with a superseded refresh token left the grant alive")
	}
}

// TestRevokeOwnTokensOnly: RFC 7009 section 2.1.
func TestRevokeOwnTokensOnly(t *testing.T) {
	h := open(t)
	own := h.login("app")
	for _, id := range []string{"api", "trusted"} {
		for _, raw := range []string{own.Access, own.Refresh} {
			got := h.post("/revoke", basic(id, secret), "token", raw)
			if want := `{"error":"invalid_grant","error_description":"The token was issued to another client."}`; got.Status != 400 || got.Body != want {
				t.Errorf("%s: %d %s", id, got.Status, got.Body)
			}
		}
	}
	if !h.opens(own.Access) || !h.refreshes(own.Refresh) {
		t.Error("another client ended the token")
	}
}

func TestRevokeByPublicClient(t *testing.T) {
	h := open(t)
	got := h.post("/token", "", "grant_type", "password", "client_id", "public", "username", "dory", "password", "password of dory")
	raw := got.Text("access_token")
	if done := h.post("/revoke", "", "client_id", "public", "token", raw); done.Status != http.StatusOK || h.opens(raw) {
		t.Errorf("%d %q", done.Status, done.Body)
	}
}

func TestRevokeRefusals(t *testing.T) {
	h := open(t)
	own := h.login("app").Access
	for _, tc := range []struct {
		name   string
		call   dialecttest.Call
		status int
		code   string
	}{
		{"nobody", dialecttest.Call{Body: form("token", own)}, 401, "invalid_client"},
		{"wrong secret", dialecttest.Call{Auth: basic("app", "x"), Body: form("token", own)}, 401, "invalid_client"},
		{"confidential client without its secret", dialecttest.Call{Body: form("token", own, "client_id", "app")}, 401, "invalid_client"},
		{"client that a front door lets omit its secret", dialecttest.Call{Body: form("token", h.login("wordpublic").Access, "client_id", "wordpublic")}, 401, "invalid_client"},
		{"no token", dialecttest.Call{Auth: basic("app", secret)}, 400, "invalid_request"},
		{"empty token", dialecttest.Call{Auth: basic("app", secret), Body: "token="}, 400, "invalid_request"},
		{"two tokens", dialecttest.Call{Auth: basic("app", secret), Body: "token=a&token=b"}, 400, "invalid_request"},
	} {
		tc.call.Path = "/revoke"
		got := h.Do(h.routes, tc.call)
		if got.Status != tc.status || got.Text("error") != tc.code || (got.Header.Get("WWW-Authenticate") != "") != (tc.status == 401) {
			t.Errorf("%s: %d %v %s", tc.name, got.Status, got.Header, got.Body)
		}
	}
	h.disk.Away.Store(true)
	got := h.post("/revoke", basic("app", secret), "token", own)
	if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("store away: %d %v %s", got.Status, got.Header, got.Body)
	}
	h.disk.Away.Store(false)
	if !h.opens(own) {
		t.Error("a refused revocation ended the token")
	}
}
