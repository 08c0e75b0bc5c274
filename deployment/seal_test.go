package deployment_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/key"
)

const macSecret = "a-secret-of-forty-characters-0123456789."

// sealed opens what is kept of a client's secrets.
func sealed(t *testing.T, c *client.Client) (list []string) {
	t.Helper()
	for _, s := range c.Secrets {
		if len(s.Sealed) == 0 {
			list = append(list, "")
			continue
		}
		plain, err := client.OpenSecret(key.Master{1}, c.Realm, c.ID, s.ID, s.Sealed)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(plain))
	}
	return list
}

// Only of a client that makes MACs is the secret itself kept, and it is kept sealed.
func TestSecretsAreSealedForMACs(t *testing.T) {
	m := &memory{}
	apply := func(client string) *deployment.Plan {
		t.Helper()
		p := plan(t, m, "realm: default\nclients: ["+client+"]", false)
		commit(t, m, p)
		return p
	}
	apply("{id: c, secret: " + macSecret + "}")
	if got := sealed(t, m.clients[0]); got[0] != "" {
		t.Errorf("kept for no reason: %q", got)
	}
	p := apply("{id: c, secret: " + macSecret + ", auth_method: client_secret_jwt}")
	if got := sealed(t, m.clients[0]); len(got) != 1 || got[0] != macSecret {
		t.Errorf("kept: %q", got)
	}
	if strings.Contains(p.Diff.String(), macSecret) {
		t.Errorf("told: %s", p.Diff)
	}
	if p := apply("{id: c, secret: " + macSecret + ", auth_method: client_secret_jwt}"); !p.Changes.Empty() {
		t.Errorf("a second time: %s", p.Diff)
	}
	if p := apply("{id: c, auth_method: client_secret_jwt}"); !p.Changes.Empty() {
		t.Errorf("left out: %s", p.Diff)
	}
	p = apply("{id: d, generated: true, auth_method: client_secret_jwt, auth_alg: HS512}")
	if got := sealed(t, m.clients[1]); len(got) != 1 || len(got[0]) < 64 || got[0] != p.Generated[0].Secret {
		t.Errorf("generated %v, kept %q", p.Generated, got)
	}
	// One that had a secret before gets another when it begins to make MACs: of the first only the hash is there.
	apply("{id: e, generated: true}")
	p = apply("{id: e, generated: true, auth_method: client_secret_jwt}")
	if got := sealed(t, m.clients[2]); len(got) != 2 || got[1] != p.Generated[0].Secret {
		t.Errorf("generated %v, kept %q", p.Generated, got)
	}
	apply("{id: c, secret: " + macSecret + ", auth_method: client_secret_post}")
	if got := sealed(t, m.clients[0]); got[0] != "" {
		t.Errorf("kept after it was of use: %q", got)
	}
}

func TestSecretsThatMakeNoMACs(t *testing.T) {
	elsewhere, err := client.SealSecret(key.Master{2}, "default", "c", "1", macSecret)
	if err != nil {
		t.Fatal(err)
	}
	hash := `"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`
	for text, want := range map[string]string{
		"secret: short":                         "too little for client_secret_jwt; use 32",
		"secret_hash: " + hash:                  "only a hash of it is known",
		"auth_alg: HS512, secret: " + macSecret: "use 64 or more",
		"secrets: [{id: '1', secret_hash: " + hash + ", secret_sealed: " + base64.StdEncoding.EncodeToString(elsewhere) + "}]": "sealed under another master key",
	} {
		files, err := deployment.Parse("f.yaml", []byte("realm: default\nclients: [{id: c, auth_method: client_secret_jwt, "+text+"}]"), checks())
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		p := deployment.Planner{Store: &memory{}, Hasher: hasher{}, Now: time.Now, Master: askMaster}
		if _, err := p.Plan(t.Context(), files); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), macSecret) {
			t.Errorf("%s: %v, want something about %q", text, err, want)
		}
	}
}

// What a user has proved is not taken back by applying a file again.
func TestVerifiedAddressStays(t *testing.T) {
	m := &memory{}
	commit(t, m, plan(t, m, "realm: default\nusers: [{name: dory, email: dory@example.org}]", false))
	m.users[0].EmailVerified = true
	for _, step := range []struct {
		text string
		want bool
	}{
		{"{name: dory, email: dory@example.org}", true},
		{"{name: dory, email: Dory@Example.org, alias: Dory}", true},
		{"{name: dory, email: nemo@example.org}", false},
		{"{name: dory, email: nemo@example.org, email_verified: true}", true},
		{"{name: dory, email: nemo@example.org, email_verified: false}", false},
	} {
		p := plan(t, m, "realm: default\nusers: ["+step.text+"]", false)
		commit(t, m, p)
		if got := m.users[0].EmailVerified; got != step.want {
			t.Errorf("%s: %v", step.text, got)
		}
		if changed := !p.Changes.Empty(); changed && !m.users[0].UpdatedAt.Equal(now) {
			t.Errorf("%s: updated at %s", step.text, m.users[0].UpdatedAt)
		}
	}
}

// What changes is told without pictures, tokens and settings that a line has no room for.
func TestDiffOfSignIn(t *testing.T) {
	m := &memory{}
	commit(t, m, plan(t, m, "realm: default\nusers: [{name: dory}]\nclients: [{id: c}]", false))
	p := plan(t, m, `
realm: default
sign_in: {acr: "2", methods: [passkey]}
brand: {name: Reef, logo: "data:image/svg+xml,%3Csvg%3E`+strings.Repeat("a", 1000)+`"}
require_par: true
users: [{name: dory, profile: {locale: en}, attributes: {a: 1}}]
clients: [{id: c, openid: {subject_type: public, default_max_age: 5}, registered: {at: 2026-01-31, token_hash: `+strings.Repeat("ab", 32)+`}}]
`, false)
	got := p.Diff.String()
	for _, part := range []string{"require_par none -> true", "sign_in none -> {acr: 2, methods: [passkey]}", "brand none -> Reef", "profile none -> {locale: en}", "attributes none -> {a: 1}", "openid none -> {default_max_age: 5, subject_type: public}"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not told in\n%s", part, got)
		}
	}
	if strings.Contains(got, "abab") || len(got) > 1000 {
		t.Errorf("told too much:\n%s", got)
	}
}
