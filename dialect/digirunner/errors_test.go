package digirunner_test

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect/digirunner"
	"sallyport/feed"
	"sallyport/realm"
	"sallyport/user"
)

// A row tries one row of the tables: the call, and the answer to the byte. rows collects what has been tried.
type row struct {
	name   string
	tries  string // table/reason
	call   call
	status int
	body   string
	header map[string]string
}

const (
	tokenPath   = "/oauth/token"
	v2Path      = "/oauth/v2/token"
	inspectPath = "/oauth/introspection"
	revokePath  = "/oauth/revocation"
	credentials = "grant_type=client_credentials"
	fullAuth    = "Full authentication is required to access this resource"
	notJSON     = "Cannot convert access token to JSON"
	wrongSecret = "The client account or password is incorrect. clientId: "
)

func (h *house) try(rows []row) {
	h.t.Helper()
	for _, tc := range rows {
		got := h.do(tc.call)
		if got.status != tc.status || got.body != tc.body {
			h.t.Errorf("%s:\n got %d %s\nwant %d %s", tc.name, got.status, got.body, tc.status, tc.body)
		}
		if kind := got.header.Get("Content-Type"); kind != "application/json" {
			h.t.Errorf("%s: content type %q", tc.name, kind)
		}
		if sniff := got.header.Get("X-Content-Type-Options"); sniff != "nosniff" {
			h.t.Errorf("%s: X-Content-Type-Options %q", tc.name, sniff)
		}
		for name, want := range tc.header {
			if v := got.header.Get(name); v != want {
				h.t.Errorf("%s: %s: %q, want %q", tc.name, name, v, want)
			}
		}
	}
}

// clientRows are refusals of the client at the token endpoint, in the order of checks.
func clientRows() []row {
	unauthorized := func(msg string) string { return e1("401", "Unauthorized", msg, tokenPath) }
	basicChallenge := map[string]string{"WWW-Authenticate": `Basic realm="default", charset="UTF-8"`}
	form := func(id, secret string) call {
		return call{auth: "-", form: credentials + "&client_id=" + id + "&client_secret=" + secret}
	}
	return []row{
		{"no grant type", "token/grant_type_missing", call{auth: "-"}, 400, e2("invalid_request", "Missing grant type"), map[string]string{"WWW-Authenticate": ""}},
		{"no header", "token/client_auth_missing", call{auth: "-", form: passwordForm}, 401, unauthorized("Missing required parameter: Authorization"), basicChallenge},
		{"not Basic", "token/client_auth_missing", call{auth: "Bearer x", form: passwordForm}, 401, unauthorized("Missing required parameter: Authorization"), basicChallenge},
		{"no colon", "token/client_auth_malformed", call{auth: "Basic eHl6", form: passwordForm}, 401, unauthorized("Unauthorized"), basicChallenge},
		{"not Base64: no fault of the server", "token/client_auth_malformed", call{auth: "Basic !", form: passwordForm}, 401, unauthorized("Unauthorized"), basicChallenge},
		{"no client id", "common/client_missing", call{auth: basic("", "x"), form: passwordForm}, 400, e2("invalid_request", "Missing required parameter: client_id"), nil},
		{"empty client id in the form", "common/client_missing", form("", "eA=="), 400, e2("invalid_request", "Missing required parameter: client_id"), nil},
		{"unknown client", "common/client_unknown", call{auth: basic("who", "x"), form: passwordForm}, 401, unauthorized("The client(application) was not found. client_id: who"), basicChallenge},
		{"unknown client in the form", "common/client_unknown", form("who", "eA=="), 401, unauthorized("The client(application) was not found. client_id: who"), nil},
		{"an id that wants escaping", "common/client_unknown", call{auth: basic(`<a>&"`, "x"), form: passwordForm}, 401, unauthorized(`The client(application) was not found. client_id: <a>&\"`), nil},
		{"client off", "common/client_disabled", call{auth: basic("off", "tsp123abcd"), form: passwordForm}, 403, e1("403", "Forbidden", "'off' Client(application) disable", tokenPath), nil},
		{"client locked", "common/client_locked", call{auth: basic("locked", "tsp123abcd"), form: passwordForm}, 403, e1("403", "Forbidden", "'locked' Client(application) locked", tokenPath), nil},
		{"before the client's time", "common/client_not_yet_valid", call{auth: basic("early", "tsp123abcd"), form: passwordForm}, 403,
			e1("403", "Client before start day", "Client before start day, start day(yyyy-MM-ddZ): 2026-03-03+0000", tokenPath), nil},
		{"after the client's time", "common/client_expired", call{auth: basic("late", "tsp123abcd"), form: passwordForm}, 403,
			e1("403", "Client expired", "Client expired, end day(yyyy-MM-ddZ): 2026-02-27+0000", tokenPath), nil},
		{"no secret", "token/client_secret_missing", call{auth: basic("plain", ""), form: passwordForm}, 400, e2("invalid_request", "Missing client_secret"), nil},
		{"no secret to refresh, not public", "token/client_secret_missing", call{auth: basic("plain", ""), form: "grant_type=refresh_token&refresh_token=x"}, 400, e2("invalid_request", "Missing client_secret"), nil},
		{"no secret for a password, though public", "token/client_secret_missing", call{auth: tspPublic, form: passwordForm}, 400, e2("invalid_request", "Missing client_secret"), nil},
		{"no secret in the form", "token/client_secret_missing", form("tspclient", ""), 400, e2("invalid_request", "Missing client_secret"), nil},
		{"wrong secret", "common/client_secret_wrong", call{auth: basic("plain", "x"), form: passwordForm, source: "192.0.2.9"}, 401, unauthorized(wrongSecret + "plain"), basicChallenge},
		{"secret without Base64", "common/client_secret_wrong", call{auth: "Basic " + base64.StdEncoding.EncodeToString([]byte("plain:tsp123abcd!")), form: passwordForm, source: "192.0.2.10"}, 401, unauthorized(wrongSecret + "plain"), nil},
		{"a client that has no secret", "common/client_secret_unset", call{auth: basic("unset", "tsp123abcd"), form: passwordForm}, 401, unauthorized(wrongSecret + "unset"), nil},
		{"empty grant type", "token/grant_type_empty", call{form: "grant_type="}, 401, e2("unauthorized", fullAuth), nil},
		{"unknown grant", "token/grant_unsupported", call{form: "grant_type=Magic"}, 400, e2("unsupported_grant_type", "Unsupported grant type: Magic"), nil},
		{"a code for a client that sends nobody", "token/grant_not_allowed", call{form: "grant_type=authorization_code&code=x"}, 400, e2("invalid_request", "Unauthorized grant type: authorization_code"), nil},
		{"a grant the client does not have", "token/grant_not_allowed", call{auth: basic("machine", "tsp123abcd"), form: "grant_type=PASSWORD"}, 400, e2("invalid_request", "Unauthorized grant type: PASSWORD"), nil},
	}
}

