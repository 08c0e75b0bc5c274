package realm_test

import (
	"strings"
	"testing"

	"sallyport/realm"
)

func TestTrustedIssuers(t *testing.T) {
	good := realm.TrustedIssuer{
		Issuer: "https://login.example.org/realms/x", JWKSURI: "https://login.example.org/jwks?a=b", Audience: []string{"orders"},
		Algs: []string{"RS256", "ES384"}, Client: "claim:azp", Scopes: "scp", User: "sub",
	}
	check := func(alter func(*realm.Realm, *realm.TrustedIssuer)) error {
		t := good
		r := &realm.Realm{Name: "a", Issuer: "https://own.example.org"}
		alter(r, &t)
		r.TrustedIssuers = append(r.TrustedIssuers, t)
		return realm.Check(r)
	}
	for name, alter := range map[string]func(*realm.Realm, *realm.TrustedIssuer){
		"full":       func(*realm.Realm, *realm.TrustedIssuer) {},
		"bare":       func(_ *realm.Realm, t *realm.TrustedIssuer) { t.JWKSURI, t.Algs, t.Scopes, t.User = "", nil, "", "" },
		"one client": func(_ *realm.Realm, t *realm.TrustedIssuer) { t.Client = "partner" },
		"this machine": func(_ *realm.Realm, t *realm.TrustedIssuer) {
			t.Issuer, t.JWKSURI = "http://localhost:8080", "http://127.0.0.1:1/"
		},
	} {
		if err := check(alter); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, alters := range map[string][]func(*realm.Realm, *realm.TrustedIssuer){
		"issuer: ": {
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.Issuer = "" },
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.Issuer = "http://login.example.org" },
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.Issuer = "login" },
		},
		"jwks_uri: ": {
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.JWKSURI = "http://login.example.org/jwks" },
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.JWKSURI = "file:///etc/keys" },
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.JWKSURI = "https://user@login.example.org/" },
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.JWKSURI = "https://login.example.org/#x" },
		},
		"audience: ": {
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.Audience = nil },
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.Audience = []string{"orders", ""} },
		},
		"algs: ": {
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.Algs = []string{"none"} },
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.Algs = []string{"RS256", "HS256"} },
		},
		"client: ": {
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.Client = "" },
			func(_ *realm.Realm, t *realm.TrustedIssuer) { t.Client = "claim:" },
		},
		"is the realm itself": {func(r *realm.Realm, t *realm.TrustedIssuer) { t.Issuer = r.Issuer }},
		"given twice": {func(r *realm.Realm, t *realm.TrustedIssuer) {
			r.TrustedIssuers = []realm.TrustedIssuer{*t}
		}},
	} {
		for i, alter := range alters {
			if err := check(alter); err == nil || !strings.HasPrefix(err.Error(), "trusted_issuers: ") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %d: %v", want, i, err)
			}
		}
	}
}
