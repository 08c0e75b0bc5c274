package attacks_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sallyport/conformance/optest"
)

// nearly are addresses that somebody, somewhere has taken for the registered https://rp.example.org/cb, http://127.0.0.1/native
// or com.example.app:/cb.
var nearly = []string{
	"https://rp.example.org/cb/", "https://rp.example.org/CB", "https://RP.example.org/cb", "HTTPS://rp.example.org/cb", "http://rp.example.org/cb",
	"https://rp.example.org:443/cb", "https://rp.example.org:444/cb", "https://rp.example.org./cb", "https://rp.example.org/cb?", "https://rp.example.org/cb?x=1",
	"https://rp.example.org/cb#", "https://rp.example.org/cb#x", "https://rp.example.org/cb;x", "https://rp.example.org/cb%2f", "https://rp.example.org/c%62",
	"https://rp.example.org//cb", "https://rp.example.org/./cb", "https://rp.example.org/x/../cb", "https://rp.example.org/cb/..;/evil", "https://rp.example.org/cb/%2e%2e/evil",
	"https://rp.example.org\\cb", "https://rp.example.org/cb\\", "https:\\\\rp.example.org\\cb", "https:/rp.example.org/cb", "https:rp.example.org/cb", "https:///rp.example.org/cb",
	"//rp.example.org/cb", "/cb", "rp.example.org/cb", "https://rp.example.org/cb ", " https://rp.example.org/cb", "https://rp.example.org/cb\n", "https://rp.example.org/cb\t",
	"https://rp.example.org/cb,https://evil.example/", "https://rp.example.org/cb https://evil.example/", "https://rp.example.org@evil.example/cb", "https://rp.example.org:x@evil.example/cb",
	"https://evil.example\\@rp.example.org/cb", "https://evil.example#@rp.example.org/cb", "https://evil.example?@rp.example.org/cb", "https://user@rp.example.org/cb",
	"https://rp.example.org.evil.example/cb", "https://rpxexample.org/cb", "https://evil-rp.example.org/cb", "https://example.org/cb", "https://*.example.org/cb", "https://rp.example.org/*",
	"https://rp%2eexample.org/cb", "https://rp.example.org%2f.evil.example/cb", "https://rp.example。org/cb", "https://ｒｐ.example.org/cb", "https://rp.example.org/сb", "https://[rp.example.org]/cb",
	"javascript:alert(1)", "JaVaScRiPt:alert(1)//https://rp.example.org/cb", "data:text/html,https://rp.example.org/cb", "file:///cb", "vbscript:x", "blob:https://rp.example.org/cb", "about:blank",
	"http://127.0.0.1:1@evil.example/native", "http://127.0.0.1.evil.example/native", "http://127.0.0.1:65536/native", "http://127.0.0.1:0/native", "http://127.0.0.1:01/native",
	"http://127.0.0.1:/native", "http://127.0.0.1:+1/native", "http://127.1/native", "http://127.0.0.2/native", "http://2130706433/native", "http://[::1]:9/native", "http://[::ffff:127.0.0.1]/native",
	"http://localhost:9/native", "https://127.0.0.1:9/native", "http://127.0.0.1:9/native/", "http://127.0.0.1:9/native?x", "http://127.0.0.1:9/native#x", "http://127.0.0.1:9\\@evil.example/native", "http://0.0.0.0/native",
	"com.example.app:/cb/", "com.example.app://cb", "com.example.app:/cb?x", "COM.example.app:/cb", "com.example.apps:/cb",
}

