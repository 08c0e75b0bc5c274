package attacks_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/conformance/optest"
)

// flowOf is the secret of the sign-in that a page is for.
func flowOf(b *optest.Browser) string { return b.Page.Form("flow").Fields.Get("flow") }

// sessionCookie is the cookie that holds who is signed in.
func sessionCookie(b *optest.Browser) *http.Cookie {
	for _, c := range b.Cookies() {
		if strings.Contains(c.Name, "session") {
			return &http.Cookie{Name: c.Name, Value: c.Value, Path: "/"}
		}
	}
	return &http.Cookie{}
}

var flowAttacks = []attack{
	{10, "response types that hand out tokens without a code", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		for _, kind := range []string{"token", "id_token", "id_token token", "code token", "code id_token", "code id_token token", "none", "CODE", "code code", "device_code", ""} {
			for _, mode := range []string{"query", "fragment", "form_post"} {
				b.Get(c.ask("response_type", kind, "response_mode", mode, "prompt", "none"))
				v := b.Answer()
				if e := v.Get("error"); e != "unsupported_response_type" && !(kind == "" && e == "invalid_request") || v.Has("access_token") || v.Has("id_token") || v.Has("code") {
					t.Errorf("%q: %v", kind, v)
				}
			}
		}
	}, false},
	{10, "consent is asked for whichever way a request comes", func(h *house, t *testing.T) {
		c := h.cell(t)
		p, _ := c.signs()
		p.Method = "private_key_jwt"
		b := h.NewBrowser()
		b.Get("/account")
		b.Submit("username", c.user, "password", password)
		query := p.Query("scope", "openid read", "code_challenge", optest.Challenge(optest.Verifier), "code_challenge_method", "S256")
		pushed := p.Ask("/par", "response_type", "code", "scope", "openid read", "redirect_uri", rp)
		object := p.Sign(map[string]any{"iss": c.id, "aud": h.URL, "client_id": c.id, "response_type": "code", "scope": "openid read", "redirect_uri": rp}, "")
		for name, send := range map[string]func(){
			"GET":        func() { b.Get("/authorize?" + query.Encode()) },
			"POST":       func() { b.Post("/authorize", query, "") },
			"POST, from": func() { b.Post("/authorize", query, "https://evil.example") },
			"form_post":  func() { b.Get("/authorize?" + query.Encode() + "&response_mode=form_post") },
			"pushed": func() {
				b.Get("/authorize?" + pairs("client_id", c.id, "request_uri", pushed.Text("request_uri")).Encode())
			},
			"signed": func() { b.Get("/authorize?" + pairs("client_id", c.id, "request", object).Encode()) },
			"hinted": func() { b.Get("/authorize?" + query.Encode() + "&login_hint=" + c.user) },
		} {
			if send(); !b.At("/signin/consent") {
				t.Errorf("%s: %s", name, b.Page.Brief())
			}
		}
		// What was agreed to for less is no consent for more.
		if b.Submit("decision", "allow"); b.Page.Left == nil {
			t.Fatalf("%s", b.Page.Brief())
		}
		for _, more := range [][]string{{"scope", "openid read write"}, {"scope", "openid read offline_access"}, {"scope", "openid read email"}, {"claims", `{"userinfo":{"email":null}}`}, {"prompt", "consent"}} {
			if b.Get(c.ask(more...)); !b.At("/signin/consent") {
				t.Errorf("%v: %s", more, b.Page.Brief())
			}
		}
	}, false},
	{10, "consent counts for the account that was asked, whichever counts by now", func(h *house, t *testing.T) {
		c, second := h.cell(t), h.cell(t)
		b := h.NewBrowser()
		b.Get(c.ask())
		if b.Submit("username", c.user, "password", password); !b.At("/signin/consent") {
			t.Fatalf("%s", b.Page.Brief())
		}
		flow := flowOf(b)
		b.Get("/authorize?" + strings.TrimPrefix(second.ask("prompt", "select_account"), "/authorize?")) // in another tab
		b.Submit("session", "another")
		b.SignIn(second.user, password)
		b.Post("/signin/consent", url.Values{"flow": {flow}, "decision": {"allow"}}, "")
		if b.Page.Left != nil {
			t.Errorf("answered: %s", b.Page.Brief())
		}
		if b.Get(c.ask("prompt", "none")); b.Answer().Get("error") != "consent_required" {
			t.Errorf("the second account has agreed to what only the first was asked: %v", b.Answer())
		}
	}, false},
	{10, "what a client may not have is in no token of any door", func(h *house, t *testing.T) {
		for _, w := range []string{"code", "kv code", "push", "password", "client", "refresh", "dr password", "dr client", "dr refresh", "kv password", "kv client", "kv refresh", "ddi client"} {
			i := slices.IndexFunc(ways, func(x way) bool { return x.name == w })
			k := ways[i].ready(h.cell(t))
			if k.set("scope", "openid read admin"); w == "push" {
				b, _ := k.signedIn("scope", "openid read admin")
				b.Get(k.ask("scope", "openid read admin", "prompt", "none"))
				k = k.atToken("grant_type", "authorization_code", "code", b.Answer().Get("code"), "redirect_uri", rp, "code_verifier", optest.Verifier)
			}
			a := k.post()
			if slices.Contains(strings.Fields(a.Text("scope")), "admin") {
				t.Errorf("%s: scope %q", w, a.Text("scope"))
			}
			if a.Text("access_token") == "" {
				continue
			}
			asker := h.cell(t)
			asker.change("trusted", "true")
			told := asker.atToken("token", a.Text("access_token"))
			told.path = "/introspect"
			if scope := told.post().Text("scope"); slices.Contains(strings.Fields(scope), "admin") {
				t.Errorf("%s: the token has the scope %q", w, scope)
			}
		}
	}, false},
	{11, "a session that somebody else has planted", func(h *house, t *testing.T) {
		attacker, victim := h.cell(t), h.cell(t)
		theirs, _ := attacker.signedIn()
		planted := sessionCookie(theirs)
		for _, value := range []string{planted.Value, strings.Repeat("A", 43), planted.Value + "." + planted.Value} {
			b := h.NewBrowser()
			b.SetCookies(&http.Cookie{Name: planted.Name, Value: value, Path: "/"})
			b.Get(victim.ask("prompt", "login"))
			if b.At("/signin") && b.Page.Form("password").Fields.Get("username") == attacker.user {
				b.Get(victim.ask("prompt", "select_account")) // the page says who must prove it; the victim is somebody else
				b.Submit("session", "another")
			}
			b.SignIn(victim.user, password)
			if now := sessionCookie(b); strings.Split(now.Value, ".")[0] == strings.Split(value, ".")[0] {
				t.Errorf("the planted secret has become the victim's session")
			}
			theirs.Get(victim.ask("prompt", "none"))
			if theirs.Page.Left != nil && theirs.Answer().Get("code") != "" {
				t.Error("the attacker is signed in as the victim")
			}
		}
	}, false},
	{11, "a secret from before a sign-in, a sign-out or a step-up opens nothing", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		before := sessionCookie(b)
		b.Get(c.ask("prompt", "login"))
		b.SignIn(c.user, password)
		after := sessionCookie(b)
		(&call{cell: c, browser: b}).signOut()
		for name, cookie := range map[string]*http.Cookie{"before": before, "signed out": after} {
			thief := h.NewBrowser()
			thief.SetCookies(cookie)
			if thief.Get(c.ask("prompt", "none")); thief.Answer().Get("error") != "login_required" {
				t.Errorf("%s: %v", name, thief.Answer())
			}
		}
	}, false},
	{11, "a sign-in that one browser has begun and another is sent to", func(h *house, t *testing.T) {
		c, victim := h.cell(t), h.cell(t)
		for _, at := range []string{"/signin", "/signin/consent"} {
			attacker := h.NewBrowser()
			if attacker.Get(c.ask()); at == "/signin/consent" {
				attacker.Submit("username", c.user, "password", password)
			}
			flow := flowOf(attacker)
			signedIn, _ := victim.signedIn()
			for _, b := range []*optest.Browser{h.NewBrowser(), signedIn} {
				for _, path := range []string{"/authorize", "/signin", "/signin/consent", "/signin/second", "/signin/enrol", "/signin/accounts", "/signin/recovery", "/signin/verify"} {
					if p := b.Get(path + "?flow=" + flow); p.Status != http.StatusBadRequest {
						t.Errorf("%s: %d %s", path, p.Status, p.Brief())
					}
					if path == "/authorize" {
						continue
					}
					form := url.Values{"flow": {flow}, "username": {victim.user}, "password": {password}, "decision": {"allow"}, "session": {"another"}}
					if p := b.Post(path, form, ""); p.Status != http.StatusBadRequest {
						t.Errorf("POST %s: %d %s", path, p.Status, p.Brief())
					}
				}
			}
		}
	}, false},
	{11, "forms that another site's page sends", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		fresh := h.NewBrowser()
		fresh.Get(c.ask())
		forms := map[string]url.Values{
			"/signin": {"flow": {flowOf(fresh)}, "username": {c.user}, "password": {password}}, "/signin/consent": {"flow": {flowOf(fresh)}, "decision": {"allow"}},
			"/signin/second": {"flow": {flowOf(fresh)}}, "/signin/enrol": {"flow": {flowOf(fresh)}}, "/signin/accounts": {"flow": {flowOf(fresh)}, "session": {"another"}},
			"/signin/forgot": {"username": {c.user}}, "/signin/password": {"ticket": {strings.Repeat("A", 43)}}, "/signin/verify": {"ticket": {strings.Repeat("A", 43)}}, "/signin/recovery": {"flow": {flowOf(fresh)}},
			"/account": {}, "/account/password": {"old": {password}, "new": {"correct horse battery"}, "again": {"correct horse battery"}}, "/account/session": {"action": {"end_others"}},
			"/account/consent": {"client": {c.id}}, "/account/passkey": {}, "/account/totp": {}, "/account/factor": {"action": {"remove"}}, "/account/recovery": {}, "/account/signout": {}, "/account/verify": {},
			"/logout": {"decision": {"allow"}, "ticket": {strings.Repeat("A", 43)}},
		}
		for path, form := range forms {
			for _, from := range []*optest.Browser{b, fresh} {
				if p := from.Post(path, form, "https://evil.example"); p.Status != http.StatusForbidden && path != "/logout" || p.Status < 400 {
					t.Errorf("%s: %d %s", path, p.Status, p.Brief())
				}
			}
		}
		if b.Get(c.ask("prompt", "none")); b.Answer().Get("code") == "" {
			t.Errorf("the attacks have done something: %v", b.Answer())
		}
		// The end of a session by a link of another site is asked about first.
		if b.Get("/logout"); b.Page.Form("decision") == nil {
			t.Errorf("signed out by a link: %s", b.Page.Brief())
		}
		if b.Get(c.ask("prompt", "none")); b.Answer().Get("code") == "" {
			t.Error("signed out by a link")
		}
	}, false},
	{11, "cookies are for this server alone", func(h *house, t *testing.T) {
		c := h.cell(t)
		u := c.ask()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+u, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		for _, one := range res.Cookies() {
			if !one.HttpOnly || one.SameSite != http.SameSiteLaxMode || one.Domain != "" || one.Path != "/" {
				t.Errorf("%+v", one)
			}
		}
		if len(res.Cookies()) == 0 {
			t.Error("no cookie")
		}
	}, false},
	{11, "a mailed link works once, for one purpose and one user, and not for what was changed since", func(h *house, t *testing.T) {
		c, d := h.cell(t), h.cell(t)
		link := func(of *cell) string {
			b := h.NewBrowser()
			b.Get("/signin/forgot")
			b.Submit("username", of.user)
			_, address := h.mails.link(t, of.user+"@example.org")
			return strings.TrimPrefix(address, h.URL)
		}
		first, theirs := link(c), link(d)
		b := h.NewBrowser()
		next := "an entirely different password"
		if b.Get(strings.Replace(theirs, "/signin/password", "/signin/verify", 1)); b.Page.Status != http.StatusBadRequest {
			t.Errorf("as another kind of link: %d", b.Page.Status)
		}
		if b.Get("/realms/other" + theirs); b.Page.Status < 400 {
			t.Errorf("in another realm: %d", b.Page.Status)
		}
		won := 0
		k := &call{cell: c, browser: b}
		results := make(chan bool, 100)
		ticket := strings.SplitN(first, "ticket=", 2)[1]
		k.crowd(func(own *call) {
			results <- own.browser.Post("/signin/password", url.Values{"ticket": {ticket}, "new": {next}, "again": {next}, "user": {d.user}, "username": {d.user}}, "").Status == http.StatusOK
		})
		for range 100 {
			if <-results {
				won++
			}
		}
		if won != 1 {
			t.Errorf("%d of 100 uses were taken", won)
		}
		if b.Get(first); b.Page.Status != http.StatusBadRequest {
			t.Errorf("again: %d", b.Page.Status)
		}
		// Of two links the one that was not used is over with the password that it was to replace.
		h.Wait(3 * time.Minute)
		one := link(c)
		h.Wait(3 * time.Minute)
		for i, to := range []string{link(c), one} {
			if p := b.Get(to); p.Status == http.StatusOK != (i == 0) {
				t.Errorf("link %d: %d %s", i, p.Status, p.Brief())
			}
			if next = "yet another password, " + c.user; i == 0 {
				b.Submit("new", next, "again", next)
			}
		}
		for user, right := range map[string]string{c.user: next, d.user: password} {
			b := h.NewBrowser()
			b.Get(c.ask())
			if b.Submit("username", user, "password", right); !b.At("/signin/consent") {
				t.Errorf("%s: %s", user, b.Page.Brief())
			}
		}
	}, true},
	{11, "a form that was sent before leads nowhere", func(h *house, t *testing.T) {
		c := h.cell(t)
		b := h.NewBrowser()
		b.Get(c.ask())
		form := url.Values{"flow": {flowOf(b)}, "username": {c.user}, "password": {password}}
		b.SignIn(c.user, password)
		for _, path := range []string{"/signin", "/signin/consent"} {
			form.Set("decision", "allow")
			if p := b.Post(path, form, ""); p.Status != http.StatusBadRequest || p.Left != nil {
				t.Errorf("%s: %s", path, p.Brief())
			}
		}
	}, false},
}
