package authorize_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/authorize"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
)

func TestCheckForeign(t *testing.T) {
	for _, tt := range []struct {
		name              string
		change            func(rl *realm.Realm, c *client.Client)
		challenge, method string
		bare              bool
		want              oauth.Reason
	}{
		{"confidential", nil, "", "", false, ""},
		{"with a challenge", nil, s256, "S256", false, ""},
		{"public", func(_ *realm.Realm, c *client.Client) { c.Type = client.Public }, "", "", false, oauth.ChallengeMissing},
		{"public, with a challenge", func(_ *realm.Realm, c *client.Client) { c.Type = client.Public }, s256, "S256", false, ""},
		{"public, at an old door", func(_ *realm.Realm, c *client.Client) { c.Type = client.Public }, "", "", true, ""},
		{"the realm insists", func(rl *realm.Realm, _ *client.Client) { rl.RequirePKCE = true }, "", "", true, oauth.ChallengeMissing},
		{"the client insists", func(_ *realm.Realm, c *client.Client) { c.OpenID.RequirePKCE = true }, "", "", true, oauth.ChallengeMissing},
		{"a method alone", nil, "", "S256", true, oauth.ChallengeMissing},
		{"a challenge alone", nil, s256, "", true, oauth.ChallengeMethod},
		{"plain", nil, s256, "plain", true, oauth.ChallengeMethod},
		{"a short challenge", nil, s256[1:], "S256", true, oauth.ParameterInvalid},
		{"a challenge of something else", nil, strings.Repeat("=", 43), "S256", true, oauth.ParameterInvalid},
		{"not its grant", func(_ *realm.Realm, c *client.Client) { c.Grants = nil }, s256, "S256", true, oauth.GrantNotAllowed},
		{"the realm wants it pushed", func(rl *realm.Realm, _ *client.Client) { rl.RequirePAR = true }, s256, "S256", true, oauth.PushRequired},
		{"the client pushes", func(_ *realm.Realm, c *client.Client) { c.OpenID.RequirePAR = true }, s256, "S256", true, oauth.PushRequired},
		{"the client signs", func(_ *realm.Realm, c *client.Client) { c.OpenID.RequireSigned = true }, s256, "S256", true, oauth.PushRequired},
	} {
		rl := &realm.Realm{Name: realm.Default}
		c := &client.Client{Type: client.Confidential, Grants: []string{"authorization_code"}}
		if tt.change != nil {
			tt.change(rl, c)
		}
		if got := oauth.ReasonOf(authorize.CheckForeign(rl, c, tt.challenge, tt.method, tt.bare)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A code of another front door says when it is over, and is known for a while after that.
func TestForeignCodes(t *testing.T) {
	w := newWorld(t)
	codes, ctx := authorize.NewCodes(w.tickets, func() time.Time { return w.now }), t.Context()
	over := w.now.Add(authorize.ForeignCodeLife)
	code, err := codes.Make(ctx, authorize.Grant{Realm: realm.Default, Dialect: "kustvakt"})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := codes.Make(ctx, authorize.Grant{Realm: realm.Default, ExpiresAt: over})
	if err != nil {
		t.Fatal(err)
	}
	if g, _, err := codes.Look(ctx, realm.Default, ours); err != nil || !g.ExpiresAt.IsZero() {
		t.Errorf("a code of our own: %+v, %v", g, err)
	}
	w.now = over
	if g, spent, err := codes.Look(ctx, realm.Default, code); err != nil || spent || g == nil || g.Dialect != "kustvakt" || !g.ExpiresAt.Equal(over) {
		t.Errorf("%+v, %v, %v", g, spent, err)
	}
	if g, _, err := codes.Look(ctx, realm.Default, ours); g != nil || err != nil {
		t.Errorf("a code of our own, later: %+v, %v", g, err)
	}
	w.now = over.Add(time.Hour)
	if g, _, err := codes.Look(ctx, realm.Default, code); g != nil || err != nil {
		t.Errorf("long after: %+v, %v", g, err)
	}
}
