package signin_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"sallyport/authorize"
	"sallyport/authserver"
	"sallyport/authserver/account"
	"sallyport/authserver/signin"
	"sallyport/authserver/steps"
	"sallyport/authserver/stepstest"
	"sallyport/feed"
	"sallyport/jose"
	"sallyport/realm"
	"sallyport/store"
	"sallyport/web"
)

// house is a House with this package's pages in it.
type house struct {
	*stepstest.House
	face *signin.Face
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
		Open: openStore, Authorize: endpoint, Start: stepstest.Founding(rl),
		Pages: func(c steps.Config) []web.Routes {
			h.face = signin.New(c)
			return []web.Routes{h.face.Routes(), account.New(c).Routes()}
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
	redirect = stepstest.Redirect
	secretly = stepstest.Secretly
)

// ask is the address of an authorization request.
func ask(pairs ...string) string { return stepstest.Ask(pairs...) }

// password signs a user in by the password on the page shown.
func password(b *stepstest.Browser, name string) *stepstest.Browser { return b.SignIn(name) }

// agree agrees if it is asked for.
func agree(b *stepstest.Browser) *stepstest.Browser { return b.Agree() }

// totp gives a user an authenticator and returns its secret.
func (h *house) totp(name string) string { return h.TOTP(name) }

// code is the one-time code of a secret now.
func (h *house) code(secret string) string { return h.CodeOf(secret) }
