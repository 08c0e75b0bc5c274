//go:build clients

package clients_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// An application is a client of the provider, for somebody in front of a browser.
type application struct {
	op       *provider
	ctx      context.Context
	provider *oidc.Provider
	config   oauth2.Config
	arrived  chan *http.Request
}

func applicationYAML(back string) string {
	return `realm: default
clients:
  - id: shop
    name: The Shop
    secret: shop-secret-1
    grants: [authorization_code, refresh_token]
    scopes: [openid, profile, email, offline_access, read]
    redirect_uris: ["` + back + `/callback"]
    openid: {post_logout_redirect_uris: ["` + back + `/bye"]}
` + peopleYAML
}

func newApplication(t *testing.T, flags ...string) *application {
	t.Helper()
	back, arrived := receive(t)
	op := provide(t, applicationYAML(back), flags...)
	ctx := oidc.ClientContext(t.Context(), op.client(t))
	p, err := oidc.NewProvider(ctx, op.url)
	if err != nil {
		t.Fatal(err)
	}
	return &application{op, ctx, p, oauth2.Config{
		ClientID: "shop", ClientSecret: "shop-secret-1", Endpoint: p.Endpoint(), RedirectURL: back + "/callback", Scopes: []string{oidc.ScopeOpenID},
	}, arrived}
}

// A proof is what an ID token says of how somebody signed in.
type proof struct {
	Subject string   `json:"sub"`
	ACR     string   `json:"acr"`
	AMR     []string `json:"amr"`
}

