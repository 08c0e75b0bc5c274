package signin

import (
	"errors"
	"net/http"
	"strings"

	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/oauth"
	"sallyport/user"
)

// verify has a user prove to have an e-mail address: the page of the sign-in that waits for it, and that of the mailed link.
func verify(v *steps.Visit) error {
	if v.Params.Get("ticket") != "" {
		return follow(v)
	}
	if err := v.Resume(); err != nil {
		return err
	}
	if denied(v) {
		return v.Deny()
	}
	u, err := whose(v)
	if err != nil {
		return err
	}
	if u == nil || u.Email == "" || u.EmailVerified {
		return v.Back()
	}
	if v.Mail == nil {
		return oauth.Because(oauth.Unavailable, errors.New("the realm has e-mail addresses verified (sign_in.verify), and no mail server is configured"))
	}
	view := pages.VerifyEmail{Frame: v.Frame(), Email: u.Email}
	asked := v.Posted() && v.Params.Get("action") == "resend"
	if asked {
		view.Notice = pages.NoticeMailSent
	}
	v.SendVerify(u, asked)
	return v.Show(http.StatusOK, view)
}

// whose is the user whose sign-in waits.
func whose(v *steps.Visit) (*user.User, error) {
	if u, err := unfinished(v); u != nil || err != nil {
		return u, err
	}
	s, err := v.Current()
	if err != nil || s == nil {
		return nil, err
	}
	return v.Users.Get(v.Context(), v.Realm.Name, s.User)
}

// follow shows what a mailed link is for. It verifies the address only when its button is pressed: programs that look for
// viruses in mails follow every link.
func follow(v *steps.Visit) error {
	l, err := v.Followed(steps.VerifyLink, v.Posted())
	if err != nil {
		return err
	}
	view := pages.VerifyEmail{Frame: v.Frame(), Email: l.Email}
	if !v.Posted() {
		view.Ticket = v.Params.Get("ticket")
		return v.Show(http.StatusOK, view)
	}
	u, err := v.Editor.UpdateUser(v.Context(), v.Realm.Name, l.User, func(u *user.User) error {
		if !strings.EqualFold(u.Email, l.Email) {
			return oauth.Fail(oauth.MailLinkGone, "")
		}
		u.EmailVerified, u.UpdatedAt = true, v.Now().UTC()
		return nil
	})
	if err != nil {
		return err
	}
	if u == nil {
		return oauth.Fail(oauth.MailLinkGone, "")
	}
	if l.Flow != "" && v.Continue(l.Flow) {
		return v.Back() // the sign-in that waits for it is in this browser
	}
	view.Done = true
	return v.Show(http.StatusOK, view)
}
