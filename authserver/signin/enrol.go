package signin

import (
	"time"

	"sallyport/authorize"
	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/factor"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/user"
)

// freshEnough is how old the first proof may be for setting up a factor: what a stolen session could add would outlive it.
const freshEnough = 15 * time.Minute

// enrol has a user set up the second factor that is needed.
func enrol(v *steps.Visit) error {
	if err := v.Resume(); err != nil {
		return err
	}
	u, err := unfinished(v)
	if err != nil {
		return err
	}
	if u == nil {
		return v.Back()
	}
	if denied(v) {
		return later(v)
	}
	has, err := v.Factors.Summary(v.Context(), v.Realm.Name, u.Name)
	if err != nil {
		return err
	}
	switch {
	case (has.TOTP || has.Passkey) && !authorize.Enough(v.Flow.ACR, realm.ACRTwo):
		// Who has a second factor proves it before setting up another: a password is not enough (class "MFA bypass").
		return v.Back()
	case v.Now().Sub(v.Flow.Proved) > freshEnough:
		return again(v)
	case v.Posted():
		return takeFactor(v, u)
	}
	return offer(v, u, steps.Trouble{})
}

// later notes that the user would rather not. Whether that is possible is decided elsewhere.
func later(v *steps.Visit) error {
	if err := v.Note(func(f *authorize.Flow) { f.Offered = true }); err != nil {
		return err
	}
	return v.Back()
}

// again has the user begin the sign-in anew.
func again(v *steps.Visit) error {
	if err := v.Note(func(f *authorize.Flow) { anew(f); f.Another = true }); err != nil {
		return err
	}
	return v.Back()
}

func offer(v *steps.Visit, u *user.User, t steps.Trouble) error {
	view, err := v.Offer(u, wish(v))
	if err != nil {
		return err
	}
	if !view.TOTP && view.Passkey == "" {
		return oauth.Fail(oauth.ACRUnmet, "")
	}
	return v.Show(t.In(&view.Frame), view)
}

// wish leaves out one-time codes where they would lead nowhere.
func wish(v *steps.Visit) steps.Wish {
	req := v.Flow.Request
	must, most := authorize.Needed(v.Realm, req, factor.Summary{}), authorize.Needed(v.Realm, req, factor.Summary{Passkey: true})
	missing := must != realm.ACRPhishingResistant && !authorize.Enough(v.Flow.ACR, must)
	return steps.Wish{TOTP: missing || most != realm.ACRPhishingResistant, Passkey: true}
}

// takeFactor sets up what the user has chosen, which proves it as well, and shows recovery codes if there are none yet.
func takeFactor(v *steps.Visit, u *user.User) error {
	proof := steps.Proved(v.Flow)
	kind, err := v.Enrol(u)
	if oauth.ReasonOf(err) == oauth.FactorWrong {
		if kind == factor.Passkey {
			return offer(v, u, steps.Wrong(pages.NoticePasskey))
		}
		view, again := v.OfferAgain(u)
		if again != nil {
			return offer(v, u, steps.Wrong(pages.NoticeCode))
		}
		return v.Show(steps.Wrong(pages.NoticeCode).In(&view.Frame), view)
	}
	if err != nil {
		return err
	}
	if kind == factor.Passkey {
		proof = proof.WithPasskey(false, v.Now()) // whether its user was verified shows when it is used
	} else {
		proof = proof.WithCode()
	}
	if err := v.Advance(proof); err != nil {
		return err
	}
	codes, err := v.Recovery(u, v.Next())
	if err != nil {
		return err
	}
	if codes == nil {
		return v.Back()
	}
	return v.Show(steps.Trouble{}.In(&codes.Frame), codes)
}
