package authserver_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"sallyport/authorize"
	"sallyport/authserver"
	"sallyport/authserver/pages"
	"sallyport/claims"
	"sallyport/client"
	"sallyport/consent"
	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
	"sallyport/factor"
	"sallyport/feed"
	"sallyport/grant"
	"sallyport/grant/authcode"
	"sallyport/grant/clientcreds"
	"sallyport/grant/password"
	"sallyport/grant/refresh"
	"sallyport/jose"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/session"
	"sallyport/store"
	"sallyport/token"
	"sallyport/user"
	"sallyport/web"
)

const secret = "s3cr3t-of-every-client"

type house struct {
	*dialecttest.House
	routes   web.Routes
	disk     *dialecttest.Flaky
	kept     *store.Store
	hub      *feed.Hub
	sessions *session.Manager
	consents *consent.Book
	flows    *authorize.Flows
	factors  proofs
	outside  outside
}

// proofs are the factors that users have.
type proofs map[string]factor.Summary

func (p proofs) Summary(_ context.Context, _, name string) (factor.Summary, error) {
	return p[name], nil
}

// outside are documents of others by their URLs.
type outside map[string]string

func (o outside) Get(_ context.Context, url string) ([]byte, error) {
	if text, ok := o[url]; ok {
		return []byte(text), nil
	}
	return nil, errors.New("there is no such document")
}

func open(t testing.TB, change ...func(*deployment.ChangeSet)) *house {
	t.Helper()
	start := founding()
	for _, c := range change {
		c(&start)
	}
	h := &house{disk: new(dialecttest.Flaky), factors: proofs{}, outside: outside{}}
	var codes *authorize.Codes
	h.House = dialecttest.New(t, dialecttest.Setup{
		Open: func(t testing.TB, hub *feed.Hub, now func() time.Time) dialecttest.Stores {
			h.kept, h.hub = openStore(t, hub, now), hub
			return h.kept
		},
		Start: start,
		Grants: func(in *dialecttest.House) []grant.Grant {
			users := user.NewAuthenticator(in.Users, in.Stores, in.Hasher, in.Clock.Now)
			codes = authorize.NewCodes(h.kept, in.Clock.Now)
			return []grant.Grant{
				password.New(users, in.Throttle), clientcreds.New(), refresh.New(in.Tokens, in.Users),
				authcode.New(authcode.Deps{Codes: codes, Users: in.Users, Tokens: in.Tokens}),
			}
		},
		Tokens: func(s token.Store) token.Store { h.disk.Store = s; return h.disk },
	})
	d := h.Deps()
	drawn, err := pages.New()
	if err != nil {
		t.Fatal(err)
	}
	h.sessions = session.NewManager(session.Config{Store: h.kept, Hub: h.hub, Users: h.Users, Revoke: h.Tokens, Now: d.Now, Log: d.Log})
	h.consents = consent.NewBook(consent.Config{Store: h.kept, Hub: h.hub, Revoke: h.Tokens, Now: d.Now})
	h.flows = authorize.NewFlows(h.kept, d.Now)
	h.routes = authserver.New(authserver.Config{
		Engine: d.Engine, Tokens: d.Tokens, Keys: d.Keys, Realms: d.Realms, Log: d.Log, Now: d.Now,
		Reader: authorize.NewReader(authorize.Config{
			Clients: h.Clients, Realms: h.Realms, Sets: jose.New(jose.Config{Fetch: h.outside, Now: d.Now}), Fetch: h.outside,
			Tickets: h.kept, IDTokens: h.Tokens, Now: d.Now,
		}),
		Flows: h.flows, Codes: codes, Sessions: h.sessions, Consents: h.consents, Factors: h.factors,
		Clients: h.Clients, Users: h.Users, Pages: drawn,
		Claims: claims.New(claims.Config{Key: key.Master{1}.Derive, Now: d.Now, Log: d.Log}),
	}).Routes()
	return h
}

