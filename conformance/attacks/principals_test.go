package attacks_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sallyport/conformance/optest"
)

var principalAttacks = []attack{
	{5, "another client asks about tokens whose client or user may do nothing any more", func(h *house, t *testing.T) {
		asker := h.cell(t)
		asker.change("trusted", "true")
		for name, end := range map[string]func(*cell){
			"client off":     func(c *cell) { c.change("status", `"off"`) },
			"client locked":  func(c *cell) { c.change("status", "locked") },
			"client expired": func(c *cell) { c.change("not_after", "2020-01-01") },
			"user off":       func(c *cell) { c.status("off") },
			"user locked":    func(c *cell) { c.status("locked") },
		} {
			for _, format := range []string{"jwt", "opaque", "reference"} {
				c := h.cell(t)
				c.change("access_token", "{format: "+format+"}")
				_, code := c.signedIn()
				a := c.tokens(code)
				for i, want := range []outcome{granted, inactive} {
					for _, raw := range []string{a.Text("access_token"), a.Text("refresh_token")} {
						k := asker.atToken("token", raw)
						if k.path = "/introspect"; k.try() != want {
							t.Errorf("%s, %s: not %s", name, format, want)
						}
					}
					if i == 0 {
						end(c)
					}
				}
			}
		}
	}, false},
	{5, "whose session it is, is looked at for every request", func(h *house, t *testing.T) {
		for _, status := range []string{"off", "locked"} {
			c := h.cell(t)
			b, _ := c.signedIn()
			c.status(status)
			for _, path := range []string{"/account", c.ask(), c.ask("prompt", "consent")} {
				if b.Get(path); !b.At("/signin") {
					t.Errorf("%s, %s: %s", status, path, b.Page.Brief())
				}
			}
			if b.Post("/account/session", url.Values{"action": {"end_others"}}, ""); !b.At("/signin") {
				t.Errorf("%s: %s", status, b.Page.Brief())
			}
		}
	}, false},
	{6, "grants of other servers are served at no door", func(h *house, t *testing.T) {
		c := h.cell(t)
		_, code := c.signedIn()
		a := c.tokens(code)
		for _, grant := range []string{
			"urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:saml2-bearer",
			"urn:ietf:params:oauth:grant-type:device_code", "urn:openid:params:grant-type:ciba", "implicit", "PASSWORD", "Authorization_Code", "public", "",
		} {
			for _, k := range []*call{c.atToken(), c.atDigi(), c.atKustvakt(), {cell: c, path: "/oauth2/token/", how: post, id: c.id, secret: secretOf(c.id), form: url.Values{}}} {
				if k.path == "/oauth/token" && strings.EqualFold(grant, "password") {
					continue // that product compares without case
				}
				k.set("grant_type", grant, "assertion", a.Text("id_token"), "subject_token", a.Text("access_token"), "subject_token_type", "urn:ietf:params:oauth:token-type:access_token",
					"device_code", "x", "auth_req_id", "x", "code", "x", "redirect_uri", rp, "username", c.user)
				if got := k.try(); got == granted {
					t.Errorf("%s at %s: granted", grant, k.path)
				}
			}
		}
	}, false},
	{6, "one kind of token in the place of another", func(h *house, t *testing.T) {
		c := h.cell(t)
		p, _ := c.signs()
		p.Method = "private_key_jwt"
		_, code := c.signedIn()
		a := p.Redeem(code, "code_verifier", optest.Verifier)
		idToken, refresh, access := a.Text("id_token"), a.Text("refresh_token"), a.Text("access_token")
		if idToken == "" || refresh == "" || access == "" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		now := h.Now().Unix()
		object := p.Sign(map[string]any{"iss": c.id, "sub": c.id, "aud": h.URL, "client_id": c.id, "response_type": "code", "scope": "openid", "redirect_uri": rp, "jti": "o", "iat": now, "exp": now + 60}, "oauth-authz-req+jwt")
		for name, token := range map[string]string{"an ID token": idToken, "a refresh token": refresh, "a code": code, "a request object": object, "a client assertion": p.Assertion(nil)} {
			for _, path := range []string{"/userinfo", "/orders"} {
				if got := h.Send(http.MethodGet, path, "", "", bearerOf(token)); got.Status == http.StatusOK {
					t.Errorf("%s opens %s", name, path)
				}
			}
		}
		for name, token := range map[string]string{"an ID token": idToken, "an access token": access, "a code": code} {
			k := c.atToken("grant_type", "refresh_token", "refresh_token", token)
			if k.proof = func() string { return p.Assertion(nil) }; k.try() == granted {
				t.Errorf("%s refreshes", name)
			}
		}
		for name, proof := range map[string]string{"an ID token": idToken, "an access token": access, "a request object": object} {
			k := c.atToken("grant_type", "client_credentials")
			if k.proof = func() string { return proof }; k.try() == granted {
				t.Errorf("%s authenticates the client", name)
			}
		}
		b := h.NewBrowser()
		for name, hint := range map[string]string{"an access token": access, "a request object": object, "an assertion": p.Assertion(nil)} {
			if b.Get(c.ask("id_token_hint", hint, "prompt", "none")); b.Answer().Get("error") != "invalid_request" {
				t.Errorf("%s is a hint: %v", name, b.Answer())
			}
			if page := b.Get("/logout?id_token_hint=" + url.QueryEscape(hint)); page.Status != http.StatusBadRequest {
				t.Errorf("%s is a hint of /logout: %d", name, page.Status)
			}
		}
		for name, request := range map[string]string{"an assertion": p.Assertion(nil), "an ID token": idToken} {
			if b.Get(c.ask("request", request, "prompt", "none")); b.Page.Left != nil && b.Answer().Get("error") != "invalid_request_object" {
				t.Errorf("%s is a request: %s", name, b.Page.Brief())
			}
		}
	}, false},
	{7, "an assertion that was used at one endpoint is used at all", func(h *house, t *testing.T) {
		for _, first := range []string{"/token", "/par", "/introspect", "/revoke"} {
			for _, second := range []string{"/token", "/par", "/introspect", "/revoke"} {
				c := h.cell(t)
				p, _ := c.signs()
				one := p.Assertion(nil)
				var last outcome
				for _, path := range []string{first, second} {
					k := c.atToken("grant_type", "client_credentials", "token", "x", "response_type", "code", "redirect_uri", rp, "scope", "openid read")
					k.path, k.proof = path, func() string { return one }
					last = k.try()
				}
				if last != "assertion_replayed" {
					t.Errorf("%s, then %s: %s", first, second, last)
				}
			}
		}
	}, false},
	{7, "an assertion beside other credentials, twice, or of another type", func(h *house, t *testing.T) {
		c := h.cell(t)
		p, _ := c.signs()
		form := func() url.Values {
			return url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {p.Assertion(nil)}}
		}
		header := http.Header{"Authorization": {"Basic " + b64(c.id+":"+secretOf(c.id))}}
		for name, change := range map[string]func(url.Values) http.Header{
			"a header":   func(url.Values) http.Header { return header },
			"a secret":   func(v url.Values) http.Header { v.Set("client_secret", secretOf(c.id)); return nil },
			"two":        func(v url.Values) http.Header { v.Add("client_assertion", p.Assertion(nil)); return nil },
			"another id": func(v url.Values) http.Header { v.Set("client_id", "c0"); return nil },
			"SAML": func(v url.Values) http.Header {
				v.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
				return nil
			},
			"no type":        func(v url.Values) http.Header { v.Del("client_assertion_type"); return nil },
			"in the address": nil,
		} {
			v, path, body := form(), "/token", ""
			if change == nil {
				path, body = "/token?"+v.Encode(), "grant_type=client_credentials"
			} else {
				header := change(v)
				body = v.Encode()
				if a := h.Send(http.MethodPost, path, "application/x-www-form-urlencoded", body, header); a.Status == http.StatusOK {
					t.Errorf("%s: granted", name)
				}
				continue
			}
			if a := h.Send(http.MethodPost, path, "application/x-www-form-urlencoded", body, nil); a.Status == http.StatusOK {
				t.Errorf("%s: granted", name)
			}
		}
	}, false},
	{9, "tokens of every kind, cut, lengthened, re-encoded and changed", func(h *house, t *testing.T) {
		for _, format := range []string{"jwt", "opaque", "reference"} {
			c := h.cell(t)
			c.change("access_token", "{format: "+format+"}")
			_, code := c.signedIn()
			a := c.tokens(code)
			access, refresh := a.Text("access_token"), a.Text("refresh_token")
			for _, raw := range spellings(access) {
				for _, path := range []string{"/userinfo", "/orders"} {
					if strings.ContainsAny(raw, " \n\x00") {
						continue // no header has that, or it does not belong to what is in the header
					}
					if got := h.Send(http.MethodGet, path, "", "", bearerOf(raw)); got.Status == http.StatusOK || got.Status >= 500 {
						t.Errorf("%s: %q opens %s: %d", format, raw, path, got.Status)
					}
				}
				k := c.atToken("token", raw)
				if k.path = "/introspect"; k.try() == granted {
					t.Errorf("%s: %q is live", format, raw)
				}
			}
			for _, raw := range spellings(refresh) {
				if got := c.atToken("grant_type", "refresh_token", "refresh_token", raw).try(); got == granted {
					t.Errorf("%q refreshes", raw)
				}
			}
			if !c.alive(access) {
				t.Error("it does not open what it should")
			}
		}
		c := h.cell(t)
		b, code := c.signedIn()
		for _, raw := range spellings(code) {
			if got := c.atToken("grant_type", "authorization_code", "code", raw, "redirect_uri", rp, "code_verifier", optest.Verifier).try(); got == granted {
				t.Errorf("code %q is taken", raw)
			}
		}
		for _, cookie := range b.Cookies() {
			for _, raw := range spellings(cookie.Value) {
				if strings.ContainsAny(raw, " =\n\x00,.") || strings.HasSuffix(cookie.Name, "browser-default") {
					continue // no cookie has that
				}
				thief := h.NewBrowser()
				thief.SetCookies(&http.Cookie{Name: cookie.Name, Value: raw, Path: "/"})
				if thief.Get(c.ask("prompt", "none")); thief.Answer().Get("error") != "login_required" {
					t.Errorf("%s=%q is a session", cookie.Name, raw)
				}
			}
		}
		dr := c.atDigi("grant_type", "password", "username", c.user, "password", b64(password)).post()
		for _, raw := range spellings(dr.Text("refresh_token")) {
			if got := c.atDigi("grant_type", "refresh_token", "refresh_token", raw).try(); got == granted {
				t.Errorf("%q refreshes", raw)
			}
		}
	}, false},
}