func TestClientRefusals(t *testing.T) { open(t, nil).try(clientRows()) }

func passwordRows() []row {
	bad := e2("invalid_grant", "Bad credentials")
	return []row{
		{"no user name", "token/username_missing", call{form: "grant_type=password&password=YQ=="}, 400, bad, nil},
		{"empty user name", "token/username_empty", call{form: "grant_type=password&username=&password=YQ=="}, 401, e2("unauthorized", fullAuth), nil},
		{"no password", "token/password_missing", call{form: "grant_type=password&username=tspuser"}, 400, bad, nil},
		{"blank password", "token/password_missing", call{form: "grant_type=password&username=tspuser&password=++"}, 400, bad, nil},
		{"unknown user", "token/user_unknown", call{form: "grant_type=password&username=nobody&password=YQ=="}, 401, bad, map[string]string{"WWW-Authenticate": ""}},
		{"wrong password", "token/password_wrong", call{form: "grant_type=password&username=tspuser&password=YQ=="}, 401, bad, nil},
		{"password without Base64", "token/password_wrong", call{form: "grant_type=password&username=tspuser&password=user123abcd!"}, 401, bad, nil},
		{"user off", "token/user_disabled", call{form: "grant_type=password&username=offuser&password=dXNlcjEyM2FiY2Q="}, 403, e1("403", "Forbidden", "'offuser' User disable", tokenPath), nil},
		{"user off, wrong password: status first", "token/user_disabled", call{form: "grant_type=password&username=offuser&password=YQ=="}, 403, e1("403", "Forbidden", "'offuser' User disable", tokenPath), nil},
		{"user locked", "token/user_locked", call{form: "grant_type=password&username=lockeduser&password=dXNlcjEyM2FiY2Q="}, 403, e1("403", "Forbidden", "'lockeduser' User locked", tokenPath), nil},
		{"user locked, wrong password", "token/user_locked", call{form: "grant_type=password&username=lockeduser&password=YQ==", source: "192.0.2.8"}, 403, e1("403", "Forbidden", "'lockeduser' User locked", tokenPath), nil},
	}
}

func TestPasswordRefusals(t *testing.T) { open(t, nil).try(passwordRows()) }

