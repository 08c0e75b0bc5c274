package signin_test

import (
	"context"
	"strings"
	"testing"

	"sallyport/authserver/account"
	"sallyport/authserver/signin"
	"sallyport/authserver/steps"
	"sallyport/authserver/stepstest"
	"sallyport/realm"
	"sallyport/user"
	"sallyport/web"
)

// Classes 11 and 12: what somebody proved by a password is worth nothing once that is another one. Whoever knew it and waits on
// a page must not set up a factor of his own afterwards, nor be signed in by one.
func TestUnfinishedSignInEndsWithThePassword(t *testing.T) {
	for name, renew := range map[string]func(h *house){
		"by a mailed link": func(h *house) {
			b := h.Browser()
			b.Get(h.forgotten(h.Browser(), "dory")).Submit("new", better, "again", better)
		},
		"by an administrator": func(h *house) {
			if _, err := h.Store.UpdateUser(t.Context(), realm.Default, "dory", func(u *user.User) error {
				u.Password = user.Digest(better)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		h := open(t, two)
		thief := password(h.Browser().Get(ask()), "dory")
		if !thief.At("/signin/enrol") {
			t.Fatal(thief.URL)
		}
		secret := shown(thief)
		renew(h)
		flow := thief.Form("flow").Fields.Get("flow")
		thief.Submit("code", h.code(secret))
		if thief.Cookie("session") != "" || h.Has("dory").TOTP {
			t.Errorf("%s: the old password still sets up a factor, session %q", name, thief.Cookie("session"))
		}
		if thief.Get("/authorize?flow=" + flow); !thief.At("/signin") {
			t.Errorf("%s: %s", name, thief.URL)
		}
		if thief.Submit("username", "dory", "password", better); !thief.At("/signin/enrol") { // the flow itself is good
			t.Errorf("%s: the new password: %s %q", name, thief.URL, thief.Notice)
		}
	}
}

// hasty does something after a password was found to be right and before anything comes of it.
type hasty struct {
	steps.Authenticator
	then func()
}

func (a *hasty) Authenticate(ctx context.Context, in, name, password string) (*user.User, error) {
	u, err := a.Authenticator.Authenticate(ctx, in, name, password)
	if then := a.then; then != nil && err == nil {
		a.then = nil
		then()
	}
	return u, err
}

// Class 4: a sign-in that is under way while the password changes is not the one session that stays.
func TestSignInRacesWithANewPassword(t *testing.T) {
	race := &hasty{}
	h := &house{}
	h.House = stepstest.New(t, stepstest.Setup{
		Open: openStore, Authorize: endpoint, Start: stepstest.Founding(&realm.Realm{Name: realm.Default, SignIn: realm.SignIn{Reset: true}}),
		Pages: func(c steps.Config) []web.Routes {
			race.Authenticator, c.Auth = c.Auth, race
			h.face = signin.New(c)
			return []web.Routes{h.face.Routes(), account.New(c).Routes()}
		},
	})
	link := h.forgotten(h.Browser(), "dory")
	race.then = func() { h.Browser().Get(link).Submit("new", better, "again", better) }
	thief := password(h.Browser().Get(ask()), "dory")
	list, err := h.Sessions.List(t.Context(), realm.Default, "dory")
	if err != nil || len(list) != 0 || thief.Cookie("session") != "" {
		t.Errorf("%s, sessions %v %v", thief.URL, list, err)
	}
	if b := h.Browser().Get(ask()).Submit("username", "dory", "password", better); b.Cookie("session") == "" {
		t.Errorf("the new password: %s %q", b.URL, b.Notice)
	}
}

// The same where there is a second factor already: the code alone, without the password of today, is not enough.
func TestCodeAfterAnotherPassword(t *testing.T) {
	h := open(t)
	secret := h.totp("dory")
	b := password(h.Browser().Get(ask()), "dory")
	h.Browser().Get(h.forgotten(h.Browser(), "dory")).Submit("new", better, "again", better)
	if b.Submit("code", h.code(secret)); b.Cookie("session") != "" || !b.At("/signin") {
		t.Errorf("%s %q", b.URL, b.Cookie("session"))
	}
}

// Class 11: a session that is being lifted and ends meanwhile, elsewhere, does not come back by that.
func TestEndedSessionIsNotLifted(t *testing.T) {
	h := open(t)
	thief := agree(password(h.Browser().Get(ask()), "dory"))
	thief.Get(ask("acr_values", "2", "claims", `{"id_token":{"acr":{"essential":true,"values":["2"]}}}`))
	if !thief.At("/signin/enrol") {
		t.Fatal(thief.URL)
	}
	secret, flow := shown(thief), thief.Form("flow").Fields.Get("flow")
	dory := agree(password(h.Browser().Get(ask()), "dory"))
	dory.Get("/account")
	dory.Fill(dory.FormTo("/account/session"), "action", "end_others")
	if list, err := h.Sessions.List(t.Context(), realm.Default, "dory"); err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	thief.Submit("code", h.code(secret))
	if list, _ := h.Sessions.List(t.Context(), realm.Default, "dory"); len(list) != 1 || h.Has("dory").TOTP {
		t.Errorf("%d sessions, factors %+v", len(list), h.Has("dory"))
	}
	if thief.Get("/authorize?flow=" + flow); !thief.At("/signin") || strings.Contains(thief.Text, "dory") {
		t.Errorf("%s", thief.URL)
	}
	// Nor does the session of somebody else who signs in there finish what was begun for the first.
	if password(thief, "marlin"); !thief.At("/signin/enrol") {
		t.Fatalf("%s %q", thief.URL, thief.Notice)
	}
	if h.Has("dory").TOTP {
		t.Error("dory has an authenticator")
	}
}