func openStore(t testing.TB, hub *feed.Hub, now func() time.Time) *store.Store {
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

func founding() deployment.ChangeSet {
	one := func(in, id string) *client.Client {
		return &client.Client{
			Realm: in, ID: id, Type: client.Confidential, Status: client.On, Secrets: dialecttest.Secret(secret),
			Grants: []string{"password", "client_credentials", "refresh_token", "fault"}, Scopes: scope.Set{"read", "write"},
		}
	}
	kind := func(id string, a realm.AccessToken) *client.Client {
		c := one(realm.Default, id)
		c.AccessToken = a
		return c
	}
	api, trusted, public, off, noGrant := one(realm.Default, "api"), one(realm.Default, "trusted"), one(realm.Default, "public"), one(realm.Default, "off"), one(realm.Default, "nogrant")
	trusted.Trusted, off.Status, noGrant.Grants = true, client.Off, nil
	public.Type, public.Secrets = client.Public, nil
	addressed := one(realm.Default, "for-api")
	addressed.Audience = []string{"https://api.example.org", "api"}
	odd := one(realm.Default, "id:with colon & %")
	odd.Secrets = dialecttest.Secret("pass:word+%")
	bare := one(realm.Default, "bare")
	bare.Scopes = nil
	wordPublic := one(realm.Default, "wordpublic")
	wordPublic.Grants = append(wordPublic.Grants, "public")
	person := func(name string, status user.Status) *user.User {
		return &user.User{Realm: realm.Default, Name: name, Password: dialecttest.Password("password of " + name), Status: status}
	}
	return deployment.ChangeSet{
		Realms: []*realm.Realm{{Name: realm.Default}, {Name: "corp"}, {Name: "own", Issuer: "https://login.example.com/sso/"}},
		Scopes: []deployment.RealmScope{{Realm: realm.Default, Scope: scope.Scope{Name: "read"}}, {Realm: realm.Default, Scope: scope.Scope{Name: "admin"}}},
		Users:  []*user.User{person("dory", user.On), person("offuser", user.Off)},
		Clients: []*client.Client{
			one(realm.Default, "app"), one("corp", "app"), api, trusted, public, off, noGrant, addressed, odd, bare, wordPublic,
			kind("reference", realm.AccessToken{Format: realm.Reference, TTL: realm.Duration(10 * time.Minute)}),
			kind("opaque", realm.AccessToken{Format: realm.Opaque}),
			kind("RS256", realm.AccessToken{Alg: string(key.RS256)}), kind("PS256", realm.AccessToken{Alg: string(key.PS256)}),
			kind("ES256", realm.AccessToken{Alg: string(key.ES256)}), kind("EdDSA", realm.AccessToken{Alg: string(key.EdDSA)}),
		},
	}
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func (h *house) post(path, auth string, pairs ...string) dialecttest.Answer {
	h.T.Helper()
	return h.Do(h.routes, dialecttest.Call{Path: path, Auth: auth, Body: form(pairs...)})
}

func (h *house) read(path string, c dialecttest.Call) dialecttest.Answer {
	h.T.Helper()
	if c.Method == "" {
		c.Method = http.MethodGet
	}
	c.Path, c.Type = path, "-"
	return h.Do(h.routes, c)
}

// tokens is the answer to a grant, read.
type tokens struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
	Scope   string `json:"scope"`
}

// get makes a call to the token endpoint that must succeed.
func (h *house) get(id string, pairs ...string) tokens {
	h.T.Helper()
	got := h.post("/token", basic(id, secret), pairs...)
	var b tokens
	if err := json.Unmarshal([]byte(got.Body), &b); err != nil || got.Status != http.StatusOK {
		h.T.Fatalf("%s %q: %d %s", id, pairs, got.Status, got.Body)
	}
	return b
}

// login signs dory in.
func (h *house) login(id string, pairs ...string) tokens {
	h.T.Helper()
	return h.get(id, append([]string{"grant_type", "password", "username", "dory", "password", "password of dory"}, pairs...)...)
}

func (h *house) opens(raw string) bool {
	_, err := h.Tokens.Verify(h.T.Context(), h.Realms.ByName(realm.Default), raw)
	return err == nil
}

func (h *house) refreshes(raw string) bool {
	_, err := h.Tokens.Present(h.T.Context(), h.Realms.ByName(realm.Default), raw)
	return err == nil
}
