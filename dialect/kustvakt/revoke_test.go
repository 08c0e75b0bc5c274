package kustvakt_test

import (
	"net/http"
	"testing"
	"time"

	"sallyport/dialect/dialecttest"
)

// wantSuccess checks the answer to a revocation.
func wantSuccess(t *testing.T, name string, got dialecttest.Answer) {
	t.Helper()
	if got.Status != http.StatusOK || got.Body != "SUCCESS" {
		t.Errorf("%s: %d %s", name, got.Status, got.Body)
	}
	for header, want := range map[string]string{"Content-Type": "text/plain;charset=utf-8", "Cache-Control": "no-store", "Pragma": "no-store"} {
		if v := got.Header.Get(header); v != want {
			t.Errorf("%s: %s: %q, want %q", name, header, v, want)
		}
	}
}

func (h *house) revoke(raw string, pairs ...string) dialecttest.Answer {
	return h.post(revokePath, "", append([]string{"client_id", superID, "client_secret", superSecret, "token", raw}, pairs...)...)
}

func TestRevoke(t *testing.T) {
	h := open(t)
	first, second := h.login("dory", superID, superSecret), h.login("dory", superID, superSecret)
	wantSuccess(t, "access token", h.revoke(first.Access))
	if h.opens(first.Access) || !h.refreshes(first.Refresh) {
		t.Error("revoking an access token leaves its refresh token alive, and only that")
	}
	wantSuccess(t, "the same again", h.revoke(first.Access))
	if got := h.revoke(second.Refresh); got.Status != 401 || !h.refreshes(second.Refresh) {
		t.Errorf("a refresh token that is not said to be one: %d %s", got.Status, got.Body)
	}
	wantSuccess(t, "refresh token", h.revoke(second.Refresh, "token_type", "refresh_token"))
	if h.opens(second.Access) || h.refreshes(second.Refresh) {
		t.Error("revoking a refresh token ends its access tokens")
	}
	wantSuccess(t, "the same again", h.revoke(second.Refresh, "token_type", "refresh_token"))
	third := h.login("dory", superID, superSecret)
	fourth := h.get(basic(superID, superSecret), "grant_type", "refresh_token", "refresh_token", third.Refresh)
	wantSuccess(t, "a refresh token that has had a successor", h.revoke(third.Refresh, "token_type", "refresh_token"))
	if h.opens(fourth.Access) || h.refreshes(fourth.Refresh) {
		t.Error("signing out with a superseded refresh token left the grant alive")
	}
	old := h.login("dory", superID, superSecret)
	h.Clock.Advance(4 * 24 * time.Hour)
	wantSuccess(t, "an expired access token", h.revoke(old.Access, "token_type", "access_token"))
	public := h.get("", "grant_type", "password", "client_id", "publicsuper", "username", "dory", "password", "dorypass")
	wantSuccess(t, "a public client's", h.post(revokePath, "", "client_id", "publicsuper", "token", public.Access))
	if h.opens(public.Access) {
		t.Error("the public client's token lives on")
	}
}

func TestRevokeErrors(t *testing.T) {
	h := open(t)
	mine, digi := h.login("dory", superID, superSecret), h.login("dory", "wordpublic", secret)
	as := func(id, secret string, pairs ...string) []string {
		return append([]string{"client_id", id, "client_secret", secret}, pairs...)
	}
	h.check(t, []line{
		{name: "unknown token", path: revokePath, form: as(superID, superSecret, "token", "blah"), status: 401, body: a("invalid_token", "Access token is invalid")},
		{name: "unknown refresh token", path: revokePath, form: as(superID, superSecret, "token", "blah", "token_type", "refresh_token"), status: 401, body: a("invalid_token", "Access token is invalid")},
		{name: "no token", path: revokePath, form: as(superID, superSecret), status: 400, body: b("107", "refresh_token is null", "refresh_token")},
		{name: "no client", path: revokePath, form: []string{"token", mine.Access}, status: 400, body: a("invalid_request", "Missing parameter: client_id")},
		{name: "a header is not read", path: revokePath, auth: basic(superID, superSecret), form: []string{"token", mine.Access}, status: 400, body: a("invalid_request", "Missing parameter: client_id")},
		{name: "no secret", path: revokePath, form: []string{"client_id", superID, "token", mine.Access}, status: 400, body: a("invalid_request", "Missing parameter: client_secret")},
		{name: "no secret, from a client that another door lets omit it", path: revokePath, form: []string{"client_id", "wordpublic", "token", digi.Access}, status: 400, body: a("invalid_request", "Missing parameter: client_secret")},
		{name: "wrong secret", path: revokePath, source: "192.0.2.2", form: as(superID, "wrong", "token", mine.Access), status: 401, body: a("invalid_client", "Invalid client credentials")},
		{name: "unknown client", path: revokePath, form: as("blah", "x", "token", mine.Access), status: 401, body: a("invalid_client", "Unknown client: blah")},
		{name: "no stored secret", path: revokePath, form: as("unset", "x", "token", mine.Access), status: 401, body: a("invalid_client", "client_secret was not registered")},
	})
	if !h.opens(mine.Access) || !h.refreshes(mine.Refresh) || !h.opens(digi.Access) {
		t.Error("a refused revocation ended a token")
	}
}

