package kustvakt_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
	"sallyport/dialect/kustvakt"
	"sallyport/realm"
	"sallyport/scope"
)

const (
	authorizePath = "/api/oauth2/authorize"
	callback      = "https://rp.example.org/cb"
)

// openCodes opens a server with clients that send people: "web", "app" and "desk", which are public, the latter without a redirect
// URI, "own", a super client, and some that lack something.
func openCodes(t testing.TB, change ...func(*deployment.ChangeSet)) *house {
	return open(t, append([]func(*deployment.ChangeSet){func(c *deployment.ChangeSet) {
		one := func(id string, change func(*client.Client)) {
			made := &client.Client{
				Realm: realm.Default, ID: id, Type: client.Confidential, Status: client.On, Secrets: dialecttest.Secret(secret),
				Grants: []string{"authorization_code", "refresh_token"}, Scopes: scope.Set{"search", "match_info", "install_user_client"},
				RedirectURIs: []string{callback},
			}
			if change(made); made.Type == client.Public {
				made.Secrets = nil
			}
			c.Clients = append(c.Clients, made)
		}
		one("web", func(*client.Client) {})
		one("other", func(*client.Client) {})
		one("app", func(c *client.Client) { c.Type = client.Public })
		one("desk", func(c *client.Client) { c.Type, c.RedirectURIs = client.Public, nil })
		one("own", func(c *client.Client) { c.Trusted, c.Scopes = true, scope.Set{"all"} })
		one("query", func(c *client.Client) { c.RedirectURIs = []string{callback + "?a=b"} })
		one("two", func(c *client.Client) { c.RedirectURIs = []string{callback, callback + "2"} })
		one("nocode", func(c *client.Client) { c.Grants = []string{"refresh_token"} })
		one("out", func(c *client.Client) { c.Status = client.Off })
		one("pushes", func(c *client.Client) { c.OpenID.RequirePAR = true })
		one("signs", func(c *client.Client) { c.OpenID.RequireSigned = true })
		one("proves", func(c *client.Client) { c.OpenID.RequirePKCE = true })
		c.Scopes = append(c.Scopes, deployment.RealmScope{Realm: realm.Default, Scope: scope.Scope{Name: "authorize"}})
	}}, change...)...)
}

// ask sends an authorization request for dory, changed by pairs; an empty value leaves the parameter out.
func (h *house) ask(bearer string, pairs ...string) dialecttest.Answer {
	h.T.Helper()
	return h.Do(h.routes, dialecttest.Call{Method: http.MethodGet, Path: authorizePath + "?" + asked(pairs...), Auth: bearer, Type: "-"})
}

func asked(pairs ...string) string {
	v := url.Values{"client_id": {"web"}, "response_type": {"code"}, "scope": {"search"}, "state": {"s t&="}}
	for i := 0; i < len(pairs); i += 2 {
		if v.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v.Encode()
}

// super is what the super client's front end calls with for dory.
func (h *house) super(scopes ...string) string {
	h.T.Helper()
	return "Bearer " + h.login("dory", superID, superSecret, scopes...).Access
}

// code gets a code.
func (h *house) code(pairs ...string) string {
	h.T.Helper()
	got := h.ask(h.super(), pairs...)
	to, err := url.Parse(got.Header.Get("Location"))
	if err != nil || got.Status != http.StatusTemporaryRedirect || to.Query().Get("code") == "" {
		h.T.Fatalf("%q: %d %v %s", pairs, got.Status, got.Header, got.Body)
	}
	return to.Query().Get("code")
}

func TestAuthorizeCaller(t *testing.T) {
	h := openCodes(t)
	machine := h.get(basic(plainID, secret), "grant_type", "client_credentials", "scope", "client_info").Access
	for name, tt := range map[string]struct {
		auth string
		body string
	}{
		"nobody":              {"", b("2010", "Unauthorized operation for user: guest", "guest")},
		"lacks the scope":     {h.super("scope", "search"), b("2010", "Scope authorize is not authorized", "")},
		"part of a name":      {h.super("scope", "install_user_client"), b("2010", "Scope authorize is not authorized", "")},
		"no such token":       {"Bearer fia0123ikBWn931470H8s5gRqx7Moc4p", b("2011", "Access token is invalid", "invalid_token")},
		"no user":             {"Bearer " + machine, b("2001", "Context is not valid: missing username, password or authentication scheme.", "")},
		"one word":            {"Bearer", b("2001", "Cannot parse authorization header value. Use this format: [authentication scheme] [authentication token]", "")},
		"first of all checks": {"", b("2010", "Unauthorized operation for user: guest", "guest")},
	} {
		got := h.ask(tt.auth, "client_id", map[bool]string{true: "nobody", false: "web"}[name == "first of all checks"])
		if got.Status != http.StatusUnauthorized || got.Body != tt.body || len(got.Header.Values("WWW-Authenticate")) != 2 || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %v %s", name, got.Status, got.Header, got.Body)
		}
	}
	if got := h.ask("Basic ZG9yeTpkb3J5cGFzcw=="); got.Status != http.StatusNotAcceptable {
		t.Errorf("a user's Basic: %d %s", got.Status, got.Body)
	}
	for _, scopes := range []string{"authorize", "all"} {
		if got := h.ask(h.super("scope", scopes)); got.Status != http.StatusTemporaryRedirect {
			t.Errorf("%s: %d %s", scopes, got.Status, got.Body)
		}
	}
}

