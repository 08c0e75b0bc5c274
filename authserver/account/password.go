package account

import (
	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/oauth"
	"sallyport/user"
)

// password changes the user's password. The old one is asked for as well, and guesses at it are slowed down like any.
func password(o *Owner) error {
	if !changeable(o) {
		return o.Missing()
	}
	if !o.Posted() {
		return o.askPassword(steps.Trouble{})
	}
	if o.Params.Get("old") == "" {
		return o.askPassword(steps.Wrong(pages.NoticeEmpty))
	}
	if n := o.Poor(o.User); n != "" {
		return o.askPassword(steps.Wrong(n))
	}
	now, err := o.CheckPassword(o.User.Name, o.Params.Get("old"))
	if t, ok := steps.Slowed(err); ok {
		return o.askPassword(t)
	}
	switch oauth.ReasonOf(err) {
	case "":
	case oauth.UserUnknown, oauth.PasswordWrong:
		return o.askPassword(steps.Wrong(pages.NoticeOld))
	default:
		return err
	}
	old := steps.OwnPassword(now)
	if _, err := o.SetPassword(o.User.Name, o.Params.Get("new"), func(u *user.User) error {
		if steps.OwnPassword(u) != old {
			return oauth.Fail(oauth.PasswordWrong, "") // somebody else has changed it meanwhile
		}
		return nil
	}, "password changed by the user"); err != nil {
		return err
	}
	// Whoever has got in by the old password is out, also by way of an application that acts when nobody is there. The user's own
	// come back by the session that stays.
	if _, err := o.Logout.EndAll(o.Context(), o.Realm, o.User.Name, o.Session.ID); err != nil {
		return err
	}
	if err := o.Tokens.EndGrants(o.Context(), o.Realm, "", o.User.Name); err != nil {
		return err
	}
	return o.home(pages.NoticeChanged)
}

func (o *Owner) askPassword(t steps.Trouble) error {
	view := pages.NewPassword{Frame: o.Frame(), User: o.User.Name, Old: true}
	return o.Show(t.In(&view.Frame), view)
}
