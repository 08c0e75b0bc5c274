package attacks_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/conformance/optest"
)

// mark is what would run if a page repeated it as it came. It closes whatever it might stand in.
const mark = `'"></title></textarea></script><script>alert(7)</script><svg/onload=alert(7)>`

// raw finds a mark that was repeated so that it could run: one that still has its angle brackets.
var raw = regexp.MustCompile(`(?i)<(script>alert\(7\)|svg/onload)`)

var floodAttacks = []attack{
	{19, "floods of parameters, and parameters that are large or come twice", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		many := strings.Repeat("a=b&", 20_000)
		large := strings.Repeat("x", 900_000)
		huge := strings.Repeat("x", 3<<20)
		bodies := map[string]string{
			"many": many, "a large scope": "grant_type=client_credentials&scope=" + strings.Repeat("read+", 150_000), "a large value": "x=" + large, "a huge body": "x=" + huge, "a large name": large + "=x",
			"twice": "grant_type=client_credentials&grant_type=password&scope=read", "broken": "grant_type=%zz", "NUL": "grant_type=client_credentials&scope=read%00admin", "not UTF-8": "scope=%ff%fe",
		}
		header := http.Header{"Authorization": {"Basic " + b64(c.id+":"+url.QueryEscape(secretOf(c.id)))}}
		for name, body := range bodies {
			for _, path := range []string{"/token", "/par", "/introspect", "/revoke", "/api/oauth2/token", "/oauth2/token/", "/authorize", "/signin", "/logout", "/userinfo"} {
				if (path == "/introspect" || path == "/revoke" || path == "/par" || path == "/authorize" || path == "/logout" || path == "/signin" || path == "/userinfo") && (name == "a large scope" || name == "a large value") {
					body += "&token=x"
				}
				if path == "/revoke" && strings.Contains(body, "token=x") {
					continue // what is unknown is revoked already (RFC 7009 section 2.2)
				}
				began := time.Now()
				a := h.Send(http.MethodPost, path, "application/x-www-form-urlencoded", body, header)
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("%s at %s: %v", name, path, took)
				}
				if a.Status >= 500 && a.Status != http.StatusServiceUnavailable || a.Text("access_token") != "" || a.Text("request_uri") != "" {
					t.Errorf("%s at %s: %d %.200s", name, path, a.Status, a.Body)
				}
			}
		}
		for name, pairs := range map[string][]string{
			"state": {"state", strings.Repeat("s", 30_000)}, "nonce": {"nonce", strings.Repeat("n", 30_000)}, "claims": {"claims", strings.Repeat(`{"id_token":`, 3000)}, "many claims": {"claims", `{"userinfo":{` + strings.Repeat(`"x":null,`, 3000) + `"y":null}}`},
			"prompt": {"prompt", strings.Repeat("login ", 5000)}, "scope": {"scope", strings.Repeat("openid ", 5000)}, "acr_values": {"acr_values", strings.Repeat("2 ", 10_000)}, "max_age": {"max_age", strings.Repeat("9", 400)},
			"login_hint": {"login_hint", strings.Repeat("x", 30_000)}, "locales": {"ui_locales", strings.Repeat("de ", 10_000)}, "id_token_hint": {"id_token_hint", strings.Repeat("x.", 15_000)}, "redirect": {"redirect_uri", "https://rp.example.org/" + strings.Repeat("x", 30_000)},
		} {
			b.Get(c.ask(append([]string{"prompt", "none"}, pairs...)...))
			if b.Page.Left != nil && len(b.Page.Left.String()) > 8192 || b.Page.Left == nil && b.Page.Status >= 500 {
				t.Errorf("%s: %d %.300s", name, b.Page.Status, b.Page.Brief())
			}
		}
		if a := h.Send(http.MethodGet, "/authorize?x="+strings.Repeat("x", 200_000), "", "", nil); a.Status < 400 || a.Status >= 500 {
			t.Errorf("a large address: %d", a.Status)
		}
		for name, body := range map[string]string{"large": `{"redirect_uris":["https://a.example/"],"x":"` + large + `"}`, "deep": strings.Repeat(`{"a":`, 60_000), "many URIs": `{"redirect_uris":[` + strings.Repeat(`"https://a.example/",`, 2000) + `"https://b.example/"]}`, "twice": `{"redirect_uris":["https://a.example/"],"redirect_uris":["https://evil.example/"]}`, "not an object": `[]`} {
			if a := h.Send(http.MethodPost, "/register", "application/json", body, nil); a.Status < 400 || a.Status >= 500 {
				t.Errorf("registration, %s: %d %.200s", name, a.Status, a.Body)
			}
		}
		if c.atToken("grant_type", "client_credentials").try() != granted {
			t.Error("the server is not well any more")
		}
	}, false},
	{20, "what was sent is repeated on no page so that it could run", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		fresh := h.NewBrowser()
		fresh.Get(c.ask())
		flow := flowOf(fresh)
		// Those that decide what page it is are tried one by one, the others all at once.
		alone := []string{"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "prompt", "max_age", "id_token_hint", "claims", "request", "request_uri", "code_challenge", "code_challenge_method", "registration", "flow", mark}
		names := []string{
			"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt", "max_age", "login_hint", "id_token_hint", "acr_values", "claims", "claims_locales", "ui_locales", "display",
			"request", "request_uri", "code_challenge", "code_challenge_method", "registration", "error", "error_description", "error_hint", "flow", "username", "password", "code", "kind", "ticket", "notice", "session", "client", "factor", "name", "action", "decision", "logout_uri",
			"post_logout_redirect_uri", "logout_hint", "ceremony", "response", "old", "new", "again", "iss", mark,
		}
		for _, from := range []*optest.Browser{b, fresh} {
			for _, path := range []string{
				"/authorize", "/signin", "/signin/second", "/signin/enrol", "/signin/consent", "/signin/accounts", "/signin/forgot", "/signin/password", "/signin/verify", "/signin/recovery",
				"/account", "/account/password", "/account/totp", "/account/session", "/account/consent", "/account/factor", "/account/recovery", "/logout", "/nothing" + url.PathEscape(mark),
			} {
				for _, name := range slices.Concat(alone, []string{""}) {
					if path != "/authorize" && name != "" && name != "flow" && name != mark {
						continue // it means nothing there, so all at once will do
					}
					q := c.party().Query("code_challenge", optest.Challenge(optest.Verifier), "code_challenge_method", "S256")
					if path != "/authorize" {
						q = url.Values{"flow": {flow}}
					}
					for _, one := range names {
						if name == "" && !slices.Contains(alone, one) {
							q.Set(one, mark)
						}
					}
					if name != "" {
						q.Set(name, mark)
					}
					h.harmless(t, from.Get(path+"?"+q.Encode()), "GET "+path+" "+name)
					if path == "/account/session" || path == "/account/recovery" || path == "/logout" {
						continue // they would end what the rest needs
					}
					if strings.HasPrefix(path, "/signin") || strings.HasPrefix(path, "/account") {
						h.harmless(t, from.Post(path, q, ""), "POST "+path+" "+name)
					}
				}
			}
		}
	}, false},
	{20, "what a client says of itself, and a user's name, on the pages that show it", func(h *house, t *testing.T) {
		c := h.cell(t)
		p := h.Register(map[string]any{"client_name": mark, "client_name#de": mark, "policy_uri": "https://rp.example.org/?" + url.QueryEscape(mark), "tos_uri": "https://rp.example.org/'%22", "logo_uri": "https://rp.example.org/logo.png?';alert(7)//"})
		h.apply(t, fmt.Sprintf("realm: default\nusers: [{name: %s, alias: %q, email: %s@example.org}]\n", c.user, mark, c.user))
		b := h.NewBrowser()
		b.Header = http.Header{"User-Agent": {mark}, "Accept-Language": {"de"}}
		for _, mode := range []string{"query", "form_post"} {
			b.Get(p.URL("response_mode", mode, "state", mark, "prompt", "consent"))
			h.harmless(t, b.Page, "sign-in")
			if b.At("/signin") {
				b.Submit("username", c.user, "password", password)
			}
			h.harmless(t, b.Page, "consent")
			if !b.At("/signin/consent") || !strings.Contains(b.Page.Text, "&lt;script&gt;alert(7)") {
				t.Errorf("the page does not show the name: %s", b.Page.Text)
			}
			b.Submit("decision", "allow")
			h.harmless(t, b.Page, "answer by "+mode)
			if b.Answer().Get("state") != mark {
				t.Errorf("state %q", b.Answer().Get("state"))
			}
		}
		for _, path := range []string{"/account", "/account/password", "/account/totp", "/logout", p.URL("prompt", "select_account")} {
			h.harmless(t, b.Get(path), path)
		}
		for _, meta := range []map[string]any{{"logo_uri": "javascript:alert(7)"}, {"policy_uri": "javascript:alert(7)"}, {"tos_uri": "data:text/html,x"}, {"client_uri": "javascript:alert(7)"}, {"initiate_login_uri": "javascript:alert(7)"}, {"logo_uri": "https://x.example/;script-src *"}} {
			if q, a := h.TryRegister(meta); a.Status == http.StatusCreated {
				b.Get(q.URL())
				if csp := b.Page.Header.Get("Content-Security-Policy"); strings.Contains(csp, "script-src *") || strings.Contains(b.Page.Text, `"javascript:`) {
					t.Errorf("%v: %s", meta, csp)
				}
			}
		}
	}, false},
	{20, "no answer is taken for another type than it is", func(h *house, t *testing.T) {
		c := h.cell(t)
		bad := url.Values{"grant_type": {mark}, "client_id": {mark}, "token": {mark}, "scope": {mark}, "username": {mark}}
		for _, path := range []string{"/token", "/par", "/introspect", "/revoke", "/userinfo", "/register", "/oauth/token", "/oauth/introspection", "/api/oauth2/token", "/oauth2/token/", "/orders", "/nothing"} {
			for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPut} {
				a := h.Send(method, path+"?x="+url.QueryEscape(mark), "application/x-www-form-urlencoded", bad.Encode(), nil)
				kind := a.Header.Get("Content-Type")
				if !strings.Contains(kind, "json") && a.Body != "" && !strings.HasPrefix(kind, "text/plain") || a.Header.Get("X-Content-Type-Options") != "nosniff" && a.Body != "" {
					t.Errorf("%s %s: %q, nosniff %q: %s", method, path, kind, a.Header.Get("X-Content-Type-Options"), a.Body)
				}
				if strings.Contains(a.Header.Get("WWW-Authenticate"), "<script") {
					t.Errorf("%s %s: %s", method, path, a.Header.Get("WWW-Authenticate"))
				}
			}
		}
		for _, path := range []string{"/jwks", "/.well-known/openid-configuration"} {
			if a := h.Send(http.MethodGet, path, "", "", nil); !strings.HasPrefix(a.Header.Get("Content-Type"), "application/") || a.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %v", path, a.Header)
			}
		}
		// What tells secrets is kept by no cache.
		_, code := c.signedIn()
		for _, a := range []optest.Answer{c.tokens(code), c.atToken("grant_type", "client_credentials").post()} {
			if a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%v", a.Header)
			}
		}
	}, false},
}