// TestAuthorizeDirect are the refusals that only the caller hears, because no address is certain.
func TestAuthorizeDirect(t *testing.T) {
	h := openCodes(t)
	super := h.super()
	withState := func(code, text string) string {
		return `{"error":"` + code + `","error_description":"` + text + `","state":"s t&="}`
	}
	for _, tt := range []struct {
		name   string
		pairs  []string
		status int
		body   string
	}{
		{"no client_id", []string{"client_id", ""}, 400, withState("invalid_request", "Missing parameter: client_id")},
		{"no client_id and no state", []string{"client_id", "", "state", ""}, 400, a("invalid_request", "Missing parameter: client_id")},
		{"no client_id nor response_type", []string{"client_id", "", "response_type", ""}, 400, withState("invalid_request", "Missing parameter: client_id")},
		{"unknown client", []string{"client_id", "unknown-client-id"}, 401, withState("invalid_client", "Unknown client: unknown-client-id")},
		{"unknown client with a quote", []string{"client_id", `un"known`}, 401, withState("invalid_client", "Unknown client: unknown")},
		{"client off", []string{"client_id", "out"}, 401, withState("invalid_client", "Unknown client: out")},
		{"another redirect URI", []string{"redirect_uri", "https://rp.example.org/else"}, 400, withState("invalid_request", "Invalid redirect URI")},
		{"a longer one", []string{"redirect_uri", callback + "/x"}, 400, withState("invalid_request", "Invalid redirect URI")},
		{"one with a query", []string{"redirect_uri", callback + "?a"}, 400, withState("invalid_request", "Invalid redirect URI")},
		{"none, and two are registered", []string{"client_id", "two"}, 400, withState("invalid_request", "Missing parameter: redirect URI")},
		{"none, and none is registered", []string{"client_id", "desk"}, 400, withState("invalid_request", "Missing parameter: redirect URI")},
		{"redirect URI before scope", []string{"redirect_uri", "https://rp.example.org/else", "scope", ""}, 400, withState("invalid_request", "Invalid redirect URI")},
	} {
		got := h.ask(super, tt.pairs...)
		if diff := cmp.Diff(tt.body, got.Body); diff != "" || got.Status != tt.status || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %v (-want +got)\n%s", tt.name, got.Status, got.Header, diff)
		}
	}
	for name, query := range map[string]string{"client_id": "&client_id=app", "redirect_uri": "&redirect_uri=a&redirect_uri=b"} {
		got := h.Do(h.routes, dialecttest.Call{Method: http.MethodGet, Path: authorizePath + "?" + asked() + query, Auth: super, Type: "-"})
		if got.Status != 400 || got.Text("error_description") != "Parameter(s) present more than once: ["+name+"]" || got.Header.Get("Location") != "" {
			t.Errorf("%s twice: %d %v %s", name, got.Status, got.Header, got.Body)
		}
	}
}

