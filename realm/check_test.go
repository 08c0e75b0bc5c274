package realm_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/realm"
)

func TestCheck(t *testing.T) {
	good := realm.Realm{
		Name: "acme-2", Issuer: "https://id.acme.example/x", Hosts: []string{"api.example.org", "API2.example.org", "localhost", "192.0.2.1", "[::1]"},
		Dialects: []realm.Dialect{{Name: "digirunner"}, {Name: "ddi"}}, AllScope: "all",
		AccessToken:  realm.AccessToken{Format: realm.Opaque, Alg: "EdDSA", TTL: realm.MaxDuration},
		SignIn:       realm.SignIn{Methods: []string{"passkey"}, ACR: "phr", Idle: realm.Duration(time.Minute), Max: realm.MaxDuration},
		Registration: realm.Registration{Mode: "open", Grants: []string{"x"}, Scopes: []string{"y"}, RedirectHosts: []string{"*.example.org", "localhost", "[::1]"}, Max: 1},
		Brand: realm.Brand{
			Name: "Acme", Logo: "data:image/png;base64,iVBORw0KGgo=", Accent: "#00fFaA", Support: "mailto:help@example.org",
			Policy: "https://example.org/p?x=1#y", Terms: "http://localhost/",
		},
		IDTokenAlg: "PS256",
		Keys:       realm.KeySchedule{Every: realm.Duration(90 * 24 * time.Hour), Announce: realm.Duration(24 * time.Hour)},
	}
	if err := realm.Check(&good); err != nil {
		t.Fatal(err)
	}
	if err := realm.Check(&realm.Realm{Name: realm.Default}); err != nil {
		t.Fatal(err)
	}
	if err := realm.Check(&realm.Realm{Name: "a", Issuer: "http://localhost:8089"}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		field string
		alter func(*realm.Realm)
	}{
		{"realm", func(r *realm.Realm) { r.Name = "" }},
		{"realm", func(r *realm.Realm) { r.Name = "a/b" }},
		{"realm", func(r *realm.Realm) { r.Name = ".." }},
		{"realm", func(r *realm.Realm) { r.Name = "Acme" }},
		{"realm", func(r *realm.Realm) { r.Name = "-a" }},
		{"realm", func(r *realm.Realm) { r.Name = "a%2f" }},
		{"realm", func(r *realm.Realm) { r.Name = strings.Repeat("a", 64) }},
		{"issuer", func(r *realm.Realm) { r.Issuer = "http://id.example.org" }},
		{"issuer", func(r *realm.Realm) { r.Issuer = "https://id.example.org?x" }},
		{"issuer", func(r *realm.Realm) { r.Issuer = "https://id.example.org#" }},
		{"issuer", func(r *realm.Realm) { r.Issuer = "https://user@id.example.org" }},
		{"issuer", func(r *realm.Realm) { r.Issuer = "id.example.org" }},
		{"hosts", func(r *realm.Realm) { r.Hosts = []string{"https://a.example"} }},
		{"hosts", func(r *realm.Realm) { r.Hosts = []string{"a.example:80"} }},
		{"hosts", func(r *realm.Realm) { r.Hosts = []string{""} }},
		{"hosts", func(r *realm.Realm) { r.Hosts = []string{"a..example"} }},
		{"hosts", func(r *realm.Realm) { r.Hosts = []string{"::1"} }},
		{"hosts", func(r *realm.Realm) { r.Hosts = []string{"*"} }},
		{"hosts", func(r *realm.Realm) { r.Hosts = []string{"a.example", "a.example"} }},
		{"dialects", func(r *realm.Realm) { r.Dialects = []realm.Dialect{{}} }},
		{"dialects", func(r *realm.Realm) { r.Dialects = []realm.Dialect{{Name: "ddi"}, {Name: "ddi"}} }},
		{"all_scope", func(r *realm.Realm) { r.AllScope = "all of it" }},
		{"access_token", func(r *realm.Realm) { r.AccessToken.Format = "JWT" }},
		{"access_token", func(r *realm.Realm) { r.AccessToken.Alg = "RS512" }},
		{"refresh_token", func(r *realm.Realm) { r.RefreshToken.Idle = -1 }},
		{"sign_in.methods", func(r *realm.Realm) { r.SignIn.Methods = []string{"sms"} }},
		{"sign_in.methods", func(r *realm.Realm) { r.SignIn.Methods = []string{"passkey", "passkey"} }},
		{"sign_in.acr", func(r *realm.Realm) { r.SignIn.ACR = "0" }},
		{"sign_in.acr", func(r *realm.Realm) { r.SignIn.Methods = []string{"password"} }},
		{"sign_in.idle", func(r *realm.Realm) { r.SignIn.Idle = realm.Duration(time.Second) }},
		{"sign_in.max", func(r *realm.Realm) { r.SignIn.Max = -1 }},
		{"registration.mode", func(r *realm.Realm) { r.Registration.Mode = "on" }},
		{"registration.grants", func(r *realm.Realm) { r.Registration.Grants = []string{""} }},
		{"registration.scopes", func(r *realm.Realm) { r.Registration.Scopes = []string{"a b"} }},
		{"registration.scopes", func(r *realm.Realm) { r.Registration.Scopes = []string{"all"} }},
		{"registration.redirect_hosts", func(r *realm.Realm) { r.Registration.RedirectHosts = []string{"*"} }},
		{"registration.redirect_hosts", func(r *realm.Realm) { r.Registration.RedirectHosts = []string{"https://a.example"} }},
		{"registration.redirect_hosts", func(r *realm.Realm) { r.Registration.RedirectHosts = []string{"a.example", "a.example"} }},
		{"registration.max", func(r *realm.Realm) { r.Registration.Max = -1 }},
		{"brand.name", func(r *realm.Realm) { r.Brand.Name = "\u202e" }},
		{"brand.logo", func(r *realm.Realm) { r.Brand.Logo = "https://a.example/logo.png" }},
		{"brand.logo", func(r *realm.Realm) { r.Brand.Logo = "data:image/png;base64,PHN2Zz4=" }},
		{"brand.logo", func(r *realm.Realm) { r.Brand.Logo = "data:text/html,<svg" }},
		{"brand.logo", func(r *realm.Realm) { r.Brand.Logo = "data:image/svg+xml,%3Csvg\"" }},
		{"brand.logo", func(r *realm.Realm) { r.Brand.Logo = "data:image/svg+xml,%3Csvg" + strings.Repeat("a", 32<<10) }},
		{"brand.accent", func(r *realm.Realm) { r.Brand.Accent = "red" }},
		{"brand.accent", func(r *realm.Realm) { r.Brand.Accent = "#fff;}x" }},
		{"brand.support", func(r *realm.Realm) { r.Brand.Support = "javascript:alert(1)" }},
		{"brand.support", func(r *realm.Realm) { r.Brand.Support = "mailto:" }},
		{"brand.policy", func(r *realm.Realm) { r.Brand.Policy = "http://a.example/" }},
		{"brand.terms", func(r *realm.Realm) { r.Brand.Terms = "https://u@a.example/" }},
		{"id_token_alg", func(r *realm.Realm) { r.IDTokenAlg = "none" }},
		{"id_token_alg", func(r *realm.Realm) { r.IDTokenAlg = "HS256" }},
		{"keys", func(r *realm.Realm) { r.Keys.Every = realm.Duration(time.Minute) }},
		{"keys", func(r *realm.Realm) { r.Keys.Announce = -1 }},
		{"keys", func(r *realm.Realm) {
			r.Keys = realm.KeySchedule{Every: realm.Duration(time.Hour), Announce: realm.Duration(time.Hour)}
		}},
	} {
		r := good
		tt.alter(&r)
		if err := realm.Check(&r); err == nil || !strings.HasPrefix(err.Error(), tt.field+": ") {
			t.Errorf("%s: %v", tt.field, err)
		}
	}
}

func TestShow(t *testing.T) {
	for in, want := range map[string]string{
		"":                       `""`,
		"plain":                  `"plain"`,
		"a\x00\n\x1b":            `"a\x00\n\x1b"`,
		strings.Repeat("x", 100): `"` + strings.Repeat("x", 60) + `"…`,
	} {
		if got := realm.Show(in); got != want {
			t.Errorf("Show(%.10q) = %s, want %s", in, got, want)
		}
	}
}

func TestAdmitsHost(t *testing.T) {
	g := realm.Registration{RedirectHosts: []string{"a.example", "*.b.example", "[::1]"}}
	for host, want := range map[string]bool{
		"a.example": true, "A.EXAMPLE.": true, "x.a.example": false, "b.example": false, "x.b.example": true, "x.y.b.example": true,
		"evilb.example": false, "a.example.evil": false, "": false, "localhost": false, "::1": true, "[::1]": true, "::2": false,
	} {
		if got := g.AdmitsHost(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
	if !(realm.Registration{}).AdmitsHost("anything") {
		t.Error("without a list every host will do")
	}
}
