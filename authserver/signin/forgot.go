package signin

import (
	"net/http"
	"strings"

	"sallyport/authorize"
	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/user"
)

// resets reports whether a realm has a way for forgotten passwords.
func resets(v *steps.Visit) bool {
	return v.Realm.SignIn.Reset && v.Realm.SignIn.Allows(realm.ByPassword) && v.Mail != nil
}

// forgot mails a link to who has forgotten the password. The answer is the same for everybody, and so is its time.
func forgot(v *steps.Visit) error {
	if !resets(v) {
		return v.Missing()
	}
	if v.Params.Get("flow") != "" { // to find back; a sign-in that is over is no hindrance
		if err := v.Resume(); err != nil && oauth.ReasonOf(err) != oauth.FlowGone {
			return err
		}
	}
	view, status := pages.ForgotPassword{Frame: v.Frame()}, http.StatusOK
	if v.Posted() {
		if typed := strings.TrimSpace(v.Params.Get("username")); typed != "" {
			v.SendReset(typed)
			view.Sent = true
		} else {
			status = steps.Wrong(pages.NoticeEmpty).In(&view.Frame)
		}
	}
	return v.Show(status, view)
}

// newPassword takes the new password of whoever has followed the link.
func newPassword(v *steps.Visit) error {
	if !resets(v) {
		return v.Missing()
	}
	l, err := v.Followed(steps.ResetLink, false)
	if err != nil {
		return err
	}
	u, err := v.Users.Get(v.Context(), v.Realm.Name, l.User)
	if err != nil {
		return err
	}
	if u == nil || steps.MayNot(u) != "" || !l.Of(u) {
		return oauth.Fail(oauth.MailLinkGone, "")
	}
	if !v.Posted() {
		return askNew(v, u, steps.Trouble{})
	}
	if n := v.Poor(u); n != "" {
		return askNew(v, u, steps.Wrong(n)) // the link is still good
	}
	return reset(v, u)
}

func askNew(v *steps.Visit, u *user.User, t steps.Trouble) error {
	view := pages.NewPassword{Frame: v.Frame(), User: u.Name, Ticket: v.Params.Get("ticket")}
	return v.Show(t.In(&view.Frame), view)
}

// reset sets the new password. Whoever knew the old one loses everything that was got by it: sessions and grants end. The
// second factor stays: a mailbox is not enough to sign in to an account that has one.
func reset(v *steps.Visit, u *user.User) error {
	l, err := v.Followed(steps.ResetLink, true)
	if err != nil {
		return err
	}
	_, err = v.SetPassword(l.User, v.Params.Get("new"), func(u *user.User) error {
		if steps.MayNot(u) != "" || !l.Of(u) {
			return oauth.Fail(oauth.MailLinkGone, "")
		}
		u.EmailVerified = true // the link was read there
		return nil
	}, "password set by a mailed link")
	if err != nil {
		return err
	}
	if _, err := v.Logout.EndAll(v.Context(), v.Realm, l.User, ""); err != nil {
		return err
	}
	if err := v.Tokens.EndGrants(v.Context(), v.Realm, "", l.User); err != nil {
		return err
	}
	if err := v.Begin(false); err != nil {
		return err
	}
	if err := v.Note(func(f *authorize.Flow) { f.Another = true }); err != nil { // whoever else is signed in here
		return err
	}
	return ask(v, u.Name, steps.Trouble{Notice: pages.NoticeChanged})
}
