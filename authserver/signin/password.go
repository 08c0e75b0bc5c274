package signin

import (
	"errors"
	"strings"

	"sallyport/audit"
	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/oauth"
	"sallyport/realm"
)

// byPassword takes name and password.
func byPassword(v *steps.Visit) error {
	if !v.Realm.SignIn.Allows(realm.ByPassword) {
		return ask(v, "", steps.Wrong(pages.NoticeWrong))
	}
	must, err := fixed(v)
	if err != nil {
		return err
	}
	typed := strings.TrimSpace(v.Params.Get("username"))
	if must != "" {
		typed = must
	}
	password := v.Params.Get("password")
	if typed == "" || password == "" {
		return ask(v, typed, steps.Wrong(pages.NoticeEmpty))
	}
	name := typed
	if must == "" {
		if name, err = v.Resolve(v.Context(), v.Realm.Name, typed); err != nil {
			return err
		}
	}
	u, err := v.CheckPassword(name, password)
	if t, ok := steps.Slowed(err); ok {
		return ask(v, typed, t)
	}
	switch oauth.ReasonOf(err) {
	case "":
	case oauth.UserUnknown, oauth.PasswordWrong:
		v.Record(audit.SignInRefused, name, oauth.ReasonOf(err), "")
		return ask(v, typed, steps.Wrong(pages.NoticeWrong))
	default:
		return err
	}
	if refused := steps.MayNot(u); refused != "" { // told after the right password alone
		v.Record(audit.SignInRefused, u.Name, refused, "")
		return ask(v, typed, steps.Wrong(pages.NoticeDisabled))
	}
	if err := v.Advance(v.ByPassword(u)); err != nil {
		return err
	}
	return v.Back()
}

// byPasskey takes the answer of a passkey, which says by itself whose it is.
func byPasskey(v *steps.Visit) error {
	if !v.Realm.SignIn.Allows(realm.ByPasskey) {
		return ask(v, "", steps.Wrong(pages.NoticePasskey))
	}
	must, err := fixed(v)
	if err != nil {
		return err
	}
	name, err := answered(v)
	if oauth.ReasonOf(err) == oauth.FactorWrong || err == nil && must != "" && name != must {
		v.Record(audit.SignInRefused, name, oauth.FactorWrong, "")
		return ask(v, "", steps.Wrong(pages.NoticePasskey))
	}
	if err != nil {
		return err
	}
	u, err := v.Users.Get(v.Context(), v.Realm.Name, name)
	if err != nil {
		return err
	}
	if u == nil {
		return errors.New("a passkey belongs to a user who is gone")
	}
	if refused := steps.MayNot(u); refused != "" {
		v.Record(audit.SignInRefused, name, refused, "")
		return ask(v, "", steps.Wrong(pages.NoticeDisabled))
	}
	if err := v.Advance(v.ByPasskey(name)); err != nil {
		return err
	}
	return v.Back()
}

// answered verifies the answer. Alone a passkey counts only if its authenticator has verified its user (WebAuthn Level 3
// section 5.8.6): otherwise whoever found it could sign in.
func answered(v *steps.Visit) (name string, err error) {
	c, err := v.Take(signing, "")
	if err != nil {
		return "", err
	}
	name, verified, err := v.Factors.FinishSignIn(v.Context(), v.Realm, c.State, []byte(v.Params.Get("response")))
	if err == nil && !verified {
		err = oauth.Fail(oauth.FactorWrong, "")
	}
	return name, err
}