// spellings are what a lenient reader would take for a token.
func spellings(token string) []string {
	last := len(token) - 1
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	all := []string{
		token[:last], token[1:], token[:len(token)/2], token + "A", token + "AAAA", "A" + token, token + "=", token + "==", token + ".", "." + token, token + ".." + token,
		token + " ", token + "\n", token + "\x00", token + "%20", token + ",", token + "/", strings.ToUpper(token), strings.ToLower(token), token + token,
	}
	if std := strings.NewReplacer("-", "+", "_", "/").Replace(token); std != token {
		all = append(all, std)
	}
	// The last letter has bits that stand for nothing; a reader that ignores them knows many spellings of one token.
	at := strings.IndexByte(alphabet, token[last])
	for bit := range 6 {
		if at >= 0 {
			all = append(all, token[:last]+string(alphabet[at^1<<bit]))
		}
	}
	for i := 0; i < len(token); i += max(1, len(token)/12) { // one letter changed, here and there
		if at := strings.IndexByte(alphabet, token[i]); at >= 0 {
			all = append(all, token[:i]+string(alphabet[at^1])+token[i+1:])
		}
	}
	return slices.DeleteFunc(all, func(one string) bool { return one == token })
}

// forge signs nothing: it takes a JWT apart and puts it together otherwise.
func forge(jwt string, change func(header, payload map[string]any)) (header, payload string) {
	parts := strings.Split(jwt, ".")
	var both [2]map[string]any
	for i := range both {
		raw, _ := base64.RawURLEncoding.DecodeString(parts[i])
		_ = json.Unmarshal(raw, &both[i]) // it is one of ours
	}
	change(both[0], both[1])
	h, _ := json.Marshal(both[0])
	p, _ := json.Marshal(both[1])
	return b64url(string(h)), b64url(string(p))
}
