package attacks_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sallyport/conformance/optest"
)

var codeAttacks = []attack{
	{2, "wrong presentations use a code up for nobody", func(h *house, t *testing.T) {
		c, thief := h.cell(t), h.cell(t)
		_, code := c.signedIn()
		k := c.atToken("grant_type", "authorization_code", "code", code, "redirect_uri", rp, "code_verifier", optest.Verifier)
		for what, change := range map[string]func(*call){
			"another client":     func(k *call) { k.id, k.secret = thief.id, secretOf(thief.id) },
			"another realm":      func(k *call) { k.root = "/realms/other" },
			"another address":    func(k *call) { k.form.Set("redirect_uri", other) },
			"another verifier":   func(k *call) { k.form.Set("code_verifier", optest.Verifier+"x") },
			"another door":       func(k *call) { k.path, k.how = "/oauth/token", digi },
			"another secret":     func(k *call) { k.secret += "x" },
			"a longer code":      func(k *call) { k.form.Set("code", code+"A") },
			"a code in capitals": func(k *call) { k.form.Set("code", strings.ToUpper(code)) },
			"more scope":         func(k *call) { k.form.Set("scope", "read write") },
		} {
			bad := *k
			bad.form = url.Values{}
			for n, v := range k.form {
				bad.form[n] = v
			}
			if change(&bad); bad.try() == granted {
				t.Fatalf("%s: granted", what)
			}
			if what == "more scope" { // it was its client's to redeem, and is spent
				_, code = c.signedIn()
				k.form.Set("code", code)
			}
		}
		if got := k.try(); got != granted {
			t.Errorf("the rightful client: %s", got)
		}
	}, false},
	{2, "the code of one sign-in with the verifier of another", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		mine := strings.Repeat("m", 43)
		b.Get(c.ask("prompt", "none", "code_challenge", optest.Challenge(mine)))
		k := c.atToken("grant_type", "authorization_code", "code", b.Answer().Get("code"), "redirect_uri", rp, "code_verifier", optest.Verifier)
		if got := k.try(); got != "verifier_wrong" {
			t.Errorf("injected: %s", got)
		}
		k.set("code_verifier", mine)
		if got := k.try(); got != granted {
			t.Errorf("its own: %s", got)
		}
	}, false},
	{3, "a challenge that was stripped, weakened or never made", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		// Stripped from the request: the client still sends its verifier, which then must not be ignored.
		b.Get(c.ask("prompt", "none", "code_challenge", "-", "code_challenge_method", "-"))
		k := c.atToken("grant_type", "authorization_code", "code", b.Answer().Get("code"), "redirect_uri", rp, "code_verifier", optest.Verifier)
		if got := k.try(); got != "verifier_wrong" {
			t.Errorf("stripped: %s", got)
		}
		for name, pairs := range map[string][]string{
			"plain":              {"code_challenge", optest.Verifier, "code_challenge_method", "plain"},
			"plain, by omission": {"code_challenge", optest.Verifier, "code_challenge_method", "-"},
			"small letters":      {"code_challenge_method", "s256"},
			"empty":              {"code_challenge", ""},
			"a method alone":     {"code_challenge", "-"},
			"too short":          {"code_challenge", "x"},
			"padded":             {"code_challenge", optest.Challenge(optest.Verifier) + "="},
			"too long":           {"code_challenge", strings.Repeat("x", 44)},
		} {
			if b.Get(c.ask(append([]string{"prompt", "none"}, pairs...)...)); b.Answer().Get("error") != "invalid_request" || b.Answer().Get("code") != "" {
				t.Errorf("%s: %v", name, b.Answer())
			}
		}
		for name, verifier := range map[string]string{"the challenge": optest.Challenge(optest.Verifier), "empty": "", "short": "short", "long": strings.Repeat("x", 129), "not its grammar": strings.Repeat("ä", 43)} {
			b.Get(c.ask("prompt", "none"))
			k.set("code", b.Answer().Get("code"), "code_verifier", verifier)
			if got := k.try(); got == granted {
				t.Errorf("verifier %s: granted", name)
			}
		}
		for name, challenged := range map[string]string{"too short": "short", "too long": strings.Repeat("x", 129)} {
			b.Get(c.ask("prompt", "none", "code_challenge", optest.Challenge(challenged)))
			k.set("code", b.Answer().Get("code"), "code_verifier", challenged)
			if got := k.try(); got != "verifier_wrong" {
				t.Errorf("a verifier that is %s, and right: %s", name, got)
			}
		}
	}, false},
	{3, "a public client, a client and a realm that must send a challenge", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		bare := []string{"prompt", "none", "code_challenge", "-", "code_challenge_method", "-"}
		b.Get(c.ask(bare...))
		early := b.Answer().Get("code") // made before it was demanded
		for name, fields := range map[string][]string{
			"client": {"openid", "{require_pkce: true}"},
			"public": {"type", "public", "secret_hash", "", "openid", "", "grants", "[authorization_code, refresh_token]"},
		} {
			c.change(fields...)
			if b.Get(c.ask(bare...)); b.Answer().Get("error") != "invalid_request" {
				t.Errorf("%s: %v", name, b.Answer())
			}
			k := c.atToken("grant_type", "authorization_code", "code", early, "redirect_uri", rp)
			if name == "public" {
				k.secret = ""
			}
			if got := k.try(); got != "verifier_missing" {
				t.Errorf("%s, a code from before: %s", name, got)
			}
		}
	}, false},
	{3, "a challenge beside a signed request does not count", func(h *house, t *testing.T) {
		c := h.cell(t)
		p, _ := c.signs()
		c.change("openid", "{require_pkce: true}")
		b, _ := c.signedIn()
		object := p.Sign(map[string]any{"iss": c.id, "aud": h.URL, "client_id": c.id, "response_type": "code", "scope": "openid read", "redirect_uri": rp, "prompt": "none"}, "")
		if b.Get(c.ask("request", object)); b.Answer().Get("error") != "invalid_request" {
			t.Errorf("%v", b.Answer())
		}
	}, false},
	{4, "what ended with a session does not come back with the next", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, code := c.signedIn()
		first := c.tokens(code)
		k := &call{cell: c, browser: b}
		k.signOut()
		b.Get(c.ask())
		b.SignIn(c.user, password)
		again := c.tokens(b.Answer().Get("code"))
		refresh := c.atToken("grant_type", "refresh_token", "refresh_token", first.Text("refresh_token"))
		if got := refresh.try(); got != "refresh_revoked" || c.alive(first.Text("access_token")) {
			t.Errorf("the first session's: %s", got)
		}
		if !c.alive(again.Text("access_token")) {
			t.Error("the second session's access token is refused")
		}
	}, false},
	{4, "what ended with a user who was switched off does not come back", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, code := c.signedIn()
		a := c.tokens(code)
		c.status("off")
		c.status("on")
		if got := c.atToken("grant_type", "refresh_token", "refresh_token", a.Text("refresh_token")).try(); got != "refresh_revoked" || c.alive(a.Text("access_token")) {
			t.Errorf("refresh: %s", got)
		}
		if b.Get(c.ask("prompt", "none")); b.Answer().Get("error") != "login_required" {
			t.Errorf("the session: %v", b.Answer())
		}
	}, false},
	{4, "100 rotations at once without a period of grace leave nothing", func(h *house, t *testing.T) {
		c := h.cell(t)
		c.change("refresh_token", "{grace: 0s, rotate: true}")
		_, code := c.signedIn()
		k := c.atToken("grant_type", "refresh_token", "refresh_token", c.tokens(code).Text("refresh_token"))
		answers := make(chan optest.Answer, 100)
		k.crowd(func(own *call) { answers <- own.post() })
		won := map[string]bool{} // two at the same microsecond may be given the same
		for range 100 {
			a := <-answers
			if a.Status != http.StatusOK {
				continue
			}
			won[a.Text("refresh_token")] = true
			if next := c.atToken("grant_type", "refresh_token", "refresh_token", a.Text("refresh_token")); next.try() == granted || c.alive(a.Text("access_token")) {
				t.Error("a successor is still good")
			}
		}
		if len(won) > 1 {
			t.Errorf("%d successors", len(won))
		}
	}, false},
	{4, "a refresh widens nothing, nor does what the client is allowed later", func(h *house, t *testing.T) {
		c := h.cell(t)
		c.change("scopes", "[openid, read]")
		_, code := c.signedIn()
		a := c.tokens(code)
		c.change("scopes", scopes)
		k := c.atToken("grant_type", "refresh_token", "refresh_token", a.Text("refresh_token"), "scope", "openid read write")
		if got := k.try(); got != "scope_exceeds_grant" {
			t.Errorf("%s", got)
		}
		k.set("scope", "-")
		if got := k.post().Text("scope"); got != "openid read" && got != "" {
			t.Errorf("scope %q", got)
		}
	}, false},
}
