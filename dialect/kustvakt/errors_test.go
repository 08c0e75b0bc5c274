package kustvakt_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/dialect/dialecttest"
)

// a is the OAuth shape, byte for byte; b is the product's own.
func a(code, description string) string {
	return `{"error":"` + code + `","error_description":"` + description + `"}`
}

func b(code, message, entity string) string {
	quote := func(s string) string {
		if s == "" {
			return "null"
		}
		return `"` + s + `"`
	}
	return `{"errors":[[` + code + `,` + quote(message) + `,` + quote(entity) + `]]}` + "\n"
}

// A line is one row of the contract's error table.
type line struct {
	name   string
	path   string // tokenPath
	auth   string
	form   []string
	kind   string // content type
	source string
	status int
	body   string
}

const basicOnly = `Basic realm="Kustvakt"`

func (h *house) check(t *testing.T, lines []line) {
	t.Helper()
	for _, l := range lines {
		if l.path == "" {
			l.path = tokenPath
		}
		got := h.Do(h.routes, dialecttest.Call{Path: l.path, Auth: l.auth, Body: form(l.form...), Type: l.kind, Source: l.source})
		if got.Status != l.status {
			t.Errorf("%s: status %d, want %d", l.name, got.Status, l.status)
		}
		if diff := cmp.Diff(l.body, got.Body); diff != "" {
			t.Errorf("%s: body (-want +got):\n%s", l.name, diff)
		}
		challenge := ""
		if l.status == http.StatusUnauthorized {
			challenge = basicOnly
		}
		wantHeaders(t, l.name, got, challenge)
		ownShape := strings.HasPrefix(l.body, `{"errors"`)
		if n := len(got.Header.Values("WWW-Authenticate")); l.status == http.StatusUnauthorized && (n == 2) != ownShape {
			t.Errorf("%s: %d challenges", l.name, n)
		}
		if ownShape && l.status == http.StatusUnauthorized {
			if bearer := got.Header.Values("WWW-Authenticate")[1]; !strings.HasPrefix(bearer, `Bearer realm="Kustvakt"`) {
				t.Errorf("%s: second challenge %q", l.name, bearer)
			}
		}
	}
}

