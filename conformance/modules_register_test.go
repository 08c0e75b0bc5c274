package conformance_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"time"

	"sallyport/conformance/optest"
)

// withKey registers a client that authenticates by an EC key, whose set is served outside.
func (s *suite) withKey(meta map[string]any) *optest.RP {
	s.t.Helper()
	k, public := optest.NewKey("k1")
	m := map[string]any{"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256", "jwks": set(public)}
	maps.Copy(m, meta)
	rp := s.Register(m)
	rp.Key, rp.KeyID = k, "k1"
	return rp
}

// withRSA registers a client whose request objects are signed by an RSA key.
func (s *suite) withRSA(meta map[string]any) *optest.RP {
	s.t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		s.t.Fatal(err)
	}
	m := map[string]any{"jwks": set(optest.PublicJWK(&k.PublicKey, "r1", "RS256"))}
	maps.Copy(m, meta)
	rp := s.Register(m)
	rp.RSA, rp.KeyID = k, "r1"
	return rp
}

func set(keys ...map[string]any) map[string]any { return map[string]any{"keys": keys} }

func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps and strings alone
	}
	return b
}

// requestObject are the claims of a request object (RFC 9101 section 4).
func (s *suite) requestObject(rp *optest.RP, more map[string]any) map[string]any {
	now := s.Now()
	c := map[string]any{
		"iss": rp.ID, "aud": s.URL, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"client_id": rp.ID, "redirect_uri": rp.RedirectURI, "response_type": "code", "scope": "openid", "state": "a state", "nonce": "inside",
	}
	maps.Copy(c, more)
	for k, v := range c {
		if v == nil {
			delete(c, k)
		}
	}
	return c
}

func unsigned(claims map[string]any) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(asJSON(claims)) + "."
}

