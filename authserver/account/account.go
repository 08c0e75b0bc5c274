// Package account is the page on which people see and end what is open in their name: where they are signed in, which
// applications may do what, by what they prove who they are, and the password.
//
//	/account ── nobody signed in ─▶ /authorize (a sign-in that no application asks for) ─▶ /account
//	   │
//	   └─ password and factors ── the sign-in is older than 15 minutes, or lacks the second factor ─▶ the same, afresh
//
// It refuses to change a password or a factor in a session that merely lies around, and forms that another site's page sends.
// It changes nobody's name, address or rights: those are the administrator's.
package account

import (
	"net/http"
	"time"

	"sallyport/authorize"
	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/user"
	"sallyport/web"
)

// Config is what the page works with.
type Config = steps.Config

// A Face serves the page of every realm.
type Face struct{ *steps.Desk }

// New returns the page.
func New(c Config) *Face { return &Face{steps.NewDesk(c)} }

// Paths of the page and its forms below a realm's root.
const (
	homePath     = "/account"
	passwordPath = "/account/password"
	sessionPath  = "/account/session"
	consentPath  = "/account/consent"
	passkeyPath  = "/account/passkey"
	totpPath     = "/account/totp"
	factorPath   = "/account/factor"
	recoveryPath = "/account/recovery"
	signOutPath  = "/account/signout"
	verifyPath   = "/account/verify"
)

// Routes returns the page and its forms by their paths below a realm's root. The realm is in the request's context.
func (f *Face) Routes() web.Routes {
	return web.Routes{
		homePath:     f.own(home),
		passwordPath: f.fresh(password),
		sessionPath:  f.own(sessions),
		consentPath:  f.own(consents),
		passkeyPath:  f.fresh(addPasskey),
		totpPath:     f.fresh(addTOTP),
		factorPath:   f.fresh(factors),
		recoveryPath: f.fresh(recovery),
		signOutPath:  f.own(signOut),
		verifyPath:   f.own(verify),
	}
}

// freshEnough is how old a sign-in may be that changes by what its user signs in.
const freshEnough = 15 * time.Minute

// An Owner is whose page it is.
type Owner struct {
	*steps.Visit
	User    *user.User
	Session *session.Session
}

// own serves whoever is signed in, and has everybody else sign in first.
func (f *Face) own(serve func(*Owner) error) http.Handler {
	return f.Handler(func(v *steps.Visit) error {
		s, err := v.Current()
		if err != nil {
			return err
		}
		if s == nil {
			return v.SignIn(false)
		}
		u, err := v.Users.Get(v.Context(), v.Realm.Name, s.User)
		if err != nil {
			return err
		}
		if u == nil {
			return oauth.Fail(oauth.SessionGone, "")
		}
		return serve(&Owner{v, u, s})
	})
}

// fresh is own for what only somebody may do who has just proved who it is, with the second factor if there is one.
func (f *Face) fresh(serve func(*Owner) error) http.Handler {
	return f.own(func(o *Owner) error {
		has, err := o.Factors.Summary(o.Context(), o.Realm.Name, o.User.Name)
		if err != nil {
			return err
		}
		half := (has.TOTP || has.Passkey) && !authorize.Enough(o.Session.ACR, realm.ACRTwo)
		if half || o.Now().Sub(o.Session.AuthTime) > freshEnough {
			return o.SignIn(true)
		}
		return serve(o)
	})
}

// home shows the page again, with word of what has happened.
func (o *Owner) home(n pages.Notice) error {
	to := pages.Root(o.Realm) + homePath
	if n != "" {
		to += "?notice=" + string(n)
	}
	return o.Go(to)
}
