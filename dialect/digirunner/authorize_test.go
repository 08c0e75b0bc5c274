package digirunner_test

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/authorize"
	"sallyport/deployment"
	"sallyport/realm"
	"sallyport/scope"
)

const (
	callback   = "https://rp.example.org/cb?a=b"
	signInPath = "/dgrv4/ssotoken/gtwidp/LDAP/authorization"
	challenge  = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B
	verifier   = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// asked is an authorization request of web, changed by pairs; an empty value leaves the parameter out.
func asked(pairs ...string) string {
	v := url.Values{
		"response_type": {"code"}, "client_id": {"web"}, "scope": {"openid email profile"}, "redirect_uri": {callback}, "state": {"s t&="},
	}
	for i := 0; i < len(pairs); i += 2 {
		if v.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v.Encode()
}

func wishRows() []row {
	refused := func(name, tries string, status int, body string, pairs ...string) row {
		return row{name, tries, call{method: http.MethodGet, path: signInPath + "?" + asked(pairs...), auth: "-"}, status, body, map[string]string{"Location": "", "WWW-Authenticate": ""}}
	}
	bad := func(text string) string { return e2("invalid_request", text) }
	long := strings.Repeat("x", 5000)
	rows := []row{
		refused("no response_type", "authorize/parameter_missing", 400, bad("Missing required parameter: response_type"), "response_type", ""),
		refused("another response_type", "authorize/response_type_unknown", 400, bad("Invalid response_type: token"), "response_type", "token"),
		refused("a challenge without method", "authorize/parameter_missing", 400, bad("Missing required parameter: code_challenge_method"), "code_challenge", challenge),
		refused("a method without challenge", "authorize/parameter_missing", 400, bad("Missing required parameter: code_challenge"), "code_challenge_method", "S256"),
		refused("plain", "authorize/code_challenge_method", 400, bad("Invalid parameter value for code_challenge_method: plain"), "code_challenge", challenge, "code_challenge_method", "plain"),
		refused("unknown scopes", "authorize/scope_unknown", 400, e2("invalid_scope", "Some requested scopes were invalid. {invalid=[x, y]}"), "scope", "openid x email y"),
		refused("a group is no scope to ask for", "authorize/scope_unknown", 400, e2("invalid_scope", "Some requested scopes were invalid. {invalid=[2000000006]}"), "scope", "2000000006"),
		refused("scopes before state", "authorize/scope_unknown", 400, e2("invalid_scope", "Some requested scopes were invalid. {invalid=[x]}"), "scope", "x", "state", ""),
		refused("no state", "authorize/parameter_missing", 400, bad("Missing required parameter: state"), "state", ""),
		refused("no scope", "authorize/parameter_missing", 400, bad("Missing required parameter: scope"), "scope", ""),
		refused("blank scope", "authorize/parameter_missing", 400, bad("Missing required parameter: scope"), "scope", " "),
		refused("no redirect_uri", "authorize/parameter_missing", 400, bad("Missing required parameter: redirect_uri"), "redirect_uri", ""),
		refused("a long state", "authorize/parameter_invalid", 400, bad("Invalid parameter value for state: it is longer than 4096 bytes"), "state", long),
		refused("a long nonce", "authorize/parameter_invalid", 400, bad("Invalid parameter value for nonce: it is longer than 1024 bytes"), "nonce", long),
		refused("a challenge that is none", "authorize/parameter_invalid", 400, bad("The parameter code_challenge is not valid. Send the SHA-256 of the verifier in base64url without padding: 43 characters."), "code_challenge", "x", "code_challenge_method", "S256"),
		refused("no client_id", "common/client_missing", 400, bad("Missing required parameter: client_id"), "client_id", ""),
		refused("unknown client", "common/client_unknown", 401, e1("401", "Unauthorized", "The client(application) was not found. client_id: who", signInPath), "client_id", "who"),
		refused("client off", "common/client_disabled", 403, e1("403", "Forbidden", "'off' Client(application) disable", signInPath), "client_id", "off"),
		refused("client locked", "common/client_locked", 403, e1("403", "Forbidden", "'locked' Client(application) locked", signInPath), "client_id", "locked"),
		refused("before the client's time", "common/client_not_yet_valid", 403, e1("403", "Client before start day", "Client before start day, start day(yyyy-MM-ddZ): 2026-03-03+0000", signInPath), "client_id", "early"),
		refused("another redirect_uri", "authorize/redirect_uri_unregistered", 400, bad("The redirect_uri mismatch"), "redirect_uri", callback+"c"),
		refused("no wildcards", "authorize/redirect_uri_unregistered", 400, bad("The redirect_uri mismatch"), "redirect_uri", "com.example.app:/cb/x"),
		refused("a client that sends nobody", "authorize/redirect_uri_unregistered", 400, bad("The redirect_uri mismatch"), "client_id", "plain"),
		refused("without the grant", "authorize/grant_not_allowed", 400, bad("Unauthorized grant type: authorization_code"), "client_id", "bare"),
		refused("public, no challenge", "authorize/code_challenge_missing", 400, bad("Missing required parameter: code_challenge"), "client_id", "app"),
		refused("the client insists on a challenge", "authorize/code_challenge_missing", 400, bad("Missing required parameter: code_challenge"), "client_id", "proves"),
		refused("a scope that the client does not have", "authorize/scope_unknown", 400, e2("invalid_scope", "Some requested scopes were invalid. {invalid=[email, profile]}"), "client_id", "limited"),
		refused("a client that must not know names", "authorize/parameter_invalid", 400, bad("The tokens of this front door name the user, whom this client must not know by name"), "client_id", "pairwise"),
	}
	twice := call{method: http.MethodGet, path: signInPath + "?" + asked() + "&state=x", auth: "-"}
	rows = append(rows, row{"state twice", "authorize/parameter_duplicate", twice, 400, bad("Parameter given more than once: state"), nil})
	for _, id := range []string{"pushes", "signs"} {
		rows = append(rows, refused(id, "authorize/push_required", 400, bad("This client must push or sign its requests, which is not possible here"), "client_id", id))
	}
	for _, provider := range []string{"GOOGLE", "MS", "OIDC"} {
		text := bad("The idPType " + provider + " is not served here: people sign in on this server's own pages, by LDAP, JDBC, API, CUS")
		for _, path := range []string{
			strings.Replace(signInPath, "LDAP", provider, 1) + "?" + asked(), strings.Replace(signInPath, "LDAP", provider, 1),
			"/dgrv4/ssotoken/" + provider + "/.well-known/openid-configuration", "/dgrv4/ssotoken/v2/" + provider + "/.well-known/openid-configuration",
		} {
			rows = append(rows, row{provider, "authorize/parameter_invalid", call{method: http.MethodGet, path: path, auth: "-"}, 400, text, nil})
		}
	}
	return append(rows, row{"POST", "common/request_method", call{path: signInPath, auth: "-", form: asked()}, 405, e1("405", "Method Not Allowed", "Request method 'POST' is not supported", signInPath), nil})
}

func TestWishesThatAreRefused(t *testing.T) { open(t, nil).try(wishRows()) }

var browser = sha256.Sum256([]byte("a browser"))

// begin sends somebody to the pages and returns what they are to settle.
func (h *house) begin(provider string, pairs ...string) *authorize.Request {
	h.t.Helper()
	got := h.do(call{method: http.MethodGet, path: strings.Replace(signInPath, "LDAP", provider, 1) + "?" + asked(pairs...), auth: "-"})
	secret, ok := strings.CutPrefix(got.header.Get("Location"), "/authorize?flow=")
	if got.status != http.StatusFound || !ok || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Referrer-Policy") != "no-referrer" || got.body != "" {
		h.t.Fatalf("%d %v %s", got.status, got.header, got.body)
	}
	flow, err := h.flows.Adopt(h.t.Context(), realm.Default, secret, browser)
	if err != nil {
		h.t.Fatal(err)
	}
	return flow.Request
}

// TestHandOver: every kind of sign-in that means our own users leads to the pages, with a request as those read it.
func TestHandOver(t *testing.T) {
	h := open(t, nil)
	state := "s t&="
	for _, provider := range []string{"LDAP", "JDBC", "API", "CUS"} {
		want := &authorize.Request{
			Realm: realm.Default, Client: "web", RedirectURI: callback, RedirectGiven: true, Mode: authorize.Query, State: &state,
			Scope: scope.Set{"2000000006", "openid", "email"}, Nonce: "n", Challenge: challenge, Dialect: "digirunner", Provider: provider,
			At: h.clock.Now(),
		}
		got := h.begin(provider, "scope", "email openid", "nonce", "n", "code_challenge", challenge, "code_challenge_method", "S256")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", provider, diff)
		}
	}
	if got := h.begin("LDAP", "redirect_uri", "com.example.app:/cb"); got.RedirectURI != "com.example.app:/cb" {
		t.Errorf("%+v", got)
	}
	// The product refuses a state that was used before, so that a stranger can refuse it to whom it belongs.
	for range 2 {
		h.begin("LDAP", "state", "the same")
	}
	if got := h.begin("LDAP", "scope", "email"); got.Scope.String() != "2000000006 email" {
		t.Errorf("without openid: %q", got.Scope)
	}
}

