package account

import (
	"net/http"
	"slices"

	"sallyport/authserver/pages"
	"sallyport/consent"
	"sallyport/session"
)

// sessions ends one of the user's sessions, or all but this one. The clients that took part are told.
func sessions(o *Owner) error {
	if !o.Posted() {
		return o.home("")
	}
	if o.Params.Get("action") == "end_others" {
		if _, err := o.Logout.EndAll(o.Context(), o.Realm, o.User.Name, o.Session.ID); err != nil {
			return err
		}
		return o.home(pages.NoticeSessionEnded)
	}
	id := o.Params.Get("session")
	list, err := o.Sessions.List(o.Context(), o.Realm.Name, o.User.Name)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(s *session.Session) bool { return s.ID == id }) { // ended already, or somebody else's
		return o.home("")
	}
	if _, err := o.Logout.End(o.Context(), o.Realm, id); err != nil {
		return err
	}
	if id == o.Session.ID {
		if err := o.Leave(id); err != nil {
			return err
		}
	}
	return o.home(pages.NoticeSessionEnded)
}

// signOut ends this session. The clients with a front channel are told by this very browser.
func signOut(o *Owner) error {
	if !o.Posted() {
		return o.home("")
	}
	ended, err := o.Logout.End(o.Context(), o.Realm, o.Session.ID)
	if err != nil {
		return err
	}
	if err := o.Leave(o.Session.ID); err != nil {
		return err
	}
	return o.Show(http.StatusOK, pages.SignedOut{Frame: o.Frame(), Frames: ended.Frames})
}

// consents takes back what a client was let do. Its tokens end at once.
func consents(o *Owner) error {
	if !o.Posted() {
		return o.home("")
	}
	id := o.Params.Get("client")
	list, err := o.Consents.List(o.Context(), o.Realm.Name, o.User.Name)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(c *consent.Consent) bool { return c.Client == id }) {
		return o.home("")
	}
	if err := o.Consents.End(o.Context(), o.Realm, o.User.Name, id); err != nil {
		return err
	}
	return o.home(pages.NoticeConsentEnded)
}

// verify mails the user a link that proves the e-mail address.
func verify(o *Owner) error {
	if !o.Posted() || o.User.Email == "" || o.User.EmailVerified || o.Mail == nil {
		return o.home("")
	}
	o.SendVerify(o.User, true)
	return o.home(pages.NoticeMailSent)
}
