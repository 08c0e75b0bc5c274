//go:build clients

package clients_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// golang.org/x/oauth2 and github.com/coreos/go-oidc, as a web application in Go has them.
func TestGo(t *testing.T) {
	back, arrived := receive(t)
	op := provide(t, `realm: default
clients:
  - {id: shop, name: The Shop, secret: shop-secret-1, grants: [authorization_code, refresh_token], scopes: [openid, profile, email, offline_access, read], redirect_uris: ["`+back+`/callback"]}
`+peopleYAML)
	ctx := oidc.ClientContext(t.Context(), op.client(t))
	provider, err := oidc.NewProvider(ctx, op.url)
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{
		ClientID: "shop", ClientSecret: "shop-secret-1", Endpoint: provider.Endpoint(), RedirectURL: back + "/callback",
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", "read", oidc.ScopeOfflineAccess},
	}
	p := sitDown(t, op)
	verifier := oauth2.GenerateVerifier()
	p.visit(config.AuthCodeURL("a state", oidc.Nonce("a nonce"), oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "consent")))
	if want := []string{"/signin", "/signin/consent"}; !slices.Equal(p.seen, want) {
		t.Errorf("the pages were %q, want %q", p.seen, want)
	}
	r := next(t, arrived)
	if r.Form.Get("state") != "a state" || r.Form.Get("iss") != op.url {
		t.Fatalf("the answer is %v", r.Form)
	}
	_, err = config.Exchange(ctx, r.Form.Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier()))
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("with another verifier: %v", err)
	}
	first, err := config.Exchange(ctx, r.Form.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	checkGo(ctx, t, provider, first, "a nonce")
	old := *first
	old.Expiry = time.Now().Add(-time.Minute)
	second, err := config.TokenSource(ctx, &old).Token()
	if err != nil {
		t.Fatal(err)
	}
	if second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken {
		t.Error("refreshed, and the tokens are the same")
	}
	checkGo(ctx, t, provider, second, "")
	p.visit(config.AuthCodeURL("again", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "none")))
	if r := next(t, arrived); r.Form.Get("code") == "" || len(p.seen) != 0 {
		t.Errorf("prompt=none: %v, pages %q", r.Form, p.seen)
	}
}

func checkGo(ctx context.Context, t *testing.T, provider *oidc.Provider, token *oauth2.Token, nonce string) {
	t.Helper()
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: "shop"}).Verify(ctx, raw)
	if err != nil {
		t.Fatalf("the ID token: %v", err)
	}
	if id.Nonce != nonce {
		t.Errorf("the nonce is %q, want %q", id.Nonce, nonce)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Errorf("at_hash: %v", err)
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		t.Fatal(err)
	}
	var about struct {
		Given string `json:"given_name"`
	}
	if err := info.Claims(&about); err != nil || info.Subject != id.Subject || info.Email != "dory@example.org" || !info.EmailVerified || about.Given != "Dory" {
		t.Errorf("UserInfo: %+v, %+v, %v", info, about, err)
	}
}

// next is what has arrived at the client.
func next(t *testing.T, arrived chan *http.Request) *http.Request {
	t.Helper()
	select {
	case r := <-arrived:
		return r
	case <-time.After(20 * time.Second):
		t.Fatal("nothing arrived at the client")
		return nil
	}
}
