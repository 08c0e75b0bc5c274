package attacks_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"sallyport/conformance/optest"
)

var sessionIDs = regexp.MustCompile(`name="session" value="([^"]+)"`)

var tenantAttacks = []attack{
	{22, "whoever is signed in at one realm is a stranger at another", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		cookie := sessionCookie(b)
		for _, name := range []string{cookie.Name, strings.Replace(cookie.Name, "default", "other", 1)} {
			b.SetCookies(&http.Cookie{Name: name, Value: cookie.Value, Path: "/"})
		}
		for _, one := range b.Cookies() {
			if strings.Contains(one.Name, "browser") {
				b.SetCookies(&http.Cookie{Name: strings.Replace(one.Name, "default", "other", 1), Value: one.Value, Path: "/"})
			}
		}
		if b.Get("/realms/other" + c.ask("prompt", "none")); b.Answer().Get("error") != "login_required" {
			t.Errorf("prompt=none: %v", b.Answer())
		}
		if b.Get("/realms/other/account"); !strings.HasSuffix(b.Page.URL.Path, "/realms/other/signin") {
			t.Errorf("the account page: %s", b.Page.Brief())
		}
		b.Get(c.ask("prompt", "login"))
		flow := flowOf(b)
		for _, path := range []string{"/authorize", "/signin", "/signin/consent"} {
			if p := b.Get("/realms/other" + path + "?flow=" + flow); p.Status != http.StatusBadRequest {
				t.Errorf("the flow at %s: %d", path, p.Status)
			}
		}
	}, false},
	{22, "tokens, codes, pushed requests and registrations of one realm at another", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, code := c.signedIn()
		a := c.tokens(code)
		b.Get(c.ask("prompt", "none"))
		code = b.Answer().Get("code")
		far := func(k *call) outcome { k.root = "/realms/other"; return k.try() }
		pushed := c.party().Ask("/par", "response_type", "code", "redirect_uri", rp, "scope", "openid", "code_challenge", optest.Challenge(optest.Verifier), "code_challenge_method", "S256")
		for name, got := range map[string]outcome{
			"code":           far(c.atToken("grant_type", "authorization_code", "code", code, "redirect_uri", rp, "code_verifier", optest.Verifier)),
			"refresh":        far(c.atToken("grant_type", "refresh_token", "refresh_token", a.Text("refresh_token"))),
			"introspection":  far(func() *call { k := c.atToken("token", a.Text("access_token")); k.path = "/introspect"; return k }()),
			"userinfo":       far(&call{cell: c, path: "/userinfo", bearer: a.Text("access_token")}),
			"API":            far(&call{cell: c, path: "/orders", bearer: a.Text("access_token")}),
			"pushed request": far(c.inBrowser(h.NewBrowser(), "/authorize", pairs("client_id", c.id, "request_uri", pushed.Text("request_uri")))),
		} {
			if got == granted {
				t.Errorf("%s: granted", name)
			}
		}
		// To revoke it there ends nothing here.
		end := c.atToken("token", a.Text("refresh_token"))
		end.path, end.root = "/revoke", "/realms/other"
		if end.try(); !c.alive(a.Text("access_token")) {
			t.Error("another realm has revoked it")
		}
		if p := h.NewBrowser().Get("/realms/other/logout?id_token_hint=" + url.QueryEscape(a.Text("id_token"))); p.Status != http.StatusBadRequest {
			t.Errorf("the hint: %d", p.Status)
		}
	}, false},
	{22, "a registration is looked at, changed and ended by its own token alone", func(h *house, t *testing.T) {
		mine, theirs := h.Register(nil), h.Register(nil)
		c := h.cell(t)
		token := func(p *optest.RP) string { s, _ := p.Metadata["registration_access_token"].(string); return s }
		uri := func(p *optest.RP) string {
			s, _ := p.Metadata["registration_client_uri"].(string)
			return strings.TrimPrefix(s, h.URL)
		}
		_, code := c.signedIn()
		access := c.tokens(code).Text("access_token")
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			for name, try := range map[string]struct{ path, token string }{
				"another's token":       {uri(theirs), token(mine)},
				"no token":              {uri(theirs), ""},
				"the client's secret":   {uri(theirs), theirs.Secret},
				"an access token":       {uri(theirs), access},
				"another realm":         {"/realms/other" + uri(theirs), token(theirs)},
				"a deployed client":     {"/register?client_id=" + c.id, token(mine)},
				"its own and another's": {uri(theirs) + "&client_id=" + mine.ID, token(mine)},
				"nobody":                {"/register?client_id=nobody", token(mine)},
				"none":                  {"/register", token(mine)},
			} {
				header := bearerOf(try.token)
				if try.token == "" {
					header = nil
				}
				a := h.Send(method, try.path, "application/json", fmt.Sprintf(`{"client_id":%q,"redirect_uris":["https://evil.example/"]}`, theirs.ID), header)
				if a.Status < 400 || a.Status >= 500 || strings.Contains(a.Body, theirs.RedirectURI) {
					t.Errorf("%s by %s: %d %s", method, name, a.Status, a.Body)
				}
			}
		}
		// What a client says of itself does not make it more than the realm lets it be.
		for name, more := range map[string]string{"grants": `"grant_types":["password","client_credentials"]`, "id": `"client_id":"c0"`, "realm": `"realm":"other"`, "scope": `"scope":"admin openid"`, "trusted": `"trusted":true,"skip_consent":true,"openid":{"skip_consent":true}`} {
			a := h.Send(http.MethodPut, uri(mine), "application/json", fmt.Sprintf(`{"client_id":%q,"redirect_uris":["https://rp.example.org/callback"],%s}`, mine.ID, more), bearerOf(token(mine)))
			if s := a.Text("registration_access_token"); a.Status == http.StatusOK && s != "" {
				mine.Metadata["registration_access_token"] = s
			}
			if kinds, _ := a.JSON["grant_types"].([]any); slices.Contains(kinds, any("password")) || slices.Contains(strings.Fields(a.Text("scope")), "admin") || a.Text("client_id") == "c0" {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		b := h.NewBrowser()
		b.Get(mine.URL())
		if b.Submit("username", c.user, "password", password); !b.At("/signin/consent") {
			t.Errorf("nobody was asked for consent: %s", b.Page.Brief())
		}
	}, false},
	{22, "forms of the account page with what is another user's", func(h *house, t *testing.T) {
		victim := guard(h, t)
		theirs := h.NewBrowser() // the victim's own, from when the factor was set up
		theirs.Get(victim.ask())
		theirs.Submit("username", victim.user, "password", password)
		theirs.Post("/signin/second", url.Values{"flow": {flowOf(theirs)}, "kind": {"recovery"}, "code": {victim.recovery[0]}}, "")
		if theirs.Agree(); theirs.Page.Left == nil {
			t.Fatalf("%s", theirs.Page.Brief())
		}
		access := victim.tokens(theirs.Answer().Get("code")).Text("access_token")
		theirs.Get("/account")
		factor := theirs.Page.Form("factor").Fields.Get("factor")
		attacker := h.cell(t)
		own, _ := attacker.signedIn()
		session := ""
		if m := sessionIDs.FindStringSubmatch(theirs.Page.Text); m != nil {
			session = m[1] // the session in which the factor was set up
		}
		if session == "" {
			t.Fatalf("no session is listed: %s", theirs.Page.Text)
		}
		for path, forms := range map[string][]url.Values{
			"/account/factor":  {{"factor": {factor}, "action": {"remove"}}, {"factor": {factor}, "action": {"rename"}, "name": {"mine"}}, {"factor": {factor}, "action": {"remove"}, "user": {victim.user}}},
			"/account/session": {{"session": {session}, "action": {"end"}}, {"session": {session}, "action": {"end"}, "user": {victim.user}}},
			"/account/consent": {{"client": {victim.id}}, {"client": {victim.id}, "user": {victim.user}}},
			"/account/totp":    {{"ceremony": {strings.Repeat("A", 43)}, "code": {"123456"}, "user": {victim.user}}},
		} {
			for _, form := range forms {
				own.Post(path, form, "")
				if strings.Contains(own.Page.Text, victim.user) {
					t.Errorf("%s tells of %s", path, victim.user)
				}
			}
		}
		theirs.Get("/account")
		if f := theirs.Page.Form("factor"); f == nil || f.Fields.Get("factor") != factor || strings.Contains(theirs.Page.Text, "mine") {
			t.Error("the factor was changed by another user")
		}
		if m := sessionIDs.FindStringSubmatch(theirs.Page.Text); m == nil || m[1] != session {
			t.Error("a session was ended by another user")
		}
		if !victim.alive(access) {
			t.Error("a consent was taken back by another user")
		}
	}, false},
	{22, "scripts of other origins read nothing that cookies open", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		b.Header = http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}
		for _, path := range []string{"/account", "/account/totp", c.ask("prompt", "none"), c.ask(), "/logout", "/signin/forgot", "/register", "/token", "/par", "/introspect", "/revoke"} {
			if b.Get(path); b.Page.Header.Get("Access-Control-Allow-Credentials") != "" || b.Page.Header.Get("Access-Control-Allow-Origin") == "https://evil.example" {
				t.Errorf("%s: %v", path, b.Page.Header)
			}
			if origin := b.Page.Header.Get("Access-Control-Allow-Origin"); origin != "" && (strings.HasPrefix(path, "/account") || strings.HasPrefix(path, "/authorize") || path == "/logout") {
				t.Errorf("%s: %s", path, origin)
			}
		}
	}, false},
	{26, "codes, tickets, secrets and ids are long, and nothing about one tells of another", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, code := c.signedIn()
		a := c.tokens(code)
		var mu sync.Mutex
		found := map[string][]string{}
		note := func(kind, value string) {
			mu.Lock()
			defer mu.Unlock()
			found[kind] = append(found[kind], value)
		}
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				own := *b
				for range 30 {
					own.Get(c.ask("prompt", "none"))
					note("code", own.Answer().Get("code"))
					note("request_uri", strings.TrimPrefix(c.party().Ask("/par", "response_type", "code", "redirect_uri", rp, "scope", "openid", "code_challenge", optest.Challenge(optest.Verifier), "code_challenge_method", "S256").Text("request_uri"), "urn:ietf:params:oauth:request_uri:"))
					fresh := h.NewBrowser()
					fresh.Get(c.ask())
					note("flow", flowOf(fresh))
					for _, k := range fresh.Cookies() {
						note("browser", k.Value)
					}
				}
				for range 5 {
					fresh := h.NewBrowser()
					fresh.Get(c.ask())
					fresh.SignIn(c.user, password)
					note("session", sessionCookie(fresh).Value)
					p := h.Register(nil)
					note("client_id", p.ID)
					note("client_secret", p.Secret)
					s, _ := p.Metadata["registration_access_token"].(string)
					note("registration token", s)
				}
			})
		}
		group.Wait()
		for kind, values := range found {
			least := 43
			if kind == "client_id" {
				least = 22
			}
			unpredictable(t, kind, values, least)
		}
		// The MAC of refresh tokens and the random half of ids.
		if raw, err := base64.RawURLEncoding.DecodeString(a.Text("refresh_token")); err != nil || len(raw) < 32 {
			t.Errorf("refresh token %q", a.Text("refresh_token"))
		}
	}, false},
}

// unpredictable fails for values that are short, that share a beginning or an end, or of which two are the same in any ten
// characters that stand together.
func unpredictable(t *testing.T, kind string, values []string, least int) {
	t.Helper()
	seen := map[string]int{}
	for i, v := range values {
		if len(v) < least {
			t.Errorf("%s: %q has %d characters", kind, v, len(v))
			return
		}
		for at := 0; at+10 <= len(v); at++ {
			if other, ok := seen[v[at:at+10]]; ok && other != i {
				t.Errorf("%s: %q and %q share %q", kind, v, values[other], v[at:at+10])
				return
			}
			seen[v[at:at+10]] = i
		}
	}
	for _, at := range []int{0, 1, 2, least - 3} { // every place has most of the letters
		letters := map[byte]int{}
		for _, v := range values {
			letters[v[at]]++
		}
		for letter, n := range letters {
			if n > len(values)/2 {
				t.Errorf("%s: %q is at place %d in %d of %d", kind, letter, at, n, len(values))
			}
		}
	}
	slices.Sort(values)
	if len(slices.Compact(values)) != len(values) {
		t.Errorf("%s: one came twice", kind)
	}
}