// TestAuthorizeByRedirect are the refusals that the client hears, with the parameters in the product's order.
func TestAuthorizeByRedirect(t *testing.T) {
	h := openCodes(t)
	super := h.super()
	const unsupported = "error=unsupported_response_type&error_description=Unsupported+response+type.+Only+code+is+supported."
	for _, tt := range []struct {
		name  string
		pairs []string
		want  string
	}{
		{"no scope", []string{"scope", ""}, "error=invalid_scope&error_description=scope+is+required"},
		{"scope before response_type", []string{"scope", "", "response_type", ""}, "error=invalid_scope&error_description=scope+is+required"},
		{"blank scope", []string{"scope", " , "}, "error=invalid_scope&error_description=scope+is+required"},
		{"no response_type", []string{"response_type", ""}, "error=invalid_request_uri&error_description=Missing+response_type+parameter"},
		{"token", []string{"response_type", "token"}, unsupported},
		{"string", []string{"response_type", "string"}, unsupported},
		{"code token", []string{"response_type", "code token"}, unsupported},
		{"response_type before names of scopes", []string{"response_type", "token", "scope", "nonsense"}, unsupported},
		{"unknown scope", []string{"scope", "search nonsense"}, "error=invalid_scope&error_description=Invalid+scope"},
		{"no scope's name", []string{"scope", `se"arch`}, "error=invalid_scope&error_description=Invalid+scope"},
		{"very many scopes", []string{"scope", strings.Repeat("search ", 600)}, "error=invalid_scope&error_description=Invalid+scope"},
		{"all", []string{"scope", "search all"}, "error=invalid_scope&error_description=Requested+scope+all+is+not+allowed."},
		{"all, before response_type", []string{"scope", "ALL", "response_type", ""}, "error=invalid_scope&error_description=Requested+scope+all+is+not+allowed."},
		{"a scope of others", []string{"scope", "vc_info"}, "error=invalid_scope&error_description=Requested+scope+vc_info+is+not+allowed."},
		{"no such grant", []string{"client_id", "nocode"}, "error=unauthorized_client&error_description=The+grant+type+is+not+allowed+for+this+client"},
		{"must push", []string{"client_id", "pushes"}, "error=unauthorized_client&error_description=This+client+must+push+or+sign+its+requests%2C+which+is+not+possible+here"},
		{"must sign", []string{"client_id", "signs"}, "error=unauthorized_client&error_description=This+client+must+push+or+sign+its+requests%2C+which+is+not+possible+here"},
		{"must prove", []string{"client_id", "proves"}, "error=invalid_request&error_description=Missing+code_challenge+parameter"},
		{"plain challenge", []string{"code_challenge", challenge}, "error=invalid_request&error_description=Unsupported+code_challenge_method.+Only+S256+is+supported."},
		{"a challenge that is none", []string{"code_challenge", "short", "code_challenge_method", "S256"}, "error=invalid_request&error_description=Invalid+code_challenge+parameter"},
		{"a method alone", []string{"code_challenge_method", "S256"}, "error=invalid_request&error_description=Missing+code_challenge+parameter"},
	} {
		got := h.ask(super, tt.pairs...)
		if diff := cmp.Diff(callback+"?"+tt.want+"&state=s+t%26%3D", got.Header.Get("Location")); diff != "" || got.Status != http.StatusTemporaryRedirect || got.Body != "" {
			t.Errorf("%s: %d %s (-want +got)\n%s", tt.name, got.Status, got.Body, diff)
		}
	}
	if got := h.ask(super, "scope", "", "state", "").Header.Get("Location"); got != callback+"?error=invalid_scope&error_description=scope+is+required" {
		t.Errorf("without state: %s", got)
	}
	twice := h.Do(h.routes, dialecttest.Call{Method: http.MethodGet, Path: authorizePath + "?" + asked() + "&state=x", Auth: super, Type: "-"})
	if want := callback + "?error=invalid_request_uri&error_description=Parameter%28s%29+present+more+than+once%3A+%5Bstate%5D"; twice.Header.Get("Location") != want {
		t.Errorf("state twice: %s", twice.Header.Get("Location"))
	}
}

func TestAuthorizeAnswers(t *testing.T) {
	h := openCodes(t)
	super := h.super()
	for _, tt := range []struct {
		name   string
		pairs  []string
		before string
	}{
		{"registered, not sent", nil, callback + "?code="},
		{"registered and sent", []string{"redirect_uri", callback}, callback + "?code="},
		{"one of two", []string{"client_id", "two", "redirect_uri", callback + "2"}, callback + "2?code="},
		{"with a query of its own", []string{"client_id", "query"}, callback + "?a=b&code="},
		{"public", []string{"client_id", "app"}, callback + "?code="},
		{"scopes by comma, in capitals", []string{"scope", "Search,match_info"}, callback + "?code="},
		{"a super client has all", []string{"client_id", "own", "scope", "all"}, callback + "?code="},
		{"a super client has what all covers", []string{"client_id", "own", "scope", "vc_info"}, callback + "?code="},
		{"with a challenge", []string{"code_challenge", challenge, "code_challenge_method", "S256"}, callback + "?code="},
	} {
		got := h.ask(super, tt.pairs...)
		location := got.Header.Get("Location")
		if got.Status != http.StatusTemporaryRedirect || !strings.HasPrefix(location, tt.before) || !strings.HasSuffix(location, "&state=s+t%26%3D") ||
			got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Referrer-Policy") != "no-referrer" || got.Body != "" {
			t.Errorf("%s: %d %v %s", tt.name, got.Status, got.Header, got.Body)
		}
	}
}

