package account

import (
	"sallyport/audit"
	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/factor"
	"sallyport/oauth"
)

// addPasskey adds a passkey.
func addPasskey(o *Owner) error {
	if !o.Factors.HasPasskeys(o.Realm) {
		return o.Missing()
	}
	return o.add(steps.Wish{Passkey: true})
}

// addTOTP adds an authenticator for one-time codes.
func addTOTP(o *Owner) error { return o.add(steps.Wish{TOTP: true}) }

func (o *Owner) add(w steps.Wish) error {
	if !o.Posted() {
		return o.offer(w, steps.Trouble{})
	}
	kind, err := o.Enrol(o.User)
	if oauth.ReasonOf(err) == oauth.FactorWrong {
		if kind == factor.Passkey {
			return o.offer(w, steps.Wrong(pages.NoticePasskey))
		}
		view, again := o.OfferAgain(o.User)
		if again != nil {
			return o.offer(w, steps.Wrong(pages.NoticeCode))
		}
		view.Account = true
		return o.Show(steps.Wrong(pages.NoticeCode).In(&view.Frame), view)
	}
	if err != nil {
		return err
	}
	return o.added(kind)
}

func (o *Owner) offer(w steps.Wish, t steps.Trouble) error {
	view, err := o.Offer(o.User, w)
	if err != nil {
		return err
	}
	view.Account = true
	return o.Show(t.In(&view.Frame), view)
}

// added goes on after a factor was set up. Whoever has just shown that it works has proved it: the session is worth more from
// now on.
func (o *Owner) added(kind factor.Kind) error {
	proof := steps.Proof{User: o.User.Name, AMR: o.Session.AMR, ACR: o.Session.ACR, At: o.Session.AuthTime}
	if kind == factor.Passkey {
		proof = proof.WithPasskey(false, o.Now())
	} else {
		proof = proof.WithCode()
	}
	if err := o.Lift(proof); err != nil {
		return err
	}
	codes, err := o.Recovery(o.User, pages.Root(o.Realm)+homePath+"?notice="+string(pages.NoticeFactorAdded))
	if err != nil {
		return err
	}
	if codes == nil {
		return o.home(pages.NoticeFactorAdded)
	}
	return o.Show(steps.Trouble{}.In(&codes.Frame), codes)
}

// recovery makes new recovery codes; the old ones are over.
func recovery(o *Owner) error {
	if !o.Posted() {
		return o.home("")
	}
	has, err := o.Factors.Summary(o.Context(), o.Realm.Name, o.User.Name)
	if err != nil {
		return err
	}
	if !has.TOTP && !has.Passkey { // there is nothing that they would stand in for
		return o.home("")
	}
	codes, err := o.NewRecovery(o.User, pages.Root(o.Realm)+homePath)
	if err != nil {
		return err
	}
	return o.Show(steps.Trouble{}.In(&codes.Frame), codes)
}

// factors renames or removes one of the user's factors.
func factors(o *Owner) error {
	id := o.Params.Get("factor")
	if !o.Posted() || id == "" {
		return o.home("")
	}
	switch o.Params.Get("action") {
	case "rename":
		if _, err := o.Factors.Rename(o.Context(), o.Realm.Name, o.User.Name, id, o.Params.Get("name")); err != nil {
			return err
		}
		return o.home("")
	case "remove":
		return o.remove(id)
	}
	return o.home("")
}

// remove removes a factor, unless the user could not sign in without it.
func (o *Owner) remove(id string) error {
	list, err := o.Factors.List(o.Context(), o.Realm.Name, o.User.Name)
	if err != nil {
		return err
	}
	passkeys, is := 0, false
	for _, f := range list {
		if f.Kind == factor.Passkey {
			passkeys++
			is = is || f.ID == id
		}
	}
	if is && passkeys == 1 && !changeable(o) {
		e := oauth.Fail(oauth.ParameterInvalid, "factor")
		e.Description = "This passkey is the only way to sign in to this account. Add another one first."
		return e
	}
	done, err := o.Factors.Remove(o.Context(), o.Realm.Name, o.User.Name, id)
	if err != nil {
		return err
	}
	if !done {
		return o.home("")
	}
	o.Record(audit.FactorChanged, o.User.Name, "", "factor removed by the user")
	return o.home(pages.NoticeFactorRemoved)
}
