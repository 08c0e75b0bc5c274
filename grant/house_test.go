package grant_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/audit"
	"sallyport/authorize"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/grant"
	"sallyport/grant/authcode"
	"sallyport/grant/clientcreds"
	"sallyport/grant/password"
	"sallyport/grant/refresh"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/store"
	"sallyport/store/postgres/pgtest"
	"sallyport/throttle"
	"sallyport/token"
	"sallyport/user"
)

// A house is the real thing: store, directories, keys, tokens, engine. Only the clock is ours.
type house struct {
	*store.Store
	realms *realm.Directory
	tokens *token.Service
	engine *grant.Engine
	log    *audit.Log
	ahead  atomic.Int64 // how far the clock is ahead
}

func (h *house) now() time.Time       { return time.Now().Add(time.Duration(h.ahead.Load())) }
func (h *house) pass(d time.Duration) { h.ahead.Add(int64(d)) }

// onBoth runs a test on both engines.
func onBoth(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newHouse(t, filepath.Join(t.TempDir(), "sallyport.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, newHouse(t, pgtest.Start(t))) })
}

func newHouse(t *testing.T, url string) *house {
	t.Helper()
	h, hub, log := &house{}, &feed.Hub{}, slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	var err error
	if h.Store, err = store.Open(ctx, store.Options{URL: url, Hub: hub, Log: log, Now: h.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	hasher := user.NewHasher(0)
	h.commit(t, founding(t, hasher))
	if h.realms, err = realm.NewDirectory(ctx, h.Store, hub, func() string { return "https://login.example.org" }); err != nil {
		t.Fatal(err)
	}
	clients, users := client.NewDirectory(h.Store, hub), user.NewDirectory(h.Store, hub)
	ring := key.NewRing(key.Config{Store: h.Store, Master: key.Master{1}, Hub: hub, Now: h.now, Log: log})
	if h.tokens, err = token.New(token.Config{Store: h.Store, Keys: ring, Clients: clients, Hub: hub, Now: h.now, Log: log}); err != nil {
		t.Fatal(err)
	}
	if err := h.tokens.Start(ctx); err != nil {
		t.Fatal(err)
	}
	h.log = audit.NewLog(h.Store, log)
	t.Cleanup(func() { _ = h.log.Close(context.Background()) })
	th := throttle.New(throttle.Config{Now: h.now})
	h.engine = grant.New(grant.Config{
		Realms: h.realms, Clients: clients, Secrets: client.NewVerifier(h.Store, hasher, h.now), Tokens: h.tokens,
		Grants: []grant.Grant{
			password.New(user.NewAuthenticator(users, h.Store, hasher, h.now), th), clientcreds.New(), refresh.New(h.tokens, users),
			authcode.New(authcode.Deps{Codes: authorize.NewCodes(h.Store, h.now), Users: users, Tokens: h.tokens}),
		},
		Throttle: th, Audit: h.log, Now: h.now,
	})
	return h
}

// founding is a realm with a client and a user.
func founding(t *testing.T, hasher *user.Hasher) deployment.ChangeSet {
	t.Helper()
	hash, err := hasher.Hash(t.Context(), "dorypass")
	if err != nil {
		t.Fatal(err)
	}
	return deployment.ChangeSet{
		Realms: []*realm.Realm{{Name: realm.Default}},
		Scopes: []deployment.RealmScope{{Realm: realm.Default, Scope: scope.Scope{Name: "read"}}},
		Users:  []*user.User{{Realm: realm.Default, Name: "dory", Status: user.On, Password: hash}},
		Clients: []*client.Client{{
			Realm: realm.Default, ID: "app", Type: client.Confidential, Status: client.On,
			Secrets: []client.Secret{{ID: "1", Hash: user.Digest(secret), CreatedAt: time.Now()}},
			Grants:  []string{"password", "refresh_token", "client_credentials", "authorization_code"}, Scopes: scope.Set{"read", "openid"},
			AccessToken: realm.AccessToken{Format: realm.Reference},
		}},
	}
}

func (h *house) commit(t *testing.T, c deployment.ChangeSet) {
	t.Helper()
	if err := h.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func (h *house) exchange(grantType string, params ...string) (*token.Issued, error) {
	return h.engine.Exchange(context.Background(), grant.Request{
		Realm: h.realms.ByName(realm.Default), Type: grantType, HasType: true, Source: source,
		Client: client.Credentials{Method: client.MethodPost, ID: "app", Secret: secret, HasSecret: true},
		Params: oauth.NewParams(params...),
	})
}

func (h *house) signIn(t *testing.T) *token.Issued {
	t.Helper()
	issued, err := h.exchange("password", "username", "dory", "password", "dorypass", "scope", "read")
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// verify is why an access token is refused, "" if it is good.
func (h *house) verify(raw string) oauth.Reason {
	_, err := h.tokens.Verify(context.Background(), h.realms.ByName(realm.Default), raw)
	return oauth.ReasonOf(err)
}

func (h *house) families(t *testing.T) int {
	t.Helper()
	fs, err := h.Families(t.Context(), realm.Default, "dory", "", h.now())
	if err != nil {
		t.Fatal(err)
	}
	return len(fs)
}
