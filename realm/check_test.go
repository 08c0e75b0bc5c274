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
		AccessToken: realm.AccessToken{Format: realm.Opaque, Alg: "EdDSA", TTL: realm.MaxDuration},
		Keys:        realm.KeySchedule{Every: realm.Duration(90 * 24 * time.Hour), Announce: realm.Duration(24 * time.Hour)},
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
