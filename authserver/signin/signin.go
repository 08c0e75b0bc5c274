// Package signin is the pages on which people prove who they are and say what an application may do: name and password or a
// passkey, second factor, setting one up, choice of account, e-mail address, consent, and the way for forgotten passwords.
//
//	/authorize ─▶ /signin ─▶ /authorize ─▶ /signin/second ─▶ /authorize ─▶ … ─▶ the application
//
// No page leads to another: each notes what happened (package steps) and goes back to the authorization endpoint, which
// decides. What is noted is true in any order, so an address that is called out of turn gains nothing.
//
// It refuses guesses faster than package throttle lets them through, the second factor after five wrong answers in one
// sign-in, and to say whether there is a user before the right password was given.
package signin

import (
	"net/http"

	"sallyport/authserver/steps"
	"sallyport/web"
)

// Config is what the pages work with.
type Config = steps.Config

// A Face serves the pages of every realm.
type Face struct{ *steps.Desk }

// New returns the pages.
func New(c Config) *Face { return &Face{steps.NewDesk(c)} }

// Paths of the pages below a realm's root.
const (
	signInPath   = "/signin"
	secondPath   = "/signin/second"
	enrolPath    = "/signin/enrol"
	consentPath  = "/signin/consent"
	accountsPath = "/signin/accounts"
	forgotPath   = "/signin/forgot"
	passwordPath = "/signin/password"
	verifyPath   = "/signin/verify"
	recoveryPath = "/signin/recovery"
	assetsPath   = "/signin/assets"
)

// Routes returns the pages by their paths below a realm's root. The realm is in the request's context.
func (f *Face) Routes() web.Routes {
	return web.Routes{
		signInPath:   f.Handler(signIn),
		secondPath:   f.Handler(second),
		enrolPath:    f.Handler(enrol),
		consentPath:  f.Handler(agree),
		accountsPath: f.Handler(accounts),
		forgotPath:   f.Handler(forgot),
		passwordPath: f.Handler(newPassword),
		verifyPath:   f.Handler(verify),
		recoveryPath: f.Handler(recovery),
		assetsPath:   http.HandlerFunc(f.Pages.Asset),
	}
}

// recovery goes on after recovery codes were shown.
func recovery(v *steps.Visit) error {
	if err := v.Resume(); err != nil {
		return err
	}
	return v.Back()
}

// denied reports whether somebody pressed the button that gives up.
func denied(v *steps.Visit) bool { return v.Posted() && v.Params.Get("decision") == "deny" }
