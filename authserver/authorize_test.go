package authserver_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/authorize"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
	"sallyport/factor"
	"sallyport/realm"
)

func TestCodeIsHandedOver(t *testing.T) {
	p := openWeb(t)
	p.signIn("dory", "1")
	p.agree("dory", "web", "read", "openid")
	for _, tt := range []struct {
		name  string
		pairs []string
		where string
	}{
		{"query", nil, callback + "?"},
		{"query of its own", []string{"redirect_uri", callback + "?a=b"}, callback + "?a=b&"},
		{"fragment", []string{"response_mode", "fragment"}, callback + "#"},
		{"loopback", []string{"redirect_uri", "http://127.0.0.1:51004/cb"}, "http://127.0.0.1:51004/cb?"},
		{"prompt=none", []string{"prompt", "none"}, callback + "?"},
		{"max-age-10000", []string{"max_age", "10000"}, callback + "?"},
		{"PKCE", []string{"code_challenge", challenge, "code_challenge_method", "S256"}, callback + "?"},
	} {
		had := len(p.jar)
		where, told := p.to(p.ask(tt.pairs...))
		if where != tt.where || told.Get("state") != "s t&=#" || told.Get("iss") != dialecttest.PublicURL || told.Get("error") != "" || len(told) != 3 && len(told) != 4 {
			t.Errorf("%s: %s %v", tt.name, where, told)
		}
		if len(p.jar) != had {
			t.Errorf("%s: cookies for nothing: %v", tt.name, p.jar)
		}
		redirect, _, _ := strings.Cut(strings.TrimRight(where, "?&#"), "#")
		pairs := []string{"grant_type", "authorization_code", "code", told.Get("code"), "redirect_uri", redirect}
		if tt.name == "PKCE" {
			pairs = append(pairs, "code_verifier", verifier)
		}
		if got := p.get("web", pairs...); got.Access == "" || got.Scope != "read" {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	got := p.ask("response_mode", "form_post")
	if got.Status != http.StatusOK || got.Header.Get("Location") != "" || got.Header.Get("Cross-Origin-Opener-Policy") != "" ||
		!strings.Contains(got.Body, `action="`+callback+`"`) || !strings.Contains(got.Body, `name="code"`) || !strings.Contains(got.Body, `value="s t&amp;=#"`) ||
		!strings.Contains(got.Body, `name="iss"`) || !strings.Contains(got.Body, "Application web") || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("form_post: %d %v %s", got.Status, got.Header, got.Body)
	}
	s, err := p.sessions.Find(t.Context(), p.Realms.ByName(realm.Default), p.secrets()[0])
	if err != nil || !slices.Equal(s.Clients, []string{"web"}) {
		t.Errorf("the session has %+v, %v", s, err)
	}
}

// A client learns that the server could not go on, also in a frame that nobody looks at (RFC 6749 section 4.1.2.1).
func TestOutageIsToldToTheClient(t *testing.T) {
	for name, ask := range map[string]func(*person) dialecttest.Answer{
		"silent": func(p *person) dialecttest.Answer { return p.ask("prompt", "none") },
		"asking": func(p *person) dialecttest.Answer { return p.ask("prompt", "login") },
		"posted": func(p *person) dialecttest.Answer { return p.do(http.MethodPost, "/authorize", asked()) },
	} {
		p := openWeb(t)
		p.signIn("dory", "1")
		p.agree("dory", "web", "read")
		if _, told := p.to(p.ask("prompt", "none")); told.Get("code") == "" { // what is read is in memory from here on
			t.Fatalf("%s: %v", name, told)
		}
		if err := p.kept.Close(); err != nil {
			t.Fatal(err)
		}
		where, told := p.to(ask(p))
		if e := told.Get("error"); where != callback+"?" || e != "temporarily_unavailable" && e != "server_error" || told.Get("state") != "s t&=#" || told.Get("code") != "" {
			t.Errorf("%s: %s %v", name, where, told)
		}
		if !strings.Contains(p.Log.String(), "request failed") {
			t.Errorf("%s: nothing is logged: %s", name, p.Log)
		}
	}
}

func TestSteps(t *testing.T) {
	for _, tt := range []struct {
		name  string
		set   func(*person)
		pairs []string
		step  string
	}{
		{"nobody", func(*person) {}, nil, "/signin"},
		{"prompt-login", func(p *person) { p.signIn("dory", "1") }, []string{"prompt", "login"}, "/signin"},
		{"max-age-1", func(p *person) { p.signIn("dory", "1"); p.Clock.Advance(2 * time.Second) }, []string{"max_age", "1"}, "/signin"},
		{"not agreed", func(p *person) { p.signIn("dory", "1") }, nil, "/signin/consent"},
		{"agreed to less", func(p *person) { p.signIn("dory", "1"); p.agree("dory", "web", "openid") }, nil, "/signin/consent"},
		{"agreed with another", func(p *person) { p.signIn("dory", "1"); p.agree("dory", "spa", "read") }, nil, "/signin/consent"},
		{"another has agreed", func(p *person) { p.signIn("dory", "1"); p.agree("nemo", "web", "read") }, nil, "/signin/consent"},
		{"claims asked for", func(p *person) { p.signIn("dory", "1"); p.agree("dory", "web", "read") }, []string{"claims", `{"userinfo":{"email":null}}`}, "/signin/consent"},
		{"prompt-consent of a friend", func(p *person) { p.signIn("dory", "1") }, []string{"client_id", "friend", "prompt", "consent"}, "/signin/consent"},
		{"select_account", func(p *person) { p.signIn("dory", "1"); p.Clock.Advance(time.Second) }, []string{"prompt", "select_account"}, "/signin/accounts"},
		{"step up", func(p *person) { p.signIn("dory", "1"); p.factors["dory"] = factor.Summary{TOTP: true} }, []string{"acr_values", "2"}, "/signin/second"},
		{"nothing to step up with", func(p *person) { p.signIn("dory", "1") }, []string{"acr_values", "2"}, "/signin/enrol"},
		{"display-popup", func(*person) {}, []string{"display", "popup"}, "/signin"},
	} {
		p := openWeb(t)
		tt.set(p)
		p.Clock.Advance(time.Second)
		where, told := p.to(p.ask(tt.pairs...))
		if where != tt.step+"?" || len(told) != 1 || len(told.Get("flow")) != 43 {
			t.Errorf("%s: %s %v", tt.name, where, told)
			continue
		}
		own, err := p.flows.Get(t.Context(), realm.Default, told.Get("flow"), p.browser())
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if s, _ := p.sessions.Find(t.Context(), p.Realms.ByName(realm.Default), append(p.secrets(), "")[0]); (tt.step == "/signin/consent") != (s != nil && own.Asked == s.ID) {
			t.Errorf("%s: consent of %q", tt.name, own.Asked)
		}
		if lift := tt.step == "/signin/second" || tt.step == "/signin/enrol"; lift != (own.User == "dory" && own.ACR == "1" && !own.Proved.IsZero()) {
			t.Errorf("%s: %+v", tt.name, own)
		}
		// Coming back without having done anything leads there again, by the same flow.
		if again, more := p.to(p.do(http.MethodGet, "/authorize?flow="+told.Get("flow"), "")); again != where || more.Get("flow") != told.Get("flow") {
			t.Errorf("%s: back to %s %v", tt.name, again, more)
		}
		// With prompt=none there is an error instead, and nothing is begun.
		if !strings.HasPrefix(tt.name, "prompt") && tt.name != "select_account" {
			had := maps.Clone(p.jar)
			where, told := p.to(p.ask(append(slices.Clone(tt.pairs), "prompt", "none")...))
			if code := told.Get("error"); where != callback+"?" || !maps.Equal(had, p.jar) ||
				!slices.Contains([]string{"login_required", "consent_required", "interaction_required"}, code) || told.Get("iss") == "" || told.Get("state") == "" {
				t.Errorf("%s: silently: %s %v", tt.name, where, told)
			}
		}
	}
}

func TestFlowIsFinishedOnce(t *testing.T) {
	p := openWeb(t)
	flow := p.begin("scope", "openid")
	p.Clock.Advance(time.Minute)
	p.signIn("dory", "1")
	if where, _ := p.to(p.do(http.MethodGet, "/authorize?flow="+flow, "")); where != "/signin/consent?" {
		t.Errorf("to %s", where)
	}
	p.agree("dory", "web", "openid")
	where, told := p.to(p.do(http.MethodGet, "/authorize?flow="+flow, ""))
	if where != callback+"?" || told.Get("code") == "" || told.Get("state") != "s t&=#" {
		t.Errorf("%s %v", where, told)
	}
	p.page(p.do(http.MethodGet, "/authorize?flow="+flow, ""), http.StatusBadRequest)
	if got := p.get("web", "grant_type", "authorization_code", "code", told.Get("code"), "redirect_uri", callback); got.Access == "" {
		t.Errorf("%+v", got)
	}
	// codereuse: the replay is refused and ends what the first use gave.
	if got := p.post("/token", basic("web", secret), "grant_type", "authorization_code", "code", told.Get("code"), "redirect_uri", callback); got.Status != http.StatusBadRequest || got.Text("error") != "invalid_grant" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// CVE class 11: what was begun in one browser is not finished in another.
func TestFlowStaysInItsBrowser(t *testing.T) {
	p := openWeb(t)
	flow := p.begin()
	victim := &person{house: p.house, jar: map[string]string{}, realm: realm.Default}
	victim.signIn("dory", "1")
	victim.agree("dory", "web", "read")
	for _, secret := range []string{flow, "x", strings.Repeat("a", 43)} {
		victim.page(victim.do(http.MethodGet, "/authorize?flow="+secret, ""), http.StatusBadRequest)
	}
	p.realm = "own"
	p.page(p.do(http.MethodGet, "/authorize?flow="+flow, ""), http.StatusBadRequest)
	p.realm = realm.Default
	p.Clock.Advance(authorize.FlowLife)
	p.page(p.do(http.MethodGet, "/authorize?flow="+flow, ""), http.StatusBadRequest)
}

func TestDenied(t *testing.T) {
	p := openWeb(t)
	flow := p.begin()
	p.note(flow, func(f *authorize.Flow) { f.Denied = true })
	where, told := p.to(p.do(http.MethodGet, "/authorize?flow="+flow, ""))
	if where != callback+"?" || told.Get("error") != "access_denied" || told.Get("state") != "s t&=#" || told.Get("iss") != dialecttest.PublicURL || told.Has("code") {
		t.Errorf("%s %v", where, told)
	}
	p.page(p.do(http.MethodGet, "/authorize?flow="+flow, ""), http.StatusBadRequest)
}

// ensure-post-request-succeeds: a form of another site, with which no cookies come, is answered as a link would be.
func TestPost(t *testing.T) {
	p := openWeb(t)
	p.signIn("dory", "1")
	p.agree("dory", "web", "read")
	p.Clock.Advance(time.Second) // a sign-in at the moment of a request would be one for it
	for prompt, wanted := range map[string]string{"": "code", "none": "code", "login": "flow"} {
		p.forget("browser")
		stranger := &person{house: p.house, jar: map[string]string{}, realm: realm.Default}
		where, told := stranger.to(stranger.do(http.MethodPost, "/authorize", asked("prompt", prompt)))
		if where != "/authorize?" || len(stranger.jar) != 0 {
			t.Fatalf("%s %v, cookies %v", where, told, stranger.jar)
		}
		p.Clock.Advance(time.Second)
		where, more := p.to(p.do(http.MethodGet, "/authorize?flow="+told.Get("flow"), ""))
		if !more.Has(wanted) {
			t.Errorf("prompt=%s: %s %v", prompt, where, more)
		}
		if _, err := p.flows.Get(t.Context(), realm.Default, told.Get("flow"), p.browser()); wanted == "flow" && err != nil {
			t.Errorf("the browser that followed does not have the flow: %v", err)
		}
		stranger.page(stranger.do(http.MethodGet, "/authorize?flow="+told.Get("flow"), ""), http.StatusBadRequest)
	}
	where, told := p.to(p.do(http.MethodPost, "/authorize", asked("response_type", "token")))
	if where != callback+"?" || told.Get("error") != "unsupported_response_type" {
		t.Errorf("%s %v", where, told)
	}
	p.page(p.do(http.MethodPost, "/authorize", asked("redirect_uri", "https://evil.example/")), http.StatusBadRequest)
	if got := p.Do(p.routes, dialecttest.Call{Path: "/authorize", Type: "application/json", Body: "{}"}); got.Status != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d", got.Status)
	}
	if got := p.do(http.MethodPut, "/authorize", asked()); got.Status != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, POST" {
		t.Errorf("PUT: %d %v", got.Status, got.Header)
	}
}