func TestTokenErrors(t *testing.T) {
	h := open(t)
	super := basic(superID, superSecret)
	login := []string{"grant_type", "password", "username", "dory", "password", "dorypass"}
	with := func(pairs ...string) []string { return append(slices.Clone(login), pairs...) }
	h.check(t, []line{
		{name: "no grant_type", auth: super, status: 400, body: a("invalid_request", "Missing grant_type parameter")},
		{name: "empty grant_type", form: []string{"grant_type", ""}, status: 400, body: a("invalid_request", "Missing grant_type parameter")},
		{name: "unknown grant", form: []string{"grant_type", "blahblah"}, status: 400, body: a("invalid_request", "Invalid or unsupported grant type: blahblah")},
		{name: "unknown grant, before the client", auth: basic("nobody", "x"), form: []string{"grant_type", "blahblah"}, status: 400, body: a("invalid_request", "Invalid or unsupported grant type: blahblah")},
		{name: "unknown grant that would break the answer", form: []string{"grant_type", "a\"b\\ü\n"}, status: 400, body: a("invalid_request", "Invalid or unsupported grant type: ab")},
		{name: "no client_id", form: login, status: 400, body: a("invalid_request", "The value must not be null or empty string")},
		{name: "empty client_id", form: with("client_id", ""), status: 400, body: a("invalid_request", "The value must not be null or empty string")},
		{name: "empty id in the header", auth: basic("", "x"), form: login, status: 400, body: a("invalid_request", "The value must not be null or empty string")},
		{name: "malformed Basic", auth: "Basic ???", form: login, status: 400, body: a("invalid_request", "Malformed client secret basic authentication (see RFC 6749, section 2.3.1): Not Base64 of client_id:client_secret")},
		{name: "Basic without a colon", auth: "Basic YWJj", form: login, status: 400, body: a("invalid_request", "Malformed client secret basic authentication (see RFC 6749, section 2.3.1): Not Base64 of client_id:client_secret")},
		{name: "Bearer header", auth: "Bearer abc", form: login, status: 400, body: a("invalid_request", "HTTP authentication must be Basic")},
		{name: "other header", auth: "Digest abc", form: login, status: 400, body: a("invalid_request", "HTTP authentication must be Basic")},
		{name: "client credentials without a secret", form: []string{"grant_type", "client_credentials", "client_id", plainID}, status: 400, body: a("invalid_request", "Malformed client secret post authentication: Missing client_secret parameter")},
		{name: "client credentials with an empty secret", form: []string{"grant_type", "client_credentials", "client_id", publicID, "client_secret", ""}, status: 400, body: a("invalid_request", "Missing parameter: client_secret")},
		{name: "client credentials by Basic with an empty secret", auth: basic(publicID, ""), form: []string{"grant_type", "client_credentials"}, status: 400, body: a("invalid_request", "Missing parameter: client_secret")},
		{name: "unknown client", form: with("client_id", "blah"), status: 401, body: a("invalid_client", "Unknown client: blah")},
		{name: "unknown client with a quote", form: with("client_id", `bl"ah\ü`), status: 401, body: a("invalid_client", "Unknown client: blah")},
		{name: "confidential without a secret", form: with("client_id", superID), status: 400, body: a("invalid_request", "Missing parameter: client_secret")},
		{name: "confidential with an empty secret", form: with("client_id", superID, "client_secret", ""), status: 400, body: a("invalid_request", "Missing parameter: client_secret")},
		{name: "wrong secret", auth: basic(superID, "wrong"), source: "192.0.2.2", form: login, status: 401, body: a("invalid_client", "Invalid client credentials")},
		{name: "no stored secret", auth: basic("unset", "x"), form: login, status: 401, body: a("invalid_client", "client_secret was not registered")},
		{name: "client switched off", auth: basic("off", secret), form: login, status: 401, body: a("invalid_client", "Invalid client credentials")},
		{name: "client locked", auth: basic("locked", secret), form: login, status: 401, body: a("invalid_client", "Invalid client credentials")},
		{name: "password, confidential but not super", auth: basic(plainID, secret), form: login, status: 401, body: a("unauthorized_client", "Password grant is not allowed for third party clients")},
		{name: "password, public", form: with("client_id", publicID), status: 401, body: a("unauthorized_client", "Password grant is not allowed for third party clients")},
		{name: "password, no such grant for the client", auth: basic("nogrants", secret), form: login, status: 401, body: a("unauthorized_client", "Password grant is not allowed for third party clients")},
		{name: "password, super check before the user", auth: basic(plainID, secret), form: []string{"grant_type", "password", "username", "nobody", "password", "x"}, status: 401, body: a("unauthorized_client", "Password grant is not allowed for third party clients")},
		{name: "no username", auth: super, form: []string{"grant_type", "password", "password", "x"}, status: 400, body: a("invalid_request", "Missing or empty username parameter")},
		{name: "empty username", auth: super, form: []string{"grant_type", "password", "username", "", "password", "x"}, status: 400, body: a("invalid_request", "Missing or empty username parameter")},
		{name: "no password", auth: super, form: []string{"grant_type", "password", "username", "dory"}, status: 400, body: a("invalid_request", "Missing or empty password parameter")},
		{name: "empty password", auth: super, form: []string{"grant_type", "password", "username", "dory", "password", ""}, status: 400, body: a("invalid_request", "Missing or empty password parameter")},
		{name: "wrong password", auth: super, source: "192.0.2.3", form: []string{"grant_type", "password", "username", "dory", "password", "x"}, status: 401, body: b("2023", "LDAP Authentication failed due to unknown user or password!", "dory")},
		{name: "unknown user", auth: super, source: "192.0.2.3", form: []string{"grant_type", "password", "username", `no"body`, "password", "x"}, status: 401, body: b("2023", "LDAP Authentication failed due to unknown user or password!", `no\"body`)},
		{name: "locked user", auth: super, form: []string{"grant_type", "password", "username", "lockeduser", "password", "lockeduserpass"}, status: 401, body: b("2024", "LDAP Authentication: known user is locked!", "lockeduser")},
		{name: "disabled user", auth: super, form: []string{"grant_type", "password", "username", "offuser", "password", "offuserpass"}, status: 401, body: b("2025", "LDAP Authentication: known user, but not registered for this service!", "offuser")},
		{name: "a very long name", auth: super, source: "192.0.2.4", form: []string{"grant_type", "password", "username", strings.Repeat("ü", 60), "password", "x"}, status: 401, body: b("2023", "LDAP Authentication failed due to unknown user or password!", strings.Repeat("ü", 50))},
		{name: "a very long name, cut at a character", auth: super, source: "192.0.2.4", form: []string{"grant_type", "password", "username", "x" + strings.Repeat("ü", 60), "password", "x"}, status: 401, body: b("2023", "LDAP Authentication failed due to unknown user or password!", "x"+strings.Repeat("ü", 49))},
		{name: "user before scope", auth: super, source: "192.0.2.3", form: []string{"grant_type", "password", "username", "nobody", "password", "x", "scope", "nonsense"}, status: 401, body: b("2023", "LDAP Authentication failed due to unknown user or password!", "nobody")},
		{name: "scope in capitals", auth: basic("limited", secret), form: with("scope", "VC_Info"), status: 400, body: a("invalid_scope", "Scope vc_info is not authorized.")},
		{name: "unknown scope", auth: super, form: with("scope", "search nonsense"), status: 400, body: a("invalid_scope", "Invalid scope")},
		{name: "scope outside its grammar", auth: super, form: with("scope", `se"arch`), status: 400, body: a("invalid_scope", "Invalid scope")},
		{name: "scope the client may not have", auth: basic("limited", secret), form: with("scope", "vc_info"), status: 400, body: a("invalid_scope", "Scope vc_info is not authorized.")},
		{name: "other grant the client may not use", auth: basic("nogrants", secret), form: []string{"grant_type", "client_credentials"}, status: 401, body: a("unauthorized_client", "The grant type is not allowed for this client")},
		{name: "repeated parameter", form: []string{"scope", "a", "scope", "b"}, status: 400, body: a("invalid_request", "Parameter(s) present more than once: [scope]")},
		{name: "JSON", kind: "application/json", form: login, status: 415, body: a("invalid_request", "This endpoint does not read that content type. Send application/x-www-form-urlencoded.")},
		{name: "no content type", kind: "-", form: login, status: 415, body: a("invalid_request", "This endpoint does not read that content type. Send application/x-www-form-urlencoded.")},
		{name: "fault", auth: basic(plainID, secret), form: []string{"grant_type", "fault", "reason", "internal_error"}, status: 500, body: a("server_error", "Something went wrong on the server. The log has the details.")},
	})
}