// TestNoClientRevokesAnothersToken: in the product any authenticated client could revoke any token.
func TestNoClientRevokesAnothersToken(t *testing.T) {
	h := open(t)
	mine := h.login("dory", superID, superSecret)
	h.check(t, []line{
		{name: "access token", path: revokePath, form: []string{"client_id", plainID, "client_secret", secret, "token", mine.Access}, status: 401, body: a("invalid_token", "Access token is invalid")},
		{name: "refresh token", path: revokePath, form: []string{"client_id", plainID, "client_secret", secret, "token", mine.Refresh, "token_type", "refresh_token"}, status: 401, body: a("invalid_token", "Access token is invalid")},
		{name: "by another super client", path: revokePath, form: []string{"client_id", "limited", "client_secret", secret, "token", mine.Access}, status: 401, body: a("invalid_token", "Access token is invalid")},
	})
	if !h.opens(mine.Access) || !h.refreshes(mine.Refresh) {
		t.Error("another client ended the token")
	}
}

// through calls as a user through the super client.
func (h *house) through(path string, user tokens, pairs ...string) dialecttest.Answer {
	return h.post(path, "Bearer "+user.Access, append([]string{"super_client_id", superID, "super_client_secret", superSecret}, pairs...)...)
}

func TestRevokeForUser(t *testing.T) {
	h := open(t)
	dory, marlin := h.login("dory", superID, superSecret), h.login("marlin", superID, superSecret)
	access, refresh := h.login("dory", "limited", secret), h.login("dory", "limited", secret)
	wantSuccess(t, "access token", h.through(superPath, dory, "token", access.Access))
	if h.opens(access.Access) || !h.refreshes(access.Refresh) {
		t.Error("only the access token should have ended")
	}
	wantSuccess(t, "refresh token", h.through(superPath, dory, "token", refresh.Refresh))
	if h.opens(refresh.Access) || h.refreshes(refresh.Refresh) {
		t.Error("the grant should have ended")
	}
	wantSuccess(t, "unknown", h.through(superPath, dory, "token", "blah"))
	wantSuccess(t, "another user's access token", h.through(superPath, dory, "token", marlin.Access))
	wantSuccess(t, "another user's refresh token", h.through(superPath, dory, "token", marlin.Refresh))
	if !h.opens(marlin.Access) || !h.refreshes(marlin.Refresh) {
		t.Error("a user ended another user's token")
	}
	machine := h.get(basic(plainID, secret), "grant_type", "client_credentials")
	wantSuccess(t, "nobody's", h.through(superPath, dory, "token", machine.Access))
	if !h.opens(machine.Access) {
		t.Error("a user ended the token of a client that acts for itself")
	}
}

func TestRevokeAllForUser(t *testing.T) {
	h := open(t)
	dory := h.login("dory", superID, superSecret)
	one, two, other := h.login("dory", "limited", secret), h.login("dory", "limited", secret), h.login("marlin", "limited", secret)
	wantSuccess(t, "all", h.through(superAllPath, dory, "client_id", "limited"))
	for name, raw := range map[string]string{"first": one.Access, "second": two.Access} {
		if h.opens(raw) {
			t.Errorf("the %s access token opens", name)
		}
	}
	if h.refreshes(one.Refresh) || h.refreshes(two.Refresh) {
		t.Error("a refresh token lives on")
	}
	if !h.opens(other.Access) || !h.refreshes(other.Refresh) {
		t.Error("another user's tokens ended")
	}
	if !h.opens(dory.Access) {
		t.Error("tokens at another client ended")
	}
	wantSuccess(t, "none left", h.through(superAllPath, dory, "client_id", "limited"))
}