// TestAuthorizeUnregistered: a client that has registered no redirect URI is answered where the super client says.
func TestAuthorizeUnregistered(t *testing.T) {
	h := openCodes(t)
	super := h.super()
	for uri, ok := range map[string]bool{
		"http://localhost:1410": true, "http://localhost/cb?a=b": true, "https://korap.example.org/settings/oauth/authorize": true,
		"http://127.0.0.1:8080/": true, "http://[::1]/": true, "HTTP://LOCALHOST/": true,
		"https://public.uri": true, // the product knows the list of top-level domains
		"ftp://example.org/": false, "javascript:alert(1)": false, "data:text/html,x": false, "/cb": false, "//example.org/": false,
		"https://": false, "https://intranet/": false, "https://example.org/#f": false, "https://example.org/#": false, "https://u:p@example.org/": false,
		"https://u@example.org/": false, "https://exa mple.org/": false, "https://-a.example.org/": false, "https://a..example.org/": false,
		"https://example.org\r\nX: y": false, "https://ex%41mple.org:x/": false, "https:\\\\example.org": false, "https:example.org": false, "kor.ap:/cb": false,
	} {
		got := h.ask(super, "client_id", "desk", "redirect_uri", uri)
		location := got.Header.Get("Location")
		if ok && (got.Status != http.StatusTemporaryRedirect || !strings.HasPrefix(location, uri)) || !ok && (got.Status != 400 || location != "" || got.Text("error_description") != "Invalid redirect URI") {
			t.Errorf("%q: %d %q %s", uri, got.Status, location, got.Body)
		}
	}
}

func TestAuthorizeByPost(t *testing.T) {
	h := openCodes(t)
	post := func(version, auth string) dialecttest.Answer {
		return h.Do(h.routes, dialecttest.Call{Path: "/api" + version + "/oauth2/authorize", Auth: auth, Body: asked()})
	}
	if got := post("/v1.0", h.super()); got.Status != http.StatusTemporaryRedirect || !strings.HasPrefix(got.Header.Get("Location"), callback+"?code=") {
		t.Errorf("v1.0: %d %v %s", got.Status, got.Header, got.Body)
	}
	if got := post("/v1.0", ""); got.Status != http.StatusUnauthorized || got.Header.Get("Location") != "" { // which the product lets through
		t.Errorf("v1.0, nobody: %d %v %s", got.Status, got.Header, got.Body)
	}
	for _, version := range []string{"", "/v1.1"} {
		if got := post(version, h.super()); got.Status != http.StatusNotFound || got.Body != "" || got.Header.Get("Location") != "" {
			t.Errorf("%q: %d %v %s", version, got.Status, got.Header, got.Body)
		}
	}
}

func TestAuthorizeBadInput(t *testing.T) {
	h := openCodes(t)
	for name, c := range map[string]dialecttest.Call{
		"HEAD":          {Method: http.MethodHead},
		"PUT":           {Method: http.MethodPut},
		"broken escape": {Method: http.MethodGet, Path: authorizePath + "?client_id=%ff"},
		"JSON":          {Path: "/api/v1.0/oauth2/authorize", Type: "application/json", Body: "{}"},
		"too long":      {Path: "/api/v1.0/oauth2/authorize", Body: "client_id=" + strings.Repeat("a", 2<<20)},
	} {
		if c.Path == "" {
			c.Path = authorizePath
		}
		c.Auth = h.super()
		got := h.Do(h.routes, c)
		if got.Status < 400 || got.Status >= 500 || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %v", name, got.Status, got.Header)
		}
	}
	if got := h.Do(h.routes, dialecttest.Call{Method: http.MethodGet, Path: authorizePath, Realm: "nowhere"}); got.Status != http.StatusNotFound {
		t.Errorf("unknown realm: %d %s", got.Status, got.Body)
	}
}

// FuzzMayRedirect: whatever is let through is one address to every reader, and adds nothing to a header.
func FuzzMayRedirect(f *testing.F) {
	for _, seed := range []string{"http://localhost:1410", "https://example.org/a?b=c", "https://u@example.org", "https://example.org#", "javascript:alert(1)", "https://[::1%25eth0]/", "https://a.b\r\nX: y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !kustvakt.MayRedirect(uri) {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(uri, "#\\\r\n\t <>\"") {
			t.Errorf("%q: %+v, %v", uri, u, err)
		}
		at := strings.ToLower(uri[strings.Index(uri, "://")+3:])
		if !strings.HasPrefix(at, strings.ToLower(u.Host)) {
			t.Errorf("%q: its host reads as %q", uri, u.Host)
		}
	})
}