func TestRefreshErrors(t *testing.T) {
	h := open(t)
	super := basic(superID, superSecret)
	refresh := func(raw string, pairs ...string) []string {
		return append([]string{"grant_type", "refresh_token", "refresh_token", raw}, pairs...)
	}
	ours := h.login("dory", superID, superSecret, "scope", "search")
	ended := h.login("dory", superID, superSecret)
	brief := h.login("dory", "short", secret)
	revoked := h.post(revokePath, "", "client_id", superID, "client_secret", superSecret, "token", ended.Refresh, "token_type", "refresh_token")
	if revoked.Status != http.StatusOK {
		t.Fatalf("revoke: %d %s", revoked.Status, revoked.Body)
	}
	h.check(t, []line{
		{name: "no token", auth: super, form: []string{"grant_type", "refresh_token"}, status: 400, body: a("invalid_request", "Missing or empty refresh_token parameter")},
		{name: "empty token", auth: super, form: refresh(""), status: 400, body: a("invalid_request", "Missing or empty refresh_token parameter")},
		{name: "unknown", auth: super, form: refresh("fia0123ikBWn931470H8s5gRqx7Moc4p"), status: 400, body: a("invalid_grant", "Refresh token is not found")},
		{name: "revoked", auth: super, form: refresh(ended.Refresh), status: 400, body: a("invalid_grant", "Refresh token has been revoked")},
		{name: "other client's", auth: basic(plainID, secret), form: refresh(ours.Refresh), status: 401, body: a("invalid_client", "Client ID is not authorized")},
		{name: "client first", auth: basic(superID, "wrong"), source: "192.0.2.4", form: refresh("x"), status: 401, body: a("invalid_client", "Invalid client credentials")},
		{name: "scope beyond", auth: super, form: refresh(ours.Refresh, "scope", "search match_info"), status: 400, body: a("invalid_scope", "Scope match_info is not authorized.")},
		{name: "unknown scope", auth: super, form: refresh(ours.Refresh, "scope", "nonsense"), status: 400, body: a("invalid_scope", "Invalid scope")},
	})
	if !h.refreshes(ours.Refresh) {
		t.Error("a refused refresh used the token up")
	}
	h.Clock.Advance(2 * time.Hour)
	h.check(t, []line{
		{name: "expired", auth: basic("short", secret), form: refresh(brief.Refresh), status: 400, body: a("invalid_grant", "Refresh token is expired")},
	})
}

