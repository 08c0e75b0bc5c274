package token_test

import (
	"strings"
	"testing"

	"sallyport/oauth"
	"sallyport/realm"
)

// Who asks why a token was refused is told what to look at, and nothing of the token that would be a secret.
func TestWhyATokenIsNone(t *testing.T) {
	h := newHouse(t)
	jwt := h.issue(h.auth(realm.JWT)).AccessToken
	opaque := h.issue(h.auth(realm.Opaque)).AccessToken
	reference := h.issue(h.auth(realm.Reference)).AccessToken
	renamed := *h.realm
	renamed.Issuer = "https://elsewhere.example"
	for _, c := range []struct {
		name string
		in   *realm.Realm
		raw  string
		want string
	}{
		{"too short", h.realm, "xyz", "it is 3 bytes long, which no token is"},
		{"no form", h.realm, strings.Repeat("a.b", 40), "it has the form of no token that is issued here"},
		{"another realm's key", h.other, jwt, "has no key with the kid "},
		{"another name of the issuer", &renamed, jwt, `its iss is "` + h.realm.Issuer + `", and that of realm ` + h.realm.Name + ` is "https://elsewhere.example"`},
		{"signature", h.realm, jwt[:len(jwt)-6] + "AAAAAA", "its signature is not that of the key it names, or "},
		{"sealed, changed", h.realm, opaque[:len(opaque)-6] + "AAAAAA", "it is not one that realm " + h.realm.Name + " has sealed"},
		{"reference, changed", h.realm, reference[:len(reference)-6] + "AAAAAA", "it was never a reference token of realm " + h.realm.Name},
	} {
		_, err := h.Verify(t.Context(), c.in, c.raw)
		e := oauth.AsError(err)
		if e == nil || e.Reason != oauth.TokenMalformed || e.Err == nil || !strings.Contains(e.Err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
			continue
		}
		if len(c.raw) > 20 && strings.Contains(e.Err.Error(), c.raw[len(c.raw)-20:]) {
			t.Errorf("%s: the token is told: %v", c.name, err)
		}
	}
}