// Modules about registration and request objects.
var registerModules = []module{
	{"oidcc-registration-jwks-uri", dynamic, "keys by reference", func(s *suite) {
		k, public := optest.NewKey("by-uri")
		uri := s.Serve("/jwks-uri", "application/json", func() []byte { return asJSON(set(public)) })
		rp := s.Register(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri})
		rp.Key, rp.KeyID = k, "by-uri"
		s.tokens(s.NewBrowser(), rp)
	}},
	{"oidcc-refresh-token-rp-key-rotation", dynamic, "a client's new key is found at once", func(s *suite) {
		old, oldPublic := optest.NewKey("old")
		fresh, freshPublic := optest.NewKey("fresh")
		var mu sync.Mutex
		served := set(oldPublic)
		uri := s.Serve("/rotating", "application/json", func() []byte {
			mu.Lock()
			defer mu.Unlock()
			return asJSON(served)
		})
		rp := s.Register(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri})
		rp.Key, rp.KeyID = old, "old"
		a, _ := s.tokens(s.NewBrowser(), rp, "scope", "openid offline_access", "prompt", "consent")
		mu.Lock()
		served = set(freshPublic)
		mu.Unlock()
		s.Wait(2 * time.Minute)
		rp.Key, rp.KeyID = fresh, "fresh"
		if r := rp.Token("grant_type", "refresh_token", "refresh_token", a.Text("refresh_token")); r.Status != 200 {
			s.t.Errorf("by the new key: %d %s", r.Status, r.Body)
		}
	}},
	{"oidcc-registration-logo-uri", dynamic, "the consent page shows the logo", func(s *suite) {
		s.seen(map[string]any{"logo_uri": "https://rp.example.org/logo.png"}, "https://rp.example.org/logo.png")
	}},
	{"oidcc-registration-policy-uri", dynamic, "the consent page leads to the policy", func(s *suite) {
		s.seen(map[string]any{"policy_uri": "https://rp.example.org/policy"}, "https://rp.example.org/policy")
	}},
	{"oidcc-registration-tos-uri", dynamic, "the consent page leads to the terms of service", func(s *suite) {
		s.seen(map[string]any{"tos_uri": "https://rp.example.org/terms"}, "https://rp.example.org/terms")
	}},
	{"oidcc-registration-sector-uri", dynamic, "a sector whose document lists the redirect URIs; subjects are pairwise by it", func(s *suite) {
		uris := list("https://one.example.org/cb", "https://two.example.org/cb")
		sector := s.Serve("/sector", "application/json", func() []byte { return asJSON(uris) })
		meta := map[string]any{"redirect_uris": uris, "sector_identifier_uri": sector, "subject_type": "pairwise"}
		_, one := s.tokens(s.NewBrowser(), s.Register(meta))
		_, two := s.tokens(s.NewBrowser(), s.Register(meta))
		_, other := s.tokens(s.NewBrowser(), s.Register(map[string]any{"subject_type": "pairwise"}))
		if one["sub"] != two["sub"] || one["sub"] == other["sub"] || one["sub"] == "dory" || other["sub"] == "dory" {
			s.t.Errorf("%v, %v, %v", one["sub"], two["sub"], other["sub"])
		}
	}},
	{"oidcc-registration-sector-bad", dynamic, "a sector that does not list them is refused", func(s *suite) {
		sector := s.Serve("/bad-sector", "application/json", func() []byte { return []byte(`["https://elsewhere.example.org/cb"]`) })
		_, a := s.TryRegister(map[string]any{"sector_identifier_uri": sector, "subject_type": "pairwise"})
		if a.Status != 400 || a.Text("error") != "invalid_client_metadata" && a.Text("error") != "invalid_redirect_uri" {
			s.t.Errorf("%d %s", a.Status, a.Body)
		}
	}},
	{"oidcc-request-uri-signed-rs256", dynamic, "a signed request by reference", func(s *suite) {
		var object []byte
		uri := s.Serve("/request-rs256", "application/oauth-authz-req+jwt", func() []byte { return object })
		rp := s.withRSA(map[string]any{"request_uris": list(uri), "request_object_signing_alg": "RS256"})
		object = []byte(rp.Sign(s.requestObject(rp, nil), "oauth-authz-req+jwt"))
		if _, id := s.tokens(s.NewBrowser(), rp, "request_uri", uri, "nonce", "-"); id["nonce"] != "inside" {
			s.t.Errorf("%v", id)
		}
	}},
	{"oidcc-request-uri-unsigned", dynamic, "an unsigned one, of a client that is registered for it", func(s *suite) {
		var object []byte
		uri := s.Serve("/request-none", "application/oauth-authz-req+jwt", func() []byte { return object })
		rp := s.Register(map[string]any{"request_uris": list(uri), "request_object_signing_alg": "none"})
		object = []byte(unsigned(s.requestObject(rp, nil)))
		if _, id := s.tokens(s.NewBrowser(), rp, "request_uri", uri, "nonce", "-"); id["nonce"] != "inside" {
			s.t.Errorf("%v", id)
		}
	}},
	{"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", basic, "an unsigned request object of any other client is refused", func(s *suite) {
		rp := s.Register(nil)
		s.refused(s.NewBrowser(), rp, "invalid_request_object request_not_supported", "request", unsigned(s.requestObject(rp, nil)))
	}},
	{"oidcc-ensure-request-object-with-redirect-uri", basic, "the redirect URI of a request object counts", func(s *suite) {
		rp := s.withRSA(map[string]any{"redirect_uris": list("https://rp.example.org/callback", "https://rp.example.org/other")})
		b := s.NewBrowser()
		code := s.code(b, rp, "request", rp.Sign(s.requestObject(rp, map[string]any{"redirect_uri": "https://rp.example.org/other"}), ""))
		if b.Page.Left.Path != "/other" || rp.Redeem(code, "redirect_uri", "https://rp.example.org/other").Status != 200 {
			s.t.Errorf("sent to %s", b.Page.Left)
		}
	}},
	{"oidcc-3rd-party-init-login", thirdParty, "a client may say where its sign-in begins", func(s *suite) {
		rp := s.Register(map[string]any{"initiate_login_uri": "https://rp.example.org/begin"})
		if rp.Metadata["initiate_login_uri"] != "https://rp.example.org/begin" {
			s.t.Errorf("%v", rp.Metadata)
		}
	}},
	{"oidcc-3rd-party-init-login-nohttps", thirdParty, "by https alone", func(s *suite) {
		_, a := s.TryRegister(map[string]any{"initiate_login_uri": "http://rp.example.org/begin"})
		if a.Status != 400 || a.Text("error") != "invalid_client_metadata" {
			s.t.Errorf("%d %s", a.Status, a.Body)
		}
	}},
	{"oidcc-registration-read", dynamic, "a registration can be read, changed and removed by its own token (RFC 7592)", func(s *suite) {
		rp := s.Register(nil)
		uri, token := text(rp.Metadata["registration_client_uri"]), text(rp.Metadata["registration_access_token"])
		bearer := func(t string) map[string][]string { return map[string][]string{"Authorization": {"Bearer " + t}} }
		path := strings.TrimPrefix(uri, s.URL)
		if a := s.Send("GET", path, "", "", bearer(token)); a.Status != 200 || a.JSON["client_id"] != rp.ID {
			s.t.Fatalf("%d %s", a.Status, a.Body)
		}
		if a := s.Send("GET", path, "", "", bearer(token+"x")); a.Status != 401 {
			s.t.Errorf("by another token: %d %s", a.Status, a.Body)
		}
		if a := s.Send("DELETE", path, "", "", bearer(token)); a.Status != 204 {
			s.t.Errorf("%d %s", a.Status, a.Body)
		}
		if a := s.Send("GET", path, "", "", bearer(token)); a.Status != 401 {
			s.t.Errorf("it is still there: %d %s", a.Status, a.Body)
		}
	}},
}

// seen checks that the consent page of a client says something.
func (s *suite) seen(meta map[string]any, what string) {
	s.t.Helper()
	b := s.NewBrowser()
	b.Get(s.Register(meta).URL())
	b.Submit("username", "dory", "password", "dory's password")
	if !b.At("/signin/consent") || !strings.Contains(b.Page.Text, what) {
		s.t.Errorf("no %s on %s: %s", what, b.Page.URL, b.Page.Text)
	}
}

// rotateKeys has a server of its own, whose clock it moves.
func rotateKeys(s *suite) {
	t := s.t
	o := &suite{optest.Start(t, deployment), t}
	rp := o.Register(nil)
	a, _ := o.tokens(o.NewBrowser(), rp)
	before, _ := o.Verify(a.Text("id_token"))
	o.Command("key", "rotate", "--alg", "RS256", "--announce", "1h")
	deadline := time.Now().Add(5 * time.Second)
	for len(kids(o.OP)) < 2+1 && time.Now().Before(deadline) { // another process has told the store; RS256 twice and ES256
		time.Sleep(20 * time.Millisecond)
	}
	announced := kids(o.OP)
	a, _ = o.tokens(o.NewBrowser(), rp)
	during, _ := o.Verify(a.Text("id_token"))
	o.Wait(61 * time.Minute)
	b, _ := o.tokens(o.NewBrowser(), rp)
	after, _ := o.Verify(b.Text("id_token"))
	if before["kid"] != during["kid"] || before["kid"] == after["kid"] || !announced[text(after["kid"])] || !kids(o.OP)[text(before["kid"])] {
		t.Errorf("kid %v, announced %v, then %v; published %v", before["kid"], announced, after["kid"], kids(o.OP))
	}
}