func TestThrottledGuesses(t *testing.T) {
	h := open(t)
	var got dialecttest.Answer
	for range 20 {
		got = h.Do(h.routes, dialecttest.Call{Path: tokenPath, Auth: basic(superID, "guess"), Source: "198.51.100.7", Body: form("grant_type", "password", "username", "dory", "password", "dorypass")})
		if got.Status != http.StatusUnauthorized {
			break
		}
	}
	if got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" || got.Body != a("temporarily_unavailable", "Rate limit exceeded") {
		t.Errorf("%d %v %s", got.Status, got.Header, got.Body)
	}
	if !h.opens(h.login("dory", superID, superSecret).Access) {
		t.Error("a stranger locked the client out")
	}
}

// TestStoreAway: nobody is told that a credential is wrong.
func TestStoreAway(t *testing.T) {
	h := open(t)
	first := h.login("dory", superID, superSecret)
	h.disk.Away.Store(true)
	h.check(t, []line{
		{name: "password", auth: basic(superID, superSecret), form: []string{"grant_type", "password", "username", "dory", "password", "dorypass"}, status: 503, body: a("temporarily_unavailable", "The server cannot reach its database. Try again shortly.")},
		{name: "client credentials", auth: basic(plainID, secret), form: []string{"grant_type", "client_credentials"}, status: 503, body: a("temporarily_unavailable", "The server cannot reach its database. Try again shortly.")},
		{name: "revoke", path: revokePath, form: []string{"client_id", superID, "client_secret", superSecret, "token", first.Access}, status: 503, body: a("temporarily_unavailable", "The server cannot reach its database. Try again shortly.")},
	})
	if !strings.Contains(h.Log.String(), "the disk is full") || strings.Contains(h.Log.String(), "dorypass") || strings.Contains(h.Log.String(), first.Access) {
		t.Errorf("log: %s", h.Log)
	}
	h.disk.Away.Store(false)
	if !h.opens(first.Access) || !h.refreshes(first.Refresh) {
		t.Error("an outage cost a token")
	}
}

func TestBadInput(t *testing.T) {
	h := open(t)
	for path := range h.routes {
		if strings.HasSuffix(path, "/authorize") {
			continue // that is read by GET; see TestAuthorizeBadInput
		}
		ordinary := dialecttest.Call{Path: path, Auth: basic(superID, superSecret), Body: form("grant_type", "password", "username", "dory", "password", "dorypass")}
		for name, c := range dialecttest.BadInput(ordinary) {
			got := h.Do(h.routes, c)
			if want := dialecttest.WantStatus(name); got.Status != want || got.Text("error") != "invalid_request" || got.Text("error_description") == "" {
				t.Errorf("%s: %s: %d %s, want %d", path, name, got.Status, got.Body, want)
			}
			wantHeaders(t, path+": "+name, got, "")
		}
	}
	if got := h.Do(h.routes, dialecttest.Call{Path: tokenPath, Realm: "nowhere"}); got.Status != http.StatusNotFound || got.Text("error") != "invalid_request" {
		t.Errorf("unknown realm: %d %s", got.Status, got.Body)
	}
	if n := len(h.routes); n != 18 {
		t.Errorf("%d routes, want six under each of three prefixes", n)
	}
}
