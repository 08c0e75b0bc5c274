package conformance_test

import (
	"strings"
	"time"

	"sallyport/conformance/optest"
)

// Modules about signing in: prompt, max_age, hints, claims and scopes.
var signInModules = []module{
	{"oidcc-prompt-login", basic, "prompt=login asks again who is signed in already", func(s *suite) {
		rp, b := s.Register(nil), s.NewBrowser()
		_, first := s.tokens(b, rp)
		s.Wait(5 * time.Second)
		b.Get(rp.URL("prompt", "login"))
		if !b.At("/signin") {
			s.t.Fatalf("nobody was asked: %s", b.Page.Brief())
		}
		b.SignIn("dory", "dory's password")
		second := s.idToken(rp, rp.Redeem(b.Answer().Get("code")))
		if first["sub"] != second["sub"] || number(s.t, second, "auth_time") <= number(s.t, first, "auth_time") {
			s.t.Errorf("%v, then %v", first, second)
		}
	}},
	{"oidcc-prompt-none-not-logged-in", basic, "prompt=none shows no page", func(s *suite) {
		b := s.NewBrowser()
		b.Get(s.Register(nil).URL("prompt", "none"))
		if v := b.Answer(); v.Get("error") != "login_required" || v.Get("state") != "a state" {
			s.t.Errorf("%v", v)
		}
	}},
	{"oidcc-prompt-none-logged-in", basic, "prompt=none answers at once who is signed in", func(s *suite) {
		rp, b := s.Register(nil), s.NewBrowser()
		_, first := s.tokens(b, rp)
		s.Wait(time.Second)
		b.Get(rp.URL("prompt", "none"))
		second := s.idToken(rp, rp.Redeem(b.Answer().Get("code")))
		if first["sub"] != second["sub"] || first["auth_time"] != second["auth_time"] {
			s.t.Errorf("%v, then %v", first, second)
		}
	}},
	{"oidcc-max-age-1", basic, "max_age=1 asks again who signed in two seconds ago", func(s *suite) {
		rp, b := s.Register(nil), s.NewBrowser()
		_, first := s.tokens(b, rp)
		s.Wait(2 * time.Second)
		b.Get(rp.URL("max_age", "1"))
		if !b.At("/signin") {
			s.t.Fatalf("nobody was asked: %s", b.Page.Brief())
		}
		b.SignIn("dory", "dory's password")
		second := s.idToken(rp, rp.Redeem(b.Answer().Get("code")))
		if first["sub"] != second["sub"] || number(s.t, second, "auth_time") <= number(s.t, first, "auth_time") {
			s.t.Errorf("%v, then %v", first, second)
		}
	}},
	{"oidcc-max-age-10000", basic, "max_age=10000 does not", func(s *suite) {
		rp, b := s.Register(nil), s.NewBrowser()
		_, first := s.tokens(b, rp, "max_age", "15000")
		s.Wait(2 * time.Second)
		b.Get(rp.URL("max_age", "10000"))
		second := s.idToken(rp, rp.Redeem(b.Answer().Get("code")))
		if first["sub"] != second["sub"] || number(s.t, first, "auth_time") != number(s.t, second, "auth_time") {
			s.t.Errorf("%v, then %v", first, second)
		}
	}},
	{"oidcc-id-token-hint", basic, "an ID token says who is meant", func(s *suite) {
		rp, b := s.Register(nil), s.NewBrowser()
		a, first := s.tokens(b, rp)
		b.Get(rp.URL("prompt", "none", "id_token_hint", a.Text("id_token")))
		if second := s.idToken(rp, rp.Redeem(b.Answer().Get("code"))); first["sub"] != second["sub"] {
			s.t.Errorf("%v, then %v", first, second)
		}
		other := s.NewBrowser()
		other.Get(rp.URL())
		other.SignIn("nemo", "nemo's password")
		other.Get(rp.URL("prompt", "none", "id_token_hint", a.Text("id_token")))
		if v := other.Answer(); v.Get("error") != "login_required" {
			s.t.Errorf("somebody else: %v", v)
		}
	}},
	{"oidcc-login-hint", basic, "login_hint fills in the name", func(s *suite) {
		b := s.NewBrowser()
		p := b.Get(s.Register(nil).URL("login_hint", "dory"))
		if f := p.Form("username"); f == nil || f.Fields.Get("username") != "dory" {
			s.t.Errorf("%v", p.Forms)
		}
		b.Submit("password", "dory's password")
		b.Agree()
		if b.Answer().Get("code") == "" {
			s.t.Errorf("%v", b.Answer())
		}
	}},
	{"oidcc-claims-essential", basic, "a claim that is asked for by name is told", func(s *suite) {
		a, _ := s.tokens(s.NewBrowser(), s.Register(nil), "claims", `{"userinfo":{"name":{"essential":true}}}`)
		u := s.userInfo(a.Text("access_token"))
		s.has(u, "name")
		s.hasNot(u, "email")
		_, id := s.tokens(s.NewBrowser(), s.Register(nil), "claims", `{"id_token":{"email":{"essential":true},"auth_time":null}}`)
		s.has(id, "email", "auth_time")
	}},
	{"oidcc-scope-profile", basic, "scope profile", func(s *suite) {
		u := s.scoped("openid profile")
		s.has(u, "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at")
		s.hasNot(u, "email", "address", "phone_number")
	}},
	{"oidcc-scope-email", basic, "scope email", func(s *suite) {
		u := s.scoped("openid email")
		if u["email"] != "dory@example.org" || u["email_verified"] != true {
			s.t.Errorf("%v", u)
		}
		s.hasNot(u, "name", "phone_number")
	}},
	{"oidcc-scope-address", basic, "scope address", func(s *suite) {
		address, _ := s.scoped("openid address")["address"].(map[string]any)
		s.has(address, "formatted", "street_address", "locality", "region", "postal_code", "country")
	}},
	{"oidcc-scope-phone", basic, "scope phone", func(s *suite) {
		u := s.scoped("openid phone")
		if u["phone_number"] != "+49 30 1234567" || u["phone_number_verified"] != true {
			s.t.Errorf("%v", u)
		}
	}},
	{"oidcc-scope-all", basic, "all of them", func(s *suite) {
		s.has(s.scoped("openid profile email address phone"), "name", "email", "address", "phone_number")
	}},
	{"oidcc-refresh-token", basic, "a refresh token gives tokens of the same sign-in, for its own client alone", func(s *suite) {
		rp, other := s.Register(nil), s.Register(nil)
		a, first := s.tokens(s.NewBrowser(), rp, "scope", "openid offline_access", "prompt", "consent")
		s.Wait(time.Second)
		r := rp.Token("grant_type", "refresh_token", "refresh_token", a.Text("refresh_token"))
		if r.Status != 200 {
			s.t.Fatalf("%d %s", r.Status, r.Body)
		}
		second := s.idToken(rp, r)
		if first["sub"] != second["sub"] || first["auth_time"] != second["auth_time"] || r.Text("access_token") == a.Text("access_token") ||
			number(s.t, second, "iat") < number(s.t, first, "iat") {
			s.t.Errorf("%v, then %v", first, second)
		}
		if o := other.Token("grant_type", "refresh_token", "refresh_token", r.Text("refresh_token")); o.Status != 400 || o.Text("error") != "invalid_grant" {
			s.t.Errorf("another client: %d %s", o.Status, o.Body)
		}
	}},
	{"oidcc-userinfo-get", basic, "UserInfo by GET", func(s *suite) {
		a, id := s.tokens(s.NewBrowser(), s.Register(nil))
		if s.userInfo(a.Text("access_token"))["sub"] != id["sub"] {
			s.t.Error("another sub")
		}
	}},
	{"oidcc-userinfo-post-header", basic, "UserInfo by POST, the token in the header", func(s *suite) {
		a, id := s.tokens(s.NewBrowser(), s.Register(nil))
		u := s.Send("POST", "/userinfo", "", "", map[string][]string{"Authorization": {"Bearer " + a.Text("access_token")}})
		if u.Status != 200 || u.JSON["sub"] != id["sub"] {
			s.t.Errorf("%d %s", u.Status, u.Body)
		}
	}},
	{"oidcc-userinfo-post-body", basic, "UserInfo by POST, the token in the body", func(s *suite) {
		a, id := s.tokens(s.NewBrowser(), s.Register(nil))
		u := s.Send("POST", "/userinfo", "application/x-www-form-urlencoded", "access_token="+a.Text("access_token"), nil)
		if u.Status != 200 || u.JSON["sub"] != id["sub"] {
			s.t.Errorf("%d %s", u.Status, u.Body)
		}
	}},
	{"oidcc-userinfo-rs256", dynamic, "UserInfo as a signed JWT", func(s *suite) {
		rp := s.Register(map[string]any{"userinfo_signed_response_alg": "RS256"})
		a, id := s.tokens(s.NewBrowser(), rp)
		u := s.Send("GET", "/userinfo", "", "", map[string][]string{"Authorization": {"Bearer " + a.Text("access_token")}})
		if u.Status != 200 || !strings.HasPrefix(u.Header.Get("Content-Type"), "application/jwt") {
			s.t.Fatalf("%d %s %s", u.Status, u.Header.Get("Content-Type"), u.Body)
		}
		h, c := s.Verify(u.Body)
		if h["alg"] != "RS256" || c["sub"] != id["sub"] || c["iss"] != s.URL || c["aud"] != rp.ID {
			s.t.Errorf("%v %v", h, c)
		}
	}},
	{"oidcc-idtoken-rs256", dynamic, "ID tokens are signed by RS256 unless asked otherwise", func(s *suite) {
		for alg, meta := range map[string]map[string]any{"RS256": nil, "ES256": {"id_token_signed_response_alg": "ES256"}, "PS256": {"id_token_signed_response_alg": "PS256"}, "EdDSA": {"id_token_signed_response_alg": "EdDSA"}} {
			a, _ := s.tokens(s.NewBrowser(), s.Register(meta))
			if h, _ := s.Verify(a.Text("id_token")); h["alg"] != alg || h["kid"] == nil {
				s.t.Errorf("%s: %v", alg, h)
			}
		}
	}},
	{"oidcc-idtoken-signature", basic, "the signature is by a published key", func(s *suite) {
		a, _ := s.tokens(s.NewBrowser(), s.Register(nil))
		s.Verify(a.Text("id_token"))
	}},
	{"oidcc-server-rotate-keys", dynamic, "a new key is announced before it signs, and the old one stays", func(s *suite) { rotateKeys(s) }},
}

// scoped returns what UserInfo tells of dory for a scope.
func (s *suite) scoped(scope string) map[string]any {
	s.t.Helper()
	a, _ := s.tokens(s.NewBrowser(), s.Register(nil), "scope", scope)
	return s.userInfo(a.Text("access_token"))
}

// kids are the ids of the published keys.
func kids(o *optest.OP) map[string]bool {
	all := map[string]bool{}
	keys, _ := o.JSON("/jwks")["keys"].([]any)
	for _, k := range keys {
		m, _ := k.(map[string]any)
		all[text(m["kid"])] = true
	}
	return all
}