var redirectAttacks = []attack{
	{1, "an address that is nearly the registered one, at /authorize and pushed", func(h *house, t *testing.T) {
		c := h.cell(t)
		c.change("redirect_uris", `[https://rp.example.org/cb, http://127.0.0.1/native, "com.example.app:/cb"]`)
		b, _ := c.signedIn()
		for _, uri := range nearly {
			for _, more := range [][]string{nil, {"prompt", "none"}, {"response_type", "token"}, {"response_mode", "form_post", "prompt", "none"}} {
				p := b.Get(c.ask(append([]string{"redirect_uri", uri}, more...)...))
				if p.Left != nil || p.Status != http.StatusBadRequest || strings.Contains(p.Text, "evil.example") {
					t.Errorf("%q %v: %d %s", uri, more, p.Status, p.Brief())
				}
			}
			a := c.party().Ask("/par", "scope", "openid", "response_type", "code", "redirect_uri", uri)
			if reason := h.reason(a.Header); a.Status != http.StatusBadRequest || reason != "redirect_uri_unregistered" {
				t.Errorf("pushed %q: %d %s", uri, a.Status, reason)
			}
		}
		for _, uri := range []string{"http://127.0.0.1:9/native", "com.example.app:/cb", rp} { // so that the list is not refused for something else
			if b.Get(c.ask("redirect_uri", uri, "prompt", "none")); b.Page.Left == nil || b.Answer().Get("code") == "" {
				t.Errorf("%q: %s", uri, b.Page.Brief())
			}
		}
	}, false},
	{1, "two addresses in one request", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		for _, second := range []string{rp, other, "https://evil.example/"} {
			for _, query := range []string{c.ask() + "&redirect_uri=" + url.QueryEscape(second), strings.Replace(c.ask(), "?", "?redirect_uri="+url.QueryEscape(second)+"&", 1)} {
				if p := b.Get(query); p.Left != nil || p.Status != http.StatusBadRequest {
					t.Errorf("%s: %s", query, p.Brief())
				}
			}
		}
	}, false},
	{1, "an address in a request object is held against the client like any", func(h *house, t *testing.T) {
		c := h.cell(t)
		p, _ := c.signs()
		b, _ := c.signedInAs(p)
		for _, uri := range []string{"https://evil.example/", rp + "/", "https://rp.example.org@evil.example/cb"} {
			object := p.Sign(map[string]any{"iss": c.id, "aud": h.URL, "client_id": c.id, "response_type": "code", "scope": "openid", "redirect_uri": uri}, "")
			for _, outside := range []string{rp, uri} {
				if page := b.Get(c.ask("request", object, "redirect_uri", outside)); page.Left != nil || page.Status != http.StatusBadRequest {
					t.Errorf("%s, %s outside: %s", uri, outside, page.Brief())
				}
			}
		}
	}, false},
	{1, "registration of addresses that lead nowhere good", func(h *house, t *testing.T) {
		for _, uri := range []string{
			"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "https://rp.example.org/cb#x", "https://*.example.org/cb", "http://rp.example.org/cb",
			"https://user:pass@rp.example.org/cb", "/cb", "//rp.example.org/cb", "", "https://", "https://rp.example.org\\cb", "https://rp.example.org/\ncb", "file:///etc/passwd", "blob:https://rp.example.org/x",
		} {
			for _, kind := range []string{"web", "native"} {
				if _, a := h.TryRegister(map[string]any{"redirect_uris": []string{uri}, "application_type": kind}); a.Status != http.StatusBadRequest {
					t.Errorf("%q of a %s application: %d %s", uri, kind, a.Status, a.Body)
				}
			}
		}
	}, false},
	{1, "the way back after a sign-out", func(h *house, t *testing.T) {
		c := h.cell(t)
		const back = "https://rp.example.org/bye"
		c.change("openid", "{post_logout_redirect_uris: ["+back+"]}")
		_, code := c.signedIn()
		id := c.tokens(code).Text("id_token")
		for _, uri := range []string{back + "/", back + "?x", back + "#x", "https://RP.example.org/bye", rp, "https://rp.example.org@evil.example/bye", "https://evil.example/", "javascript:alert(1)", "//evil.example/", "/\\evil.example"} {
			b := h.NewBrowser()
			if p := b.Get("/logout?" + url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {uri}}.Encode()); p.Left != nil || p.Status != http.StatusBadRequest || strings.Contains(p.Text, "evil.example") {
				t.Errorf("%q: %d %s", uri, p.Status, p.Brief())
			}
		}
	}, false},
}

// signedInAs is signedIn of a client that authenticates by its key.
func (c *cell) signedInAs(p *optest.RP) (*optest.Browser, string) {
	c.t.Helper()
	p.Method = "private_key_jwt"
	return c.signedIn()
}