// redeem redeems the code with which the browser came back.
func (a *application) redeem(t *testing.T) (*oauth2.Token, proof) {
	t.Helper()
	r := next(t, a.arrived)
	token, err := a.config.Exchange(a.ctx, r.Form.Get("code"))
	if err != nil {
		t.Fatalf("%v: %v", r.Form, err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := a.provider.Verifier(&oidc.Config{ClientID: "shop"}).Verify(a.ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	var how proof
	if err := id.Claims(&how); err != nil {
		t.Fatal(err)
	}
	return token, how
}

func (a *application) url(parameters ...string) string {
	var options []oauth2.AuthCodeOption
	for i := 0; i+1 < len(parameters); i += 2 {
		options = append(options, oauth2.SetAuthURLParam(parameters[i], parameters[i+1]))
	}
	return a.config.AuthCodeURL("a state", options...)
}

// A passkey is made on the account page, is good alone, and is good where a client wants more than a password.
func TestPasskey(t *testing.T) {
	a := newApplication(t)
	p := sitDown(t, a.op)
	p.addAuthenticator()
	p.visit("/account")
	p.click(`a[href$="/account/passkey"]`)
	p.passkey()
	p.keepCodes()
	if got := p.count("#h-factors ~ ul.rows > li"); got != 1 {
		t.Fatalf("%d factors are shown\n%s", got, p.where())
	}

	p.signOut()
	p.open(a.url())
	p.passkey()
	p.carryOn()
	if _, how := a.redeem(t); how.Subject != "dory" || how.ACR != "phr" || slices.Contains(how.AMR, "pwd") {
		t.Errorf("by a passkey alone: %+v", how)
	}

	p.signOut()
	p.open(a.url())
	p.signIn()
	if got := p.path(); got != "/signin/second" {
		t.Fatalf("who has a passkey is not asked for it after the password: at %s", p.where())
	}
	p.passkey()
	p.carryOn()
	if _, how := a.redeem(t); how.Subject != "dory" || !slices.Contains(how.AMR, "pwd") || !slices.Contains(how.AMR, "mfa") {
		t.Errorf("by password and passkey: %+v", how)
	}
}

// One-time codes are set up because a client asks for two factors; a code is good once; recovery codes stand in for it.
func TestOneTimeCodes(t *testing.T) {
	a := newApplication(t)
	p := sitDown(t, a.op)
	p.visit(a.url())
	if _, how := a.redeem(t); how.ACR != "1" {
		t.Errorf("by password: %+v", how)
	}

	p.visit(a.url("acr_values", "2", "claims", `{"id_token":{"acr":{"essential":true,"value":"2"}}}`))
	if got := p.path(); got != "/signin/enrol" {
		t.Fatalf("nobody asks for a second factor, pages %q, at %s", p.seen, p.where())
	}
	p.totp = ask[string](p, `document.querySelector('.secret code').innerText`)
	p.fill("code", p.code())
	p.click(`form:has(input[name=code]) button`)
	codes := p.keepCodes()
	p.carryOn()
	if _, how := a.redeem(t); how.ACR != "2" || !slices.Contains(how.AMR, "otp") {
		t.Errorf("with a second factor: %+v", how)
	}
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes: %q", len(codes), codes)
	}

	p.signOut()
	p.open(a.url())
	p.signIn()
	p.fill("code", "000000")
	p.click(`form:has(#code) button.go`)
	if p.path() != "/signin/second" || !p.has(`#notice[role=alert]`) {
		t.Errorf("a wrong code: at %s", p.where())
	}
	p.carryOn()
	if _, how := a.redeem(t); how.ACR != "2" {
		t.Errorf("signed in again: %+v", how)
	}

	for i, want := range []string{"", "/signin/second"} { // the same recovery code twice
		p.signOut()
		p.open(a.url())
		p.signIn()
		p.do(chromedp.Click(chromedp.CSS("details > summary")))
		ask[string](p, `document.querySelector('#recovery').value = ''`)
		p.do(chromedp.SendKeys(chromedp.CSS("#recovery"), codes[3]))
		p.click(`form:has(#recovery) button`)
		if got := p.path(); got != want {
			t.Fatalf("recovery code, use %d: at %s", i+1, p.where())
		}
		if want == "" {
			a.redeem(t)
		}
	}
}

// On the account page one sees where one is signed in and what one agreed to, and ends both; what a client holds ends with it.
func TestAccountPage(t *testing.T) {
	a := newApplication(t)
	a.config.Scopes = []string{oidc.ScopeOpenID, "email", "read", oidc.ScopeOfflineAccess}
	here, there := sitDown(t, a.op), sitDown(t, a.op)
	here.visit(a.url("prompt", "consent"))
	token, _ := a.redeem(t)
	there.visit("/account")
	if got := there.count("#h-sessions ~ ul.rows > li"); got != 2 {
		t.Fatalf("%d sessions are shown\n%s", got, there.where())
	}
	if got := there.text(); !strings.Contains(got, "The Shop") || !strings.Contains(got, "Read your orders") {
		t.Errorf("the consent is not shown:\n%s", got)
	}

	there.click(`form[action$="/account/consent"] button`)
	there.carryOn()
	if _, err := a.provider.UserInfo(a.ctx, oauth2.StaticTokenSource(token)); err == nil {
		t.Error("the consent is gone, and the access token is good")
	}
	token.Expiry = time.Now().Add(-time.Minute)
	if _, err := a.config.TokenSource(a.ctx, token).Token(); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("the consent is gone, and the refresh token: %v", err)
	}

	there.click(`form[action$="/account/session"] button[value=end]`)
	if got := there.count("#h-sessions ~ ul.rows > li"); got != 1 {
		t.Errorf("%d sessions are shown\n%s", got, there.where())
	}
	here.open("/account")
	if got := here.path(); got != "/signin" {
		t.Errorf("the session was ended elsewhere, and is alive: at %s", here.where())
	}

	there.click(`a[href$="/account/password"]`)
	there.fill("old", there.password, "new", "correct horse battery", "again", "correct horse battery")
	there.click(`form:has(input[name=new]) button.go`)
	here.password = "correct horse battery"
	here.carryOn()
	if got := here.path(); got != "/account" {
		t.Errorf("the new password is not taken: at %s", here.where())
	}
}

// keepCodes reads recovery codes, which are shown once, and goes on.
func (p *person) keepCodes() []string {
	p.t.Helper()
	if !p.has("ul.codes") {
		p.t.Fatalf("no recovery codes are shown at %s", p.where())
	}
	codes := ask[[]string](p, `[...document.querySelectorAll('ul.codes code')].map(c => c.innerText)`)
	p.click(`main .go`)
	return codes
}

func (p *person) count(selector string) int {
	p.t.Helper()
	return ask[int](p, "document.querySelectorAll('"+selector+"').length")
}

// signOut signs out on the account page.
func (p *person) signOut() {
	p.t.Helper()
	p.open("/account")
	p.click(`form[action$="/account/signout"] button`)
}