func TestCallsThroughSuperClientErrors(t *testing.T) {
	h := open(t)
	dory := h.login("dory", superID, superSecret)
	brief := h.login("dory", "limited", secret)
	wantSuccess(t, "revoke", h.through(superPath, dory, "token", brief.Access))
	machine := h.get(basic(plainID, secret), "grant_type", "client_credentials")
	user := "Bearer " + dory.Access
	super := []string{"super_client_id", superID, "super_client_secret", superSecret}
	invalid := b("2011", "Access token is invalid", "invalid_token")
	for _, path := range []string{superPath, superAllPath, listPath} {
		h.check(t, []line{
			{name: path + " no user", path: path, form: super, status: 401, body: b("2010", "Unauthorized operation for user: guest", "guest")},
			{name: path + " revoked", path: path, auth: "Bearer " + brief.Access, form: super, status: 401, body: invalid},
			{name: path + " unknown", path: path, auth: "Bearer blah", form: super, status: 401, body: invalid},
			{name: path + " refresh token", path: path, auth: "Bearer " + dory.Refresh, form: super, status: 401, body: invalid},
			{name: path + " no user behind it", path: path, auth: "Bearer " + machine.Access, form: super, status: 401, body: b("2001", "Context is not valid: missing username, password or authentication scheme.", "")},
			{name: path + " one word", path: path, auth: "Bearer", form: super, status: 401, body: b("2001", "Cannot parse authorization header value. Use this format: [authentication scheme] [authentication token]", "")},
			{name: path + " three words", path: path, auth: "Bearer a b", form: super, status: 401, body: b("2001", "Cannot parse authorization header value. Use this format: [authentication scheme] [authentication token]", "")},
			{name: path + " scheme Api", path: path, auth: "Api abc", form: super, status: 401, body: b("2001", "Authentication API is no longer supported.", "")},
			{name: path + " unknown scheme", path: path, auth: `Bl"ah abc`, form: super, status: 401, body: b("2001", "Authentication scheme is not supported.", "Blah")},
			{name: path + " Basic", path: path, auth: basic("dory", "dorypass"), form: super, status: 406, body: b("104", "Authentication provider for token type BASIC is not found.", "")},
			{name: path + " no super client", path: path, auth: user, status: 400, body: a("invalid_request", "Missing parameter: super_client_id")},
			{name: path + " no secret", path: path, auth: user, form: []string{"super_client_id", superID}, status: 400, body: a("invalid_request", "Missing parameter: super_client_secret")},
			{name: path + " wrong secret", path: path, auth: user, source: "192.0.2.2", form: []string{"super_client_id", superID, "super_client_secret", "x"}, status: 401, body: a("invalid_client", "Invalid super_client credentials")},
			{name: path + " unknown client", path: path, auth: user, form: []string{"super_client_id", "blah", "super_client_secret", "x"}, status: 401, body: a("invalid_client", "Unknown client: blah")},
			{name: path + " client off", path: path, auth: user, form: []string{"super_client_id", "off", "super_client_secret", secret}, status: 401, body: a("invalid_client", "Invalid super_client credentials")},
		})
	}
	notSuper := []string{"super_client_id", plainID, "super_client_secret", secret, "token", "x", "client_id", "x", "token_type", "access_token"}
	publicSuper := []string{"super_client_id", "publicsuper", "super_client_secret", "anything", "token", "x", "client_id", "x", "token_type", "access_token"}
	h.check(t, []line{
		{name: "revoke/super not super", path: superPath, auth: user, form: notSuper, status: 400, body: b("1803", "", "")},
		{name: "revoke/super/all not super", path: superAllPath, auth: user, form: notSuper, status: 400, body: b("1803", "", "")},
		{name: "token/list not super", path: listPath, auth: user, form: notSuper, status: 401, body: a("unauthorized_client", "Only super client is allowed.")},
		{name: "a public client proves nothing", path: superPath, auth: user, form: publicSuper, status: 400, body: b("1803", "", "")},
		{name: "revoke/super no token", path: superPath, auth: user, form: super, status: 400, body: b("107", "refresh_token is null", "token")},
		{name: "revoke/super/all no client", path: superAllPath, auth: user, form: super, status: 400, body: a("invalid_request", "Missing parameter: client_id")},
		{name: "revoke/super/all unknown client", path: superAllPath, auth: user, form: append([]string{"client_id", "blah"}, super...), status: 401, body: a("invalid_client", "Unknown client: blah")},
		{name: "token/list no token_type", path: listPath, auth: user, form: super, status: 400, body: a("invalid_request", "Missing token_type parameter value")},
		{name: "token/list other token_type", path: listPath, auth: user, form: append([]string{"token_type", "id_token"}, super...), status: 400, body: a("invalid_request", "Missing token_type parameter value")},
	})
	h.Clock.Advance(73 * time.Hour)
	for _, path := range []string{superPath, superAllPath, listPath} {
		h.check(t, []line{{name: path + " expired", path: path, auth: user, form: super, status: 401, body: b("2003", "Access token is expired", "")}})
	}
}