// TestTrustedAlone: the scope that covers every other does not come along with the groups.
func TestTrustedAlone(t *testing.T) {
	h := open(t, func(s *deployment.ChangeSet) { s.Realms[0].AllScope = "2000000006" })
	if got := h.begin("LDAP"); got.Scope.Has("2000000006") {
		t.Errorf("%q", got.Scope)
	}
}

// TestRealmInsists: what a realm demands of every request, this door is no way around.
func TestRealmInsists(t *testing.T) {
	for want, change := range map[string]func(*realm.Realm){
		"Missing required parameter: code_challenge":                             func(r *realm.Realm) { r.RequirePKCE = true },
		"This client must push or sign its requests, which is not possible here": func(r *realm.Realm) { r.RequirePAR = true },
	} {
		h := open(t, func(s *deployment.ChangeSet) { change(s.Realms[0]) })
		got := h.do(call{method: http.MethodGet, path: signInPath + "?" + asked(), auth: "-"})
		if got.status != 400 || got.body != e2("invalid_request", want) {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}

func TestDiscovery(t *testing.T) {
	h := open(t, func(s *deployment.ChangeSet) {
		s.Realms = append(s.Realms, &realm.Realm{Name: "corp", Dialects: []realm.Dialect{{Name: "digirunner"}}})
	})
	const host = "https://auth.example.org"
	for in, base := range map[string]string{realm.Default: host, "corp": host + "/realms/corp"} {
		for _, provider := range []string{"LDAP", "JDBC", "API", "CUS"} {
			for _, version := range []string{"", "v2/"} {
				got := h.do(call{method: http.MethodGet, path: "/dgrv4/ssotoken/" + version + provider + "/.well-known/openid-configuration", auth: "-", realm: in})
				want := `{"issuer":"` + base + `/dgrv4/ssotoken/` + provider + `","authorization_endpoint":"` + base + `/dgrv4/ssotoken/gtwidp/` + provider +
					`/authorization","token_endpoint":"` + base + `/oauth/token","userinfo_endpoint":"` + base + `/dgrv4/ssotoken/gtwidp/v2/userInfo","jwks_uri":"` +
					base + `/dgrv4/ssotoken/oauth2/certs","id_token_signing_alg_values_supported":["RS256"],"scopes_supported":["openid","email","profile"],` +
					`"code_challenge_methods_supported":["S256"],"response_types_supported":["code"],"subject_types_supported":["public"]}`
				if diff := cmp.Diff(want, got.body); diff != "" || got.status != 200 || got.header.Get("Content-Type") != "application/json" {
					t.Errorf("%s %s: %d (-want +got)\n%s", in, provider, got.status, diff)
				}
				var told struct {
					Authorization string `json:"authorization_endpoint"`
					UserInfo      string `json:"userinfo_endpoint"`
					Keys          string `json:"jwks_uri"`
					Token         string `json:"token_endpoint"`
				}
				_ = json.Unmarshal([]byte(got.body), &told)
				for _, endpoint := range []string{told.Authorization, told.UserInfo, told.Keys, told.Token} {
					if h.routes[strings.TrimPrefix(endpoint, base)] == nil {
						t.Errorf("%s is not served", endpoint)
					}
				}
			}
		}
	}
}
