package kustvakt_test

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect"
	"sallyport/dialect/dialecttest"
	"sallyport/dialect/kustvakt"
	"sallyport/feed"
	"sallyport/grant"
	"sallyport/grant/authcode"
	"sallyport/grant/clientcreds"
	"sallyport/grant/password"
	"sallyport/grant/refresh"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/store"
	"sallyport/token"
	"sallyport/user"
	"sallyport/web"
)

// The clients. The super client is the one of the product's page.
const (
	superID      = "dRJnpFH6RHTr6L7bNhrn7F"
	superSecret  = "_IGaQqvUUrPTzRKJvqPYnA"
	plainID      = "9aHsGW6QflV13ixNpez"
	secondID     = "52atrL0ajex_3_5imd9Mgw"
	publicID     = "8bIDtZnH6NvRkW2Fq"
	secret       = "secret"
	tokenPath    = "/api/oauth2/token"
	revokePath   = "/api/oauth2/revoke"
	superPath    = "/api/oauth2/revoke/super"
	superAllPath = "/api/oauth2/revoke/super/all"
	listPath     = "/api/oauth2/token/list"
)

type house struct {
	*dialecttest.House
	door   dialect.Dialect
	routes web.Routes
	disk   *dialecttest.Flaky
	file   string // of the database
}

func open(t testing.TB, change ...func(*deployment.ChangeSet)) *house {
	t.Helper()
	start := founding()
	for _, c := range change {
		c(&start)
	}
	h := &house{disk: new(dialecttest.Flaky), file: filepath.Join(t.TempDir(), "test.db")}
	h.House = dialecttest.New(t, dialecttest.Setup{
		Open:  h.openStore,
		Start: start,
		Grants: func(in *dialecttest.House) []grant.Grant {
			users := user.NewAuthenticator(in.Users, in.Stores, in.Hasher, in.Clock.Now)
			return []grant.Grant{password.New(users, in.Throttle), clientcreds.New(), refresh.New(in.Tokens, in.Users), authcode.New(authcode.Deps{Codes: in.Codes, Users: in.Users, Tokens: in.Tokens})}
		},
		Tokens: func(s token.Store) token.Store { h.disk.Store = s; return h.disk },
	})
	h.door = kustvakt.New(h.Deps())
	h.routes = h.door.Routes()
	return h
}

func (h *house) openStore(t testing.TB, hub *feed.Hub, now func() time.Time) dialecttest.Stores {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: h.file, Hub: hub, Log: slog.New(slog.DiscardHandler), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func founding() deployment.ChangeSet {
	grants := []string{"password", "client_credentials", "refresh_token", "fault"}
	one := func(id string, scopes ...string) *client.Client {
		return &client.Client{
			Realm: realm.Default, ID: id, Type: client.Confidential, Status: client.On, Secrets: dialecttest.Secret(secret),
			Grants: grants, Scopes: scopes,
		}
	}
	super := one(superID, "all", "search", "match_info")
	super.Trusted, super.Secrets = true, dialecttest.Secret(superSecret)
	limited := one("limited", "search", "match_info", "install_user_client")
	limited.Trusted = true
	limited.Name, limited.Description, limited.URL = "A limited one", "holds little", "https://limited.example.org/"
	plain := one(plainID, "search", "client_info", "preferred_username", "all", "install_user_client")
	public, unset, off, locked := one(publicID, "search"), one("unset", "search"), one("off", "search"), one("locked", "search")
	public.Type, public.Secrets = client.Public, nil
	publicSuper := one("publicsuper", "search")
	publicSuper.Type, publicSuper.Secrets, publicSuper.Trusted = client.Public, nil, true
	unset.Secrets, off.Status, locked.Status = nil, client.Off, client.Locked
	noGrants := one("nogrants", "search")
	noGrants.Grants = nil
	short := one("short", "search")
	short.Trusted, short.RefreshToken.TTL = true, realm.Duration(time.Hour)
	person := func(name string, status user.Status) *user.User {
		return &user.User{Realm: realm.Default, Name: name, Password: dialecttest.Password(name + "pass"), Status: status}
	}
	wordPublic := one("wordpublic", "search")
	wordPublic.Trusted, wordPublic.Grants = true, append([]string{"public"}, grants...)
	set := deployment.ChangeSet{
		Realms: []*realm.Realm{{Name: realm.Default, AllScope: "all", Dialects: []realm.Dialect{{Name: kustvakt.Name}}}},
		Users:  []*user.User{person("dory", user.On), person("marlin", user.On), person("admin", user.On), person("offuser", user.Off), person("lockeduser", user.Locked)},
		Clients: []*client.Client{
			super, limited, plain, one(secondID, "search"), public, publicSuper, unset, off, locked, noGrants, short, wordPublic,
			one("a:b c%", "client_info"),
		},
	}
	for _, name := range []string{"all", "search", "match_info", "vc_info", "client_info", "preferred_username", "install_user_client", "uninstall_user_client"} {
		set.Scopes = append(set.Scopes, deployment.RealmScope{Realm: realm.Default, Scope: scope.Scope{Name: name}})
	}
	return set
}

func (h *house) post(path, auth string, pairs ...string) dialecttest.Answer {
	h.T.Helper()
	return h.Do(h.routes, dialecttest.Call{Path: path, Auth: auth, Body: form(pairs...)})
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// tokens is the answer to a grant, read.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"`
}

// get makes a call to the token endpoint that must succeed.
func (h *house) get(auth string, pairs ...string) tokens {
	h.T.Helper()
	got := h.post(tokenPath, auth, pairs...)
	var b tokens
	if err := json.Unmarshal([]byte(got.Body), &b); err != nil || got.Status != http.StatusOK {
		h.T.Fatalf("%q: %d %s", pairs, got.Status, got.Body)
	}
	return b
}

// login signs a user in at a trusted client.
func (h *house) login(name, id, secret string, pairs ...string) tokens {
	h.T.Helper()
	return h.get(basic(id, secret), append([]string{"grant_type", "password", "username", name, "password", name + "pass"}, pairs...)...)
}

// opens reports whether an access token is good.
func (h *house) opens(raw string) bool {
	_, err := h.Tokens.Verify(h.T.Context(), h.Realms.ByName(realm.Default), raw)
	return err == nil
}

// refreshes reports whether a refresh token is good; it does not use it.
func (h *house) refreshes(raw string) bool {
	_, err := h.Tokens.Present(h.T.Context(), h.Realms.ByName(realm.Default), raw)
	return err == nil
}