// harmless checks a page: nothing of the mark could run, and the headers keep what would.
func (h *house) harmless(t *testing.T, p optest.Page, where string) {
	t.Helper()
	if p.Left != nil && p.Sent == nil {
		if p.Left.Host != "rp.example.org" {
			t.Errorf("%s: led to %s", where, p.Left)
		}
		return
	}
	if p.Status >= 500 && p.Status != http.StatusServiceUnavailable {
		t.Errorf("%s: %d %s", where, p.Status, p.Brief())
	}
	if raw.MatchString(p.Text) {
		t.Errorf("%s: could run: %s", where, raw.FindString(p.Text))
	}
	for name := range p.Header {
		if strings.Contains(strings.Join(p.Header[name], " "), "<script") {
			t.Errorf("%s: header %s: %s", where, name, p.Header[name])
		}
	}
	if kind := p.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
		if p.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %q without nosniff", where, kind)
		}
		return
	}
	if referrer := p.Header.Get("Referrer-Policy"); !slices.Contains([]string{"no-referrer", "same-origin", "strict-origin"}, referrer) {
		t.Errorf("%s: Referrer-Policy %q", where, referrer)
	}
	csp := p.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "} {
		if !strings.Contains(csp, want) {
			t.Errorf("%s: no %s in %q", where, want, csp)
		}
	}
	if slices.ContainsFunc([]string{"unsafe-inline", "unsafe-eval", " * ", " *;", " http:"}, func(s string) bool { return strings.Contains(csp+";", s) }) {
		t.Errorf("%s: %q", where, csp)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store"} {
		if p.Header.Get(name) != want {
			t.Errorf("%s: %s: %q", where, name, p.Header.Get(name))
		}
	}
}
