package steps

import (
	"sallyport/audit"
	"sallyport/authserver/pages"
	"sallyport/factor"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/user"
)

// enrolment is the purpose of a Ceremony that sets up a factor.
const enrolment = "enrol"

// A Wish says which factors may be set up.
type Wish struct{ TOTP, Passkey bool }

// Offer is the page on which a user sets up a factor, with a secret and a challenge of its own.
func (v *Visit) Offer(u *user.User, w Wish) (pages.EnrolFactor, error) {
	c := Ceremony{For: enrolment, User: u.Name}
	if w.TOTP {
		p, err := v.Factors.NewTOTP(brand(v.Realm), u.Name)
		if err != nil {
			return pages.EnrolFactor{}, err
		}
		c.Secret, c.QR = p.Secret, p.QR
	}
	if w.Passkey && v.Factors.HasPasskeys(v.Realm) {
		var err error
		if c.Options, c.State, err = v.Factors.BeginAdd(v.Context(), v.Realm, u); err != nil {
			return pages.EnrolFactor{}, err
		}
	}
	secret, err := v.Keep(c)
	if err != nil {
		return pages.EnrolFactor{}, err
	}
	return v.offered(u, &c, secret), nil
}

// OfferAgain is the page of an offer whose code was mistyped: the authenticator has its secret already.
func (v *Visit) OfferAgain(u *user.User) (pages.EnrolFactor, error) {
	c, err := v.Peek(enrolment, u.Name)
	if err != nil {
		return pages.EnrolFactor{}, err
	}
	return v.offered(u, c, v.Params.Get("ceremony")), nil
}

func (v *Visit) offered(u *user.User, c *Ceremony, secret string) pages.EnrolFactor {
	return pages.EnrolFactor{
		Frame: v.Frame(), User: Name(u), Ceremony: secret,
		Secret: inGroups(c.Secret), QR: c.QR, TOTP: c.Secret != "", Passkey: string(c.Options),
	}
}

// inGroups writes a secret so that it can be typed.
func inGroups(secret string) string {
	const group = 4
	var out []byte
	for i := range len(secret) {
		if i > 0 && i%group == 0 {
			out = append(out, ' ')
		}
		out = append(out, secret[i])
	}
	return string(out)
}

// Enrol carries out what the form of an offer asks for. It returns what kind of factor the user has from now on; the error is
// of reason oauth.FactorWrong if code or passkey is not good.
func (v *Visit) Enrol(u *user.User) (factor.Kind, error) {
	kind, name := factor.TOTP, v.Params.Get("name")
	if v.Params.Get("response") != "" {
		kind = factor.Passkey
	}
	var err error
	if kind == factor.Passkey {
		err = v.addPasskey(u, name)
	} else {
		err = v.addTOTP(u, name)
	}
	if err != nil {
		return kind, err
	}
	v.Record(audit.FactorChanged, u.Name, "", string(kind)+" added by the user")
	return kind, nil
}

func (v *Visit) addPasskey(u *user.User, name string) error {
	c, err := v.Take(enrolment, u.Name)
	if err != nil {
		return err
	}
	if len(c.State) == 0 {
		return oauth.Fail(oauth.FactorWrong, "")
	}
	return v.Factors.FinishAdd(v.Context(), v.Realm, u, c.State, []byte(v.Params.Get("response")), name)
}

func (v *Visit) addTOTP(u *user.User, name string) error {
	c, err := v.Peek(enrolment, u.Name)
	if err != nil {
		return err
	}
	if c.Secret == "" {
		return oauth.Fail(oauth.FactorWrong, "")
	}
	if err := v.Factors.AddTOTP(v.Context(), v.Realm.Name, u.Name, c.Secret, v.Params.Get("code"), name); err != nil {
		return err
	}
	_, err = v.Take(enrolment, u.Name)
	if oauth.ReasonOf(err) == oauth.FactorWrong {
		return nil // the same form was sent twice at once
	}
	return err
}

// Recovery makes recovery codes for a user who has none left, and returns the page that shows them, once; nil if the user
// has some.
func (v *Visit) Recovery(u *user.User, next string) (*pages.RecoveryCodes, error) {
	left, err := v.Factors.RecoveryLeft(v.Context(), v.Realm.Name, u.Name)
	if err != nil || left > 0 {
		return nil, err
	}
	return v.NewRecovery(u, next)
}

// NewRecovery makes recovery codes in the place of those that a user has.
func (v *Visit) NewRecovery(u *user.User, next string) (*pages.RecoveryCodes, error) {
	codes, err := v.Factors.NewRecovery(v.Context(), v.Realm.Name, u.Name)
	if err != nil {
		return nil, err
	}
	v.Record(audit.FactorChanged, u.Name, "", "recovery codes made by the user")
	return &pages.RecoveryCodes{Frame: v.Frame(), Codes: codes, Next: next}, nil
}

// brand is the name under which people know the realm.
func brand(rl *realm.Realm) string {
	switch {
	case rl.Brand.Name != "":
		return rl.Brand.Name
	case rl.Name == realm.Default && Host(rl.Issuer) != "":
		return Host(rl.Issuer)
	}
	return rl.Name
}
