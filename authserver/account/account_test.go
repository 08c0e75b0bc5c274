package account_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/audit"
	"sallyport/authserver/account"
	"sallyport/authserver/stepstest"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/token"
	"sallyport/user"
)

const better = "a horse that corrects staples"

// home signs dory in for the account page.
func (h *house) home(agent string) *stepstest.Browser {
	h.T.Helper()
	b := h.Browser()
	b.Header.Set("User-Agent", agent)
	password(b.Get("/account"), "dory")
	if !b.At("/account") || b.Status != 200 {
		h.T.Fatalf("%s %d\n%s", b.URL, b.Status, b.Text)
	}
	return b
}

func (h *house) sessions(name string) []*session.Session {
	h.T.Helper()
	list, err := h.Sessions.List(h.T.Context(), realm.Default, name)
	if err != nil {
		h.T.Fatal(err)
	}
	return list
}

func TestHome(t *testing.T) {
	h := open(t)
	b := h.home("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	agree(b.Get(ask("scope", "openid read"))).Code()
	if b.Get("/account"); !b.At("/account") || b.Status != 200 {
		t.Fatalf("%s %d", b.URL, b.Status)
	}
	for _, want := range []string{"Dear dory", "Dory@example.org", "Firefox · Linux", "192.0.2.1", "The app", "Read your orders", "app.example.com"} {
		if !strings.Contains(b.Text, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, leak := range []string{b.Cookie("session"), h.User("dory").Password, "marlin"} {
		if strings.Contains(b.Text, leak) {
			t.Errorf("the page tells %q", leak)
		}
	}
	if b.Get("/account?notice=wrong"); b.Notice != "" {
		t.Errorf("the address has the page say %q", b.Notice)
	}
}

// What is done on the page is done by forms of the page, by whoever is signed in.
func TestEveryFormIsGuarded(t *testing.T) {
	h := open(t)
	b := h.home("x")
	agree(b.Get(ask())).Code()
	for path := range account.New(account.Config{Pages: h.Pages}).Routes() {
		for _, site := range []string{"cross-site", "same-site", ""} {
			form := url.Values{"action": {"end_others"}, "client": {"app"}, "old": {secretly + "dory"}, "new": {better}, "again": {better}}
			if b.PostFrom(site, path, form); b.Status != http.StatusForbidden {
				t.Errorf("%s from %q: %d", path, site, b.Status)
			}
		}
		stranger := h.Browser()
		for _, try := range []func(){func() { stranger.Get(path) }, func() { stranger.Post(path, url.Values{"client": {"app"}}) }} {
			if try(); !stranger.At("/signin") {
				t.Errorf("%s to a stranger: %s", path, stranger.URL)
			}
		}
	}
	if len(h.sessions("dory")) != 1 || h.User("dory").Password != user.Digest(secretly+"dory") {
		t.Error("something was done")
	}
}

func TestEndingSessions(t *testing.T) {
	h := open(t)
	mine, other, third := h.home("mine"), h.home("other"), h.home("third")
	stranger := agree(password(h.Browser().Get(ask()), "marlin"))
	stranger.Code()
	theirs := h.sessions("marlin")[0].ID
	mine.Get("/account")
	f := mine.FormTo("/account/session")
	if mine.Post("/account/session", url.Values{"action": {"end"}, "session": {theirs}}); len(h.sessions("marlin")) != 1 {
		t.Fatal("somebody else's session was ended")
	}
	ended := f.Fields.Get("session")
	if mine.Fill(f, "action", "end"); !strings.HasPrefix(mine.Notice, "That sign-in is ended") || len(h.sessions("dory")) != 2 {
		t.Fatalf("%q, %d sessions", mine.Notice, len(h.sessions("dory")))
	}
	for _, s := range h.sessions("dory") {
		if s.ID == ended {
			t.Error("another one was ended")
		}
	}
	mine.Post("/account/session", url.Values{"action": {"end_others"}})
	if list := h.sessions("dory"); len(list) != 1 {
		t.Fatalf("%d sessions", len(list))
	}
	for name, b := range map[string]*stepstest.Browser{"other": other, "third": third} {
		if b.Get("/account"); !b.At("/signin") {
			t.Errorf("%s is still in", name)
		}
	}
	if mine.Get("/account"); !mine.At("/account") {
		t.Errorf("%s", mine.URL)
	}
	if mine.Post("/account/signout", nil); mine.Cookie("session") != "" || len(h.sessions("dory")) != 0 || mine.Status != 200 {
		t.Errorf("%s %d", mine.URL, mine.Status)
	}
}

// Signing out one account of a browser leaves the others.
func TestSignOutOfOneAccount(t *testing.T) {
	h := open(t)
	b := h.home("x")
	h.Clock.Advance(time.Second)
	b.Get(ask("prompt", "select_account")).Submit("session", "another")
	agree(password(b, "marlin")).Code()
	b.Post("/account/signout", nil)
	if len(h.sessions("marlin")) != 0 || len(h.sessions("dory")) != 1 {
		t.Fatal("the wrong account was signed out")
	}
	if b.Get("/account"); !b.At("/account") || !strings.Contains(b.Text, "Dear dory") {
		t.Errorf("%s", b.URL)
	}
}

func TestTakingBackConsent(t *testing.T) {
	h := open(t)
	b := h.home("x")
	agree(b.Get(ask())).Code()
	b.Get("/account")
	if b.Post("/account/consent", url.Values{"client": {"nobody"}}); b.Notice != "" {
		t.Errorf("%q", b.Notice)
	}
	if b.Get("/account").Fill(b.FormTo("/account/consent")); !strings.HasPrefix(b.Notice, "That application has no access") {
		t.Fatalf("%s %q", b.URL, b.Notice)
	}
	if b.Get(ask()); !b.At("/signin/consent") {
		t.Errorf("%s", b.URL)
	}
}

func (h *house) client(id string) *client.Client {
	h.T.Helper()
	c, err := h.Clients.Get(h.T.Context(), realm.Default, id)
	if err != nil || c == nil {
		h.T.Fatal(c, err)
	}
	return c
}

func TestChangingThePassword(t *testing.T) {
	h := open(t)
	b, thief := h.home("mine"), h.home("thief")
	held := h.Redeem(agree(thief.Get(ask("scope", "openid offline_access", "prompt", "consent"))).Code())
	rl, c, u := h.Realms.ByName(realm.Default), h.client(held.Client), h.User("dory")
	tokens, err := h.Tokens.Issue(t.Context(), token.Authorization{
		Realm: rl, Client: c, User: u, Grant: "authorization_code", Scope: held.Scope, WithRefresh: true, SignIn: held.SignIn, Family: held.Family,
	})
	if err != nil || tokens.RefreshToken == "" {
		t.Fatal(tokens, err)
	}
	h.Clock.Advance(time.Second)
	b.Get("/account/password")
	for _, tt := range []struct{ old, fresh, again, notice string }{
		{"", better, better, "A field was left empty"}, {secretly + "dory", "", "", "A field was left empty"},
		{"guess", better, better, "The current password is wrong"}, {secretly + "dory", "12345678", "12345678", "That password is too short"},
		{secretly + "dory", better, "other", "The two new passwords differ"},
	} {
		if b.Submit("old", tt.old, "new", tt.fresh, "again", tt.again); !strings.HasPrefix(b.Notice, tt.notice) {
			t.Errorf("%q %q: %q", tt.old, tt.fresh, b.Notice)
		}
	}
	if b.Submit("old", secretly+"dory", "new", better, "again", better); !strings.HasPrefix(b.Notice, "Your password is changed") {
		t.Fatalf("%s %q", b.URL, b.Notice)
	}
	if thief.Get("/account"); !thief.At("/signin") {
		t.Error("whoever knew the old password is still in")
	}
	if _, err := h.Tokens.Verify(t.Context(), rl, tokens.AccessToken); oauth.ReasonOf(err) != oauth.TokenRevoked {
		t.Errorf("an access token that was got by the old password: %v", err)
	}
	if _, err := h.Tokens.Present(t.Context(), rl, tokens.RefreshToken); oauth.ReasonOf(err) != oauth.RefreshRevoked {
		t.Errorf("a refresh token that was got by the old password: %v", err)
	}
	if b.Get("/account"); !b.At("/account") {
		t.Errorf("the user is out too: %s", b.URL)
	}
	if ok, _, err := h.Hasher.Verify(t.Context(), h.User("dory").Password, better); !ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	b.Get("/account/password")
	for range 4 {
		b.Submit("old", "guess", "new", better+"!", "again", better+"!")
	}
	if b.Submit("old", better, "new", better+"!", "again", better+"!"); b.Status != http.StatusTooManyRequests {
		t.Errorf("guesses are not slowed down: %d", b.Status)
	}
}

// Class 12: what changes by what a user signs in takes a fresh sign-in, with the second factor.
func TestFreshness(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/account/password", "/account/passkey", "/account/totp", "/account/factor", "/account/recovery"} {
		b := h.home("x")
		h.Clock.Advance(16 * time.Minute)
		for _, try := range []func(){func() { b.Get(path) }, func() { b.Post(path, url.Values{"factor": {"x"}, "action": {"remove"}}) }} {
			if try(); !b.At("/signin") || !strings.HasPrefix(b.Notice, "This needs a fresh sign-in") {
				t.Errorf("%s: %s %q", path, b.URL, b.Notice)
			}
		}
		if password(b, "dory"); !b.At("/account") {
			t.Errorf("%s: %s", path, b.URL)
		}
	}
	b := h.home("x")
	secret := h.totp("dory") // by another browser
	if b.Get("/account/totp"); !b.At("/signin") {
		t.Fatalf("a session without the second factor: %s", b.URL)
	}
	if password(b, "dory"); !b.At("/signin/second") {
		t.Fatalf("%s", b.URL)
	}
	if b.Submit("code", h.code(secret)).Get("/account/totp"); !b.At("/account/totp") {
		t.Errorf("%s", b.URL)
	}
}

func shown(b *stepstest.Browser) string {
	_, rest, _ := strings.Cut(b.Text, `class="secret"><code>`)
	secret, _, _ := strings.Cut(rest, "<")
	return secret
}

func TestFactors(t *testing.T) {
	h := open(t)
	b := h.home("x")
	before := b.Cookie("session")
	b.Get("/account/totp")
	secret := shown(b)
	if b.Submit("code", "000000"); shown(b) != secret || !strings.HasPrefix(b.Notice, "That code is wrong") {
		t.Fatalf("%q", b.Notice)
	}
	if b.Submit("code", h.code(secret), "name", "My phone"); strings.Count(b.Text, "<li><code>") != 10 {
		t.Fatalf("%s\n%s", b.URL, b.Text)
	}
	if after := b.Cookie("session"); after == before || len(h.sessions("dory")) != 1 {
		t.Error("the session's secret is the same after its user proved more")
	}
	if s := h.sessions("dory")[0]; s.ACR != realm.ACRTwo || cmp.Diff([]string{"pwd", "otp", "mfa"}, s.AMR) != "" {
		t.Errorf("%+v", s)
	}
	key := h.Authenticator(true)
	f := b.Get("/account/passkey").Form("response")
	if b.Fill(f, "response", key.Create(f.Data)); !b.At("/account") || !strings.HasPrefix(b.Notice, "It is set up") || !strings.Contains(b.Text, "My phone") {
		t.Fatalf("%s %q", b.URL, b.Notice)
	}
	if b.Fill(b.FormTo("/account/recovery")); strings.Count(b.Text, "<li><code>") != 10 {
		t.Errorf("%s", b.Text)
	}
	list, err := h.Factors.List(t.Context(), realm.Default, "dory")
	if err != nil || len(list) != 2 {
		t.Fatalf("%v %v", list, err)
	}
	b.Post("/account/factor", url.Values{"factor": {list[0].ID}, "action": {"rename"}, "name": {"Old phone"}})
	if !strings.Contains(b.Text, "Old phone") {
		t.Errorf("%s", b.Text)
	}
	for _, f := range list {
		if b.Post("/account/factor", url.Values{"factor": {f.ID}, "action": {"remove"}}); !strings.HasPrefix(b.Notice, "It is removed") {
			t.Errorf("%s: %s %q", f.Kind, b.URL, b.Notice)
		}
	}
	if has := h.Has("dory"); has.TOTP || has.Passkey || has.Recovery {
		t.Errorf("%+v", has)
	}
	if n := h.Audit.Count(audit.FactorChanged, ""); n != 6 {
		t.Errorf("%d events", n)
	}
}

func TestFactorsOfOthers(t *testing.T) {
	h := open(t)
	h.totp("marlin")
	list, err := h.Factors.List(t.Context(), realm.Default, "marlin")
	if err != nil || len(list) != 1 {
		t.Fatal(err)
	}
	b := h.home("x")
	for _, action := range []string{"remove", "rename"} {
		b.Post("/account/factor", url.Values{"factor": {list[0].ID}, "action": {action}, "name": {"mine"}})
	}
	after, err := h.Factors.List(t.Context(), realm.Default, "marlin")
	if err != nil || len(after) != 1 || after[0].Name != list[0].Name {
		t.Errorf("%+v %v", after, err)
	}
}

// Nobody locks himself out.
func TestTheOnlyPasskeyStays(t *testing.T) {
	h := open(t)
	b := h.home("x")
	key := h.Authenticator(true)
	f := b.Get("/account/passkey").Form("response")
	b.Fill(f, "response", key.Create(f.Data))
	if _, err := h.Store.UpdateUser(t.Context(), realm.Default, "dory", func(u *user.User) error { u.Password = ""; return nil }); err != nil {
		t.Fatal(err)
	}
	list, err := h.Factors.List(t.Context(), realm.Default, "dory")
	if err != nil {
		t.Fatal(err)
	}
	if b.Post("/account/factor", url.Values{"factor": {list[0].ID}, "action": {"remove"}}); b.Status != http.StatusBadRequest || !h.Has("dory").Passkey {
		t.Errorf("%s %d", b.URL, b.Status)
	}
	if b.Get("/account/password"); b.Status != http.StatusNotFound {
		t.Errorf("a password that is not there: %d", b.Status)
	}
}

func TestVerifyLink(t *testing.T) {
	h := open(t)
	b := h.home("x")
	if b.Fill(b.FormTo("/account/verify")); !strings.HasPrefix(b.Notice, "A mail is on its way") {
		t.Fatalf("%q", b.Notice)
	}
	h.face.Wait()
	mails := h.Mail.All()
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	if b.Get(stepstest.Link(mails[0])).Submit("ticket"); !h.User("dory").EmailVerified || b.Status != 200 {
		t.Errorf("%s", b.URL)
	}
	if b.Get("/account"); b.FormTo("/account/verify") != nil {
		t.Error("it is verified, and the page asks for it")
	}
}