func TestWrongPasswordStatusIsASetting(t *testing.T) {
	h := open(t, func(s *deployment.ChangeSet) {
		for _, c := range s.Clients {
			if c.ID == "tspclient" {
				c.Realm = "lenient"
			}
		}
	})
	for _, form := range []string{"grant_type=password&username=nobody&password=YQ==", "grant_type=password&username=tspuser&password=YQ=="} {
		got := h.do(call{realm: "lenient", form: form})
		if want := e2("invalid_grant", "Bad credentials"); got.status != http.StatusBadRequest || got.body != want {
			t.Errorf("%s: %d %s", form, got.status, got.body)
		}
	}
}

func refreshRows(h *house) []row {
	h.t.Helper()
	own := h.issue(call{form: passwordForm})
	foreign := h.issue(call{auth: basic("other", "tsp123abcd"), form: passwordForm})
	ended := h.issue(call{form: passwordForm})
	if got := h.do(call{path: revokePath, form: "token_type_hint=refresh_token&client_id=tspclient&client_secret=tsp123abcd&token=" + ended.Refresh}); got.status != http.StatusOK {
		h.t.Fatalf("revocation: %d %s", got.status, got.body)
	}
	once := h.issue(call{auth: basic("once", "tsp123abcd"), form: passwordForm})
	once = h.issue(call{auth: basic("once", "tsp123abcd"), form: refreshForm(once.Refresh)})
	gone, stopped := h.issue(call{form: loginForm("gone")}), h.issue(call{form: loginForm("loner")})
	loner := *founding(h.clock.Now()).Users[3]
	loner.Status = user.Locked
	if err := h.store.Commit(h.t.Context(), deployment.ChangeSet{
		Users: []*user.User{&loner}, Deleted: []deployment.Ref{{Kind: feed.User, Realm: realm.Default, ID: "gone"}},
	}); err != nil {
		h.t.Fatal(err)
	}
	forged := own.Refresh[:strings.LastIndexByte(own.Refresh, '.')+1] + strings.Repeat("A", 342)
	return []row{
		{"no token", "token/refresh_missing", call{form: "grant_type=refresh_token"}, 401, e2("invalid_token", notJSON), nil},
		{"empty token", "token/refresh_empty", call{form: "grant_type=refresh_token&refresh_token="}, 401, e2("Unauthorized", "Unauthorized"), nil},
		{"garbage", "token/refresh_unknown", call{form: "grant_type=refresh_token&refresh_token=garbage"}, 400, e2("invalid_token", notJSON), nil},
		{"three parts of garbage", "token/refresh_unknown", call{form: "grant_type=refresh_token&refresh_token=a.b.c"}, 400, e2("invalid_token", notJSON), nil},
		{"forged", "token/refresh_unknown", call{form: refreshForm(forged)}, 400, e2("invalid_token", notJSON), nil},
		{"an access token", "token/refresh_unknown", call{form: refreshForm(own.Access)}, 400, e2("invalid_token", notJSON), nil},
		{"another client's", "token/refresh_wrong_client", call{form: refreshForm(foreign.Refresh)}, 400, e2("invalid_grant", "Wrong client(application) for this refresh token: "+foreign.Refresh), nil},
		{"revoked", "token/refresh_revoked", call{form: refreshForm(ended.Refresh)}, 403, e2("invalid_token", "Refresh token revoked, jti: "+claimsOf(h.t, ended.Refresh).JTI), nil},
		{"revoked, another client's: whose it is comes first", "token/refresh_wrong_client", call{auth: basic("other", "tsp123abcd"), form: refreshForm(ended.Refresh)}, 400, e2("invalid_grant", "Wrong client(application) for this refresh token: "+ended.Refresh), nil},
		{"the user is gone", "refresh/user_unknown", call{form: refreshForm(gone.Refresh)}, 401, e1("401", "Unauthorized", "Unauthorized", tokenPath), nil},
		{"the user is locked", "token/user_locked", call{form: refreshForm(stopped.Refresh)}, 403, e1("403", "Forbidden", "'loner' User locked", tokenPath), nil},
		{"uses spent", "token/refresh_exhausted", call{auth: basic("once", "tsp123abcd"), form: refreshForm(once.Refresh)}, 403, e2("Over Refresh Token Allow Times", "Over Refresh Token Allow Times"), nil},
	}
}

