package conformance_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"sallyport/conformance/optest"
)

const deployment = `
realm: default
registration: {mode: open, grants: [authorization_code, refresh_token]}
scopes: [{name: openid}, {name: profile}, {name: email}, {name: address}, {name: phone}, {name: offline_access}]
users:
  - name: dory
    password: dory's password
    alias: Dory Sample
    email: dory@example.org
    email_verified: true
    profile:
      given_name: Dory
      family_name: Sample
      middle_name: M
      nickname: dodo
      preferred_username: dory
      profile: https://example.org/dory
      picture: https://example.org/dory.png
      website: https://dory.example.org
      gender: female
      birthdate: "1990-02-28"
      zoneinfo: Europe/Berlin
      locale: en-GB
      phone_number: "+49 30 1234567"
      phone_number_verified: true
      address: {formatted: "Street 1, 10115 Berlin", street_address: Street 1, locality: Berlin, region: BE, postal_code: "10115", country: DE}
  - {name: nemo, password: nemo's password}
`

// A suite is a server and what the modules need again and again.
type suite struct {
	*optest.OP
	t *testing.T
}

func (s *suite) with(t *testing.T) *suite {
	o := s.OP
	o.T = t
	return &suite{o, t}
}

// answered sends a browser with an authorization request, signs dory in if need be, and returns the answer.
func (s *suite) answered(b *optest.Browser, rp *optest.RP, pairs ...string) url.Values {
	s.t.Helper()
	b.Get(rp.URL(pairs...))
	if b.At("/signin") {
		b.SignIn("dory", "dory's password")
	}
	b.Agree()
	return b.Answer()
}

// code is answered for a request that must be granted.
func (s *suite) code(b *optest.Browser, rp *optest.RP, pairs ...string) string {
	s.t.Helper()
	v := s.answered(b, rp, pairs...)
	if v.Get("code") == "" || v.Get("error") != "" {
		s.t.Fatalf("no code: %v", v)
	}
	if v.Get("state") != "a state" && !slices.Contains(pairs, "state") || v.Get("iss") != s.URL {
		s.t.Errorf("state %q, iss %q", v.Get("state"), v.Get("iss"))
	}
	return v.Get("code")
}

// tokens is code with what it is redeemed for. The ID token is checked as a client must (OpenID Connect Core section 3.1.3.7).
func (s *suite) tokens(b *optest.Browser, rp *optest.RP, pairs ...string) (a optest.Answer, id map[string]any) {
	s.t.Helper()
	a = rp.Redeem(s.code(b, rp, pairs...))
	if a.Status != 200 {
		s.t.Fatalf("the code is refused: %d %s", a.Status, a.Body)
	}
	if !strings.EqualFold(a.Text("token_type"), "Bearer") || a.Header.Get("Cache-Control") != "no-store" {
		s.t.Errorf("token_type %q, Cache-Control %q", a.Text("token_type"), a.Header.Get("Cache-Control"))
	}
	return a, s.idToken(rp, a)
}

func (s *suite) idToken(rp *optest.RP, a optest.Answer) map[string]any {
	s.t.Helper()
	_, c := s.Verify(a.Text("id_token"))
	now := float64(s.Now().Unix())
	aud, _ := c["aud"].(string)
	if list, ok := c["aud"].([]any); ok && len(list) == 1 {
		aud, _ = list[0].(string)
	}
	exp, _ := c["exp"].(float64)
	iat, _ := c["iat"].(float64)
	if c["iss"] != s.URL || aud != rp.ID || exp <= now || iat > now+1 || iat < now-60 || c["sub"] == "" || c["sub"] == nil {
		s.t.Errorf("ID token: %v", c)
	}
	return c
}

// userInfo asks for claims with an access token.
func (s *suite) userInfo(token string) map[string]any {
	s.t.Helper()
	a := s.Send("GET", "/userinfo", "", "", map[string][]string{"Authorization": {"Bearer " + token}})
	if a.Status != 200 || a.JSON == nil {
		s.t.Fatalf("userinfo: %d %s", a.Status, a.Body)
	}
	return a.JSON
}

// onPage checks that a request is refused on a page: the browser is sent nowhere.
func (s *suite) onPage(b *optest.Browser, address string) {
	s.t.Helper()
	p := b.Get(address)
	if p.Left != nil || p.Status < 400 || p.Status > 499 || !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
		s.t.Errorf("%s: %d %s, at %s", address, p.Status, p.Brief(), p.URL)
	}
}

// refused checks that a request is answered with one of the errors.
func (s *suite) refused(b *optest.Browser, rp *optest.RP, errors string, pairs ...string) {
	s.t.Helper()
	v := s.answered(b, rp, pairs...)
	if v.Get("code") != "" || !slices.Contains(strings.Fields(errors), v.Get("error")) || v.Get("iss") != s.URL {
		s.t.Errorf("%v: answered with %v, want one of %s", pairs, v, errors)
	}
}

func (s *suite) has(claims map[string]any, names ...string) {
	s.t.Helper()
	for _, n := range names {
		if claims[n] == nil || claims[n] == "" {
			s.t.Errorf("there is no %s in %v", n, claims)
		}
	}
}

func (s *suite) hasNot(claims map[string]any, names ...string) {
	s.t.Helper()
	for _, n := range names {
		if _, ok := claims[n]; ok {
			s.t.Errorf("there is a %s in %v", n, claims)
		}
	}
}

// number returns a claim that is a number.
func number(t *testing.T, claims map[string]any, name string) int64 {
	t.Helper()
	f, ok := claims[name].(float64)
	if !ok {
		t.Fatalf("%s is no number in %v", name, claims)
	}
	return int64(f)
}

func list(s ...string) []string { return s }
