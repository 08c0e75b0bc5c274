package signin

import (
	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/realm"
)

// signing is the purpose of a steps.Ceremony that signs somebody in by a passkey alone.
const signing = "sign in"

// signIn asks for name and password, or a passkey.
func signIn(v *steps.Visit) error {
	if err := v.Resume(); err != nil {
		return err
	}
	switch {
	case denied(v):
		return v.Deny()
	case !v.Posted():
		return ask(v, "", steps.Trouble{})
	case v.Params.Get("response") != "":
		return byPasskey(v)
	}
	return byPassword(v)
}

// fixed returns the user who has to prove it again, empty if anybody may sign in.
func fixed(v *steps.Visit) (string, error) {
	if v.Flow.Another || v.Flow.Request.HintSubject != "" {
		return "", nil
	}
	s, err := v.Current()
	if err != nil || s == nil {
		return "", err
	}
	return s.User, nil
}

// ask draws the page.
func ask(v *steps.Visit, login string, t steps.Trouble) error {
	must, err := fixed(v)
	if err != nil {
		return err
	}
	seats, err := v.Here()
	if err != nil {
		return err
	}
	view := pages.SignIn{
		Frame: v.Frame(), Login: login, Fixed: must != "", Others: len(seats) > 0,
		Password: v.Realm.SignIn.Allows(realm.ByPassword),
	}
	view.Reset = view.Password && v.Realm.SignIn.Reset && v.Mail != nil
	switch {
	case view.Fixed:
		view.Login = must
	case login == "" && !v.Flow.Another:
		view.Login = v.Flow.Request.LoginHint
	}
	if t.Notice == "" && view.Fixed && !v.Posted() {
		t.Notice = pages.NoticeReauth
	}
	if v.Realm.SignIn.Allows(realm.ByPasskey) && v.Factors.HasPasskeys(v.Realm) {
		// Whoever answers: the passkey alone says who it is, so its authenticator has to verify its user.
		options, state, err := v.Factors.BeginSignIn(v.Context(), v.Realm, "")
		if err != nil {
			return err
		}
		if view.Ceremony, err = v.Keep(steps.Ceremony{For: signing, State: state}); err != nil {
			return err
		}
		view.Passkey = string(options)
	}
	return v.Show(t.In(&view.Frame), view)
}
