package account_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/authorize"
	"sallyport/authserver"
	"sallyport/authserver/account"
	"sallyport/authserver/signin"
	"sallyport/authserver/steps"
	"sallyport/authserver/stepstest"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/jose"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/store"
	"sallyport/user"
	"sallyport/web"
)

// house is a House with the account page in it.
type house struct {
	*stepstest.House
	face *account.Face
}

// open builds a house whose default realm is as change leaves it.
func open(t testing.TB, change ...func(*realm.Realm)) *house {
	t.Helper()
	rl := &realm.Realm{Name: realm.Default, SignIn: realm.SignIn{Reset: true}}
	for _, c := range change {
		c(rl)
	}
	h := &house{}
	h.House = stepstest.New(t, stepstest.Setup{
		Open: openStore, Authorize: endpoint, Start: founding(rl),
		Pages: func(c steps.Config) []web.Routes {
			h.face = account.New(c)
			return []web.Routes{h.face.Routes(), signin.New(c).Routes()}
		},
	})
	return h
}

func openStore(t testing.TB, hub *feed.Hub, now func() time.Time) stepstest.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{
		URL: filepath.Join(t.TempDir(), "test.db"), Hub: hub, Log: slog.New(slog.DiscardHandler), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

type nowhere struct{}

func (nowhere) Get(context.Context, string) ([]byte, error) {
	return nil, errors.New("there is no network")
}

// endpoint is the authorization endpoint.
func endpoint(h *stepstest.House) web.Routes {
	now := h.Clock.Now
	return authserver.New(authserver.Config{
		Tokens: h.Tokens, Keys: h.Keys, Realms: h.Realms, Log: h.Log, Now: now,
		Reader: authorize.NewReader(authorize.Config{
			Clients: h.Clients, Realms: h.Realms, Sets: jose.New(jose.Config{Fetch: nowhere{}, Now: now}), Fetch: nowhere{},
			Tickets: h.Store, IDTokens: h.Tokens, Now: now,
		}),
		Flows: h.Flows, Codes: h.Codes, Sessions: h.Sessions, Consents: h.Consents, Factors: h.Factors, Clients: h.Clients, Users: h.Users,
		Claims: h.Claims, Pages: h.Pages,
	}).Routes()
}

const (
	redirect = "https://app.example.com/cb"
	secretly = "password of "
)

func founding(rl *realm.Realm) deployment.ChangeSet {
	person := func(name string, status user.Status) *user.User {
		return &user.User{
			Realm: realm.Default, Name: name, Password: user.Digest(secretly + name), Status: status, Email: strings.ToUpper(name[:1]) + name[1:] + "@example.org",
			Alias: "Dear " + name,
		}
	}
	app := func(in, id string) *client.Client {
		return &client.Client{
			Realm: in, ID: id, Name: "The " + id, Type: client.Confidential, Status: client.On, Secrets: []client.Secret{{ID: "1", Hash: user.Digest("s")}},
			Grants: []string{"authorization_code", "refresh_token"}, Scopes: scope.Set{"openid", "profile", "email", "offline_access", "read"},
			RedirectURIs: []string{redirect},
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

// ask is the address of an authorization request.
func ask(pairs ...string) string {
	q := url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {redirect}, "scope": {"openid"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "/authorize?" + q.Encode()
}

// password signs a user in by the password on the page shown.
func password(b *stepstest.Browser, name string) *stepstest.Browser {
	b.House.T.Helper()
	return b.Submit("password", secretly+name, "username", name)
}

// agree agrees if it is asked for.
func agree(b *stepstest.Browser) *stepstest.Browser {
	b.House.T.Helper()
	if b.At("/signin/consent") {
		b.Submit("decision", "allow")
	}
	return b
}

// totp gives a user an authenticator and returns its secret.
func (h *house) totp(name string) string {
	h.T.Helper()
	p, err := h.Factors.NewTOTP("test", name)
	if err != nil {
		h.T.Fatal(err)
	}
	if err := h.Factors.AddTOTP(h.T.Context(), realm.Default, name, p.Secret, h.code(p.Secret), ""); err != nil {
		h.T.Fatal(err)
	}
	h.Clock.Advance(30 * time.Second) // its code was used
	return p.Secret
}

// code is the one-time code of a secret now.
func (h *house) code(secret string) string { return stepstest.Code(secret, h.Clock.Now()) }