func expiredRows(h *house) []row {
	h.t.Helper()
	own := h.issue(call{form: passwordForm})
	h.clock.Advance(25 * time.Hour)
	return []row{
		{"expired", "token/refresh_expired", call{form: refreshForm(own.Refresh)}, 401, e2("invalid_token", "Invalid refresh token (expired): "+own.Refresh), nil},
		{"expired, another client's", "token/refresh_wrong_client", call{auth: basic("other", "tsp123abcd"), form: refreshForm(own.Refresh)}, 400, e2("invalid_grant", "Wrong client(application) for this refresh token: "+own.Refresh), nil},
	}
}

func TestRefreshRefusals(t *testing.T) {
	h := open(t, nil)
	h.try(refreshRows(h))
	h.try(expiredRows(h))
}

func assertionRows() []row {
	const kind = "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
	jwt := func(payload string) string {
		return "&client_assertion=e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".AAAA"
	}
	refused := func(name, extra, text string) row {
		return row{name, "token/assertion_invalid", call{form: credentials + extra}, 400, e2("invalid_request", text), nil}
	}
	return []row{
		refused("no type", jwt(`{}`), "The 'client_assertion_type' parameter is incorrect."),
		refused("another type", "&client_assertion_type=saml"+jwt(`{}`), "The 'client_assertion_type' parameter is incorrect."),
		refused("no assertion", kind, "Missing required parameter: client_assertion"),
		refused("no JWT", kind+"&client_assertion=x", "An error occurred during client_assertion JWS authentication."),
		refused("no issuer", kind+jwt(`{"exp":1}`), "client_assertion is missing issuer [iss]."),
		refused("no end", kind+jwt(`{"iss":"tspclient"}`), "client_assertion is missing expiration time [exp]."),
		refused("not verifiable, though the secret is right", kind+jwt(`{"iss":"tspclient","exp":9999999999}`), "The client_assertion JWS verify error."),
	}
}

func TestAssertionsAreRefused(t *testing.T) { open(t, nil).try(assertionRows()) }

func faultRows() []row {
	faulty := basic("faulty", "tsp123abcd")
	fault := func(name, tries, reason string, status int, body string, header map[string]string) row {
		return row{name, tries, call{auth: faulty, form: "grant_type=fault&reason=" + reason + "&retry=1"}, status, body, header}
	}
	later := map[string]string{"Retry-After": "2"}
	return []row{
		fault("too many failures", "common/too_many_failures", "too_many_failures", 429, e1("429", "Too Many Requests", "Too many failed attempts. Wait before trying again.", tokenPath), later),
		fault("busy", "common/busy", "busy", 503, e1("503", "Service Unavailable", "The server is busy checking passwords. Try again shortly.", tokenPath), later),
		fault("database away", "common/unavailable", "unavailable", 503, e1("503", "Service Unavailable", "The server cannot reach its database. Try again shortly.", tokenPath), later),
		fault("our own fault", "common/internal_error", "internal_error", 500, e1("500", "Internal Server Error", "Internal Server Error", tokenPath), nil),
		fault("a reason that no table foresees", "common/internal_error", "new_reason", 500, e1("500", "Internal Server Error", "Internal Server Error", tokenPath), nil),
		fault("registered for another way", "common/client_auth_method", "client_auth_method", 401, e1("401", "Unauthorized", wrongSecret+"faulty", tokenPath), nil),
		fault("no code", "token/code_missing", "code_missing", 400, e2("invalid_request", "Missing required parameter: code"), nil),
		fault("a code of another front door", "token/code_unknown", "code_unknown", 400, e2("invalid_request", "Invalid auth code"), nil),
		fault("what no table foresees and the caller can put right", "", "client_keys_missing", 400, e2("invalid_client", "Client authentication failed. Check the client id, and the secret or the assertion."), nil),
		fault("a replay", "token/refresh_replayed", "refresh_replayed&refresh_token=e30.eyJqdGkiOiJqIn0.x", 403, e2("invalid_token", "Refresh token revoked, jti: j"), nil),
		{"GET", "common/request_method", call{method: "GET"}, 405, e1("405", "Method Not Allowed", "Request method 'GET' is not supported", tokenPath), map[string]string{"Allow": "POST"}},
		{"PUT of a key set", "common/request_method", call{method: "PUT", path: "/dgrv4/ssotoken/oauth2/certs"}, 405, e1("405", "Method Not Allowed", "Request method 'PUT' is not supported", "/dgrv4/ssotoken/oauth2/certs"), map[string]string{"Allow": "GET"}},
		{"no such realm", "common/realm_unknown", call{realm: "nowhere"}, 404, e1("404", "Not Found", "There is no such realm.", tokenPath), nil},
		{"a realm without this front door", "common/dialect_not_open", call{realm: "closed"}, 404, e1("404", "Not Found", "This realm does not serve that endpoint.", tokenPath), nil},
		{"settings that cannot be read", "common/internal_error", call{realm: "broken"}, 500, e1("500", "Internal Server Error", "Internal Server Error", tokenPath), nil},
		{"v2 with a password", "v2/grant_unsupported", call{path: v2Path, form: passwordForm}, 400,
			e2("invalid_request", "Currently, '/oauth/v2/token' only supports grant type 'client_credentials', but the requested grant type is 'password'."), nil},
		{"v2 without a grant type", "token/grant_type_missing", call{path: v2Path}, 400, e2("invalid_request", "Missing grant type"), nil},
		{"v2 with a wrong secret", "common/client_secret_wrong", call{path: v2Path, auth: basic("plain", "x"), form: credentials}, 401, e1("401", "Unauthorized", wrongSecret+"plain", v2Path), nil},
	}
}