// Errors that must not leave this server do not (RFC 6749 section 4.1.2.1), and what a stranger sent is not in them (CVE class 20).
func TestPages(t *testing.T) {
	p := openWeb(t)
	const evil = `"><script>alert(1)</script>`
	for name, query := range map[string]string{
		"no client":           asked("client_id", ""),
		"unknown client":      asked("client_id", evil),
		"client that is off":  asked("client_id", "off"),
		"redirect":            asked("redirect_uri", "https://evil.example/"+evil),
		"javascript":          asked("redirect_uri", "javascript:alert(1)"),
		"no redirect":         asked("redirect_uri", "", "scope", "openid"),
		"two redirects":       asked() + "&redirect_uri=https://evil.example/",
		"two clients":         asked() + "&client_id=spa",
		"broken escape":       asked() + "&x=%zz",
		"unknown flow":        "flow=" + url.QueryEscape(evil),
		"unknown pushed":      asked("request_uri", authorize.PushPrefix+evil),
		"many parameters":     strings.Repeat("a=b&", 300),
		"nothing":             "",
		"flow and two of it":  "flow=a&flow=b",
		"unknown client, xss": asked("client_id", "nobody", "redirect_uri", evil, "state", evil),
	} {
		got := p.do(http.MethodGet, "/authorize?"+query, "")
		p.page(got, http.StatusBadRequest)
		if strings.Contains(got.Body, "alert(1)") || strings.Contains(got.Body, "evil.example") {
			t.Errorf("%s: repeats what was sent: %s", name, got.Body)
		}
	}
}

