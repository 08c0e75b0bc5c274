package stepstest

import (
	"net/url"
	"strings"
	"time"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/user"
)

// Redirect is where every client of the world is sent back to.
const Redirect = "https://app.example.com/cb"

// Secretly is how every user's password begins; the name follows.
const Secretly = "password of "

// Founding is a world of two realms, the default one as given, with some users and clients.
func Founding(rl *realm.Realm) deployment.ChangeSet {
	person := func(name string, status user.Status) *user.User {
		return &user.User{
			Realm: realm.Default, Name: name, Password: user.Digest(Secretly + name), Status: status, Email: strings.ToUpper(name[:1]) + name[1:] + "@example.org",
			Alias: "Dear " + name,
		}
	}
	app := func(in, id string) *client.Client {
		return &client.Client{
			Realm: in, ID: id, Name: "The " + id, Type: client.Confidential, Status: client.On, Secrets: []client.Secret{{ID: "1", Hash: user.Digest("s")}},
			Grants: []string{"authorization_code", "refresh_token"}, Scopes: scope.Set{"openid", "profile", "email", "offline_access", "read"},
			RedirectURIs: []string{Redirect},
		}
	}
	return deployment.ChangeSet{
		Realms: []*realm.Realm{rl, {Name: "corp"}},
		Scopes: []deployment.RealmScope{{Realm: realm.Default, Scope: scope.Scope{Name: "read", Description: "Read your orders"}}},
		Users: []*user.User{
			person("dory", user.On), person("marlin", user.On), person("nemo", user.On), person("offuser", user.Off), person("lockuser", user.Locked),
			{Realm: realm.Default, Name: "bare", Status: user.On}, {Realm: "corp", Name: "dory", Password: user.Digest("another password"), Status: user.On},
		},
		Clients: []*client.Client{app(realm.Default, "app"), app(realm.Default, "other"), app("corp", "app")},
	}
}

// Ask is the address of an authorization request.
func Ask(pairs ...string) string {
	q := url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {Redirect}, "scope": {"openid"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "/authorize?" + q.Encode()
}

// SignIn signs a user in by the password on the page shown.
func (b *Browser) SignIn(name string) *Browser {
	b.House.T.Helper()
	return b.Submit("password", Secretly+name, "username", name)
}

// Agree agrees if that is asked for.
func (b *Browser) Agree() *Browser {
	b.House.T.Helper()
	if b.At("/signin/consent") {
		b.Submit("decision", "allow")
	}
	return b
}

// TOTP gives a user an authenticator and returns its secret.
func (h *House) TOTP(name string) string {
	h.T.Helper()
	p, err := h.Factors.NewTOTP("test", name)
	if err != nil {
		h.T.Fatal(err)
	}
	if err := h.Factors.AddTOTP(h.T.Context(), realm.Default, name, p.Secret, h.CodeOf(p.Secret), ""); err != nil {
		h.T.Fatal(err)
	}
	h.Clock.Advance(30 * time.Second) // its code was used
	return p.Secret
}

// CodeOf is the one-time code of a secret now.
func (h *House) CodeOf(secret string) string { return Code(secret, h.Clock.Now()) }