func TestFaultsAndPaths(t *testing.T) { open(t, nil).try(faultRows()) }

// TestEveryRowIsTried fails when a table gets a row that no test tries.
func TestEveryRowIsTried(t *testing.T) {
	h := open(t, nil)
	tried := map[string]bool{}
	for _, rows := range [][]row{clientRows(), passwordRows(), refreshRows(h), inspectRows(h), expiredRows(h), assertionRows(), faultRows(), badInputRows(), codeRows(h), wishRows(), hintRows(h), lateRows(h)} {
		for _, r := range rows {
			tried[r.tries] = true
		}
	}
	for _, r := range gatewayRows() {
		tried[r.tries] = true
	}
	for _, r := range callRows() {
		tried[r.tries] = true
	}
	for _, name := range slices.Sorted(maps.Keys(digirunner.Reasons())) {
		own := name == "v2/grant_unsupported" || name == "refresh/user_unknown"
		if !own {
			name = strings.Replace(strings.Replace(name, "v2/", "token/", 1), "refresh/", "token/", 1)
		}
		if !tried[name] {
			t.Errorf("no test tries %s", name)
		}
	}
	for name := range tried {
		if name != "" && !digirunner.Reasons()[name] {
			t.Errorf("a test tries %s, which no table has", name)
		}
	}
}

// TestAStrangerLocksNobodyOut: the product locks a client after three wrong secrets, whoever sent them.
func TestAStrangerLocksNobodyOut(t *testing.T) {
	h := open(t, nil)
	throttled := false
	for range 12 {
		got := h.do(call{auth: basic("tspclient", "guess"), form: credentials, source: "198.51.100.7"})
		switch got.status {
		case http.StatusUnauthorized:
		case http.StatusTooManyRequests:
			throttled = true
			if got.header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		default:
			t.Fatalf("a wrong secret was answered %d %s", got.status, got.body)
		}
	}
	if !throttled {
		t.Error("twelve wrong secrets from one address were not slowed down")
	}
	h.issue(call{form: credentials, source: "192.0.2.1"})
	got, err := h.clients.Get(t.Context(), realm.Default, "tspclient")
	if err != nil || got.Status != client.On {
		t.Errorf("the client's status is now %v, %v", got.Status, err)
	}
	h.clock.Advance(24 * time.Hour)
	h.issue(call{form: credentials, source: "198.51.100.7"})
}

// TestRotationIsASetting: the product's refresh tokens never change.
func TestRotationIsASetting(t *testing.T) {
	h := open(t, func(s *deployment.ChangeSet) {
		s.Realms[0].Dialects[0].Settings = []byte(`{"rotate_refresh_tokens":true}`)
	})
	first := h.issue(call{form: passwordForm})
	second := h.issue(call{form: refreshForm(first.Refresh)})
	if claimsOf(t, second.Refresh).JTI == claimsOf(t, first.Refresh).JTI {
		t.Error("the refresh token has kept its jti")
	}
	if claimsOf(t, second.Refresh).Exp != claimsOf(t, first.Refresh).Exp {
		t.Error("rotation has moved the end of the grant")
	}
	h.issue(call{form: refreshForm(second.Refresh)})
	h.clock.Advance(time.Hour)
	stale := h.do(call{form: refreshForm(first.Refresh)})
	if want := e2("invalid_token", "Refresh token revoked, jti: "+claimsOf(t, first.Refresh).JTI); stale.status != http.StatusForbidden || stale.body != want {
		t.Errorf("an old refresh token: %d %s", stale.status, stale.body)
	}
	if got := h.do(call{form: refreshForm(second.Refresh)}); got.status != http.StatusForbidden {
		t.Errorf("after a replay the family should be over: %d %s", got.status, got.body)
	}
}