func TestClientIsLookedAtAgain(t *testing.T) {
	p := openWeb(t)
	p.signIn("dory", "1")
	flow := p.begin()
	p.agree("dory", "web", "read")
	for name, change := range map[string]func(*client.Client){
		"switched off":     func(c *client.Client) { c.Status = client.Off },
		"another redirect": func(c *client.Client) { c.RedirectURIs = []string{"https://app.example.org/new"} },
	} {
		c, err := p.Clients.Get(t.Context(), realm.Default, "web")
		if err != nil {
			t.Fatal(err)
		}
		changed, was := *c, *c
		change(&changed)
		p.Change(deployment.ChangeSet{Clients: []*client.Client{&changed}})
		p.page(p.do(http.MethodGet, "/authorize?flow="+flow, ""), http.StatusBadRequest)
		p.Change(deployment.ChangeSet{Clients: []*client.Client{&was}})
		_ = name
	}
	if _, told := p.to(p.do(http.MethodGet, "/authorize?flow="+flow, "")); !told.Has("code") {
		t.Errorf("%v", told)
	}
}

func TestSessionsInOneBrowser(t *testing.T) {
	p := openWeb(t)
	p.signIn("dory", "1")
	p.signIn("nemo", "1") // counts now
	p.Clock.Advance(time.Second)
	p.agree("nemo", "web", "read")
	if _, told := p.to(p.ask("prompt", "none")); !told.Has("code") {
		t.Errorf("nemo: %v", told)
	}
	before := p.secrets()
	if _, told := p.to(p.ask("prompt", "none", "login_hint", "dory")); told.Get("error") != "consent_required" || !slices.Equal(before, p.secrets()) {
		t.Errorf("dory, silently: %v", told)
	}
	// The pages take the first for the one that counts.
	if where, _ := p.to(p.ask("login_hint", "dory")); where != "/signin/consent?" || !slices.Equal(p.secrets(), []string{before[1], before[0]}) {
		t.Errorf("%s, %v", where, p.secrets())
	}
	rl := p.Realms.ByName(realm.Default)
	s, err := p.sessions.Find(t.Context(), rl, before[1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.sessions.End(t.Context(), rl, s.ID); err != nil {
		t.Fatal(err)
	}
	if where, _ := p.to(p.ask("prompt", "consent", "login_hint", "dory")); where != "/signin/consent?" || !slices.Equal(p.secrets(), before[:1]) {
		t.Errorf("%s: what is over is still there: %v", where, p.secrets())
	}
}

func TestAccountPage(t *testing.T) {
	p := openWeb(t)
	p.signIn("dory", "1")
	p.begin("prompt", "login") // so that there is a browser
	p.Clock.Advance(time.Second)
	flow, err := p.flows.Begin(t.Context(), &authorize.Request{Realm: realm.Default, Prompt: []string{"login"}}, p.browser())
	if err != nil {
		t.Fatal(err)
	}
	if where, _ := p.to(p.do(http.MethodGet, "/authorize?flow="+flow, "")); where != "/signin?" {
		t.Errorf("an old sign-in will do: %s", where)
	}
	p.Clock.Advance(time.Second)
	p.signIn("dory", "1")
	if where, told := p.to(p.do(http.MethodGet, "/authorize?flow="+flow, "")); where != "/account" || told != nil {
		t.Errorf("%s %v", where, told)
	}
	if flow, err = p.flows.Begin(t.Context(), &authorize.Request{Realm: realm.Default, Prompt: []string{"login"}}, p.browser()); err != nil {
		t.Fatal(err)
	}
	p.note(flow, func(f *authorize.Flow) { f.Denied = true })
	if where, _ := p.to(p.do(http.MethodGet, "/authorize?flow="+flow, "")); where != "/account" {
		t.Errorf("given up: %s", where)
	}
}

// Addresses come from the configured issuer (CVE class 15), also where that has a path.
func TestRealmBelowAPath(t *testing.T) {
	p := openWeb(t)
	p.realm = "own"
	got := p.Do(p.routes, dialecttest.Call{
		Method: http.MethodGet, Type: "-", Realm: "own", Host: "evil.example", Path: "/authorize?" + asked(),
		Header: http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Prefix": {"/evil"}},
	})
	if where, _ := p.to(got); where != "/sso/signin?" {
		t.Errorf("to %s", where)
	}
	p.signIn("nemo", "1")
	if where, told := p.to(p.ask("client_id", "friend")); where != callback+"?" || told.Get("iss") != "https://login.example.com/sso/" {
		t.Errorf("%s %v", where, told)
	}
	p.realm = realm.Default // a session of one realm is none in another
	if where, _ := p.to(p.ask("client_id", "friend")); where != "/signin?" {
		t.Errorf("to %s", where)
	}
}

// FuzzAuthorize: whatever the query, nothing leads anywhere but to a page of ours or a redirect URI of the client.
func FuzzAuthorize(f *testing.F) {
	p := openWeb(f)
	p.signIn("dory", "1")
	p.agree("dory", "web", "read")
	f.Add(asked())
	f.Add(asked("prompt", "none", "response_mode", "fragment"))
	f.Add(asked("redirect_uri", "http://127.0.0.1:1/cb", "response_type", "token"))
	f.Add("flow=" + strings.Repeat("a", 43))
	f.Fuzz(func(t *testing.T, query string) {
		r := p.Request(dialecttest.Call{Method: http.MethodGet, Type: "-", Path: "/authorize"})
		r.URL.RawQuery = query
		for name, value := range p.jar {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		p.routes["/authorize"].ServeHTTP(w, r)
		to := w.Header().Get("Location")
		switch {
		case w.Code >= 500:
			t.Fatalf("%d %s", w.Code, w.Body)
		case w.Code == http.StatusSeeOther && !strings.HasPrefix(to, "/signin") && !strings.HasPrefix(to, callback+"?") &&
			!strings.HasPrefix(to, callback+"#") && !strings.HasPrefix(to, "http://127.0.0.1"):
			t.Fatalf("to %q", to)
		case w.Code != http.StatusSeeOther && to != "":
			t.Fatalf("%d to %q", w.Code, to)
		}
	})
}
