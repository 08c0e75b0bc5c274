package authserver

import (
	"slices"

	"sallyport/authorize"
	"sallyport/authserver/cookie"
	"sallyport/user"
)

// facts reads what authorize.Next decides from. For a user who is signed in all of it is in memory.
func (t *turn) facts() (authorize.Facts, error) {
	f := authorize.Facts{Realm: t.realm, Client: t.client, Flow: t.flow, Now: t.now()}
	if err := t.find(); err != nil {
		return f, err
	}
	f.Session, f.Sessions, f.Hinted = t.session, len(t.here), t.hinted
	if err := t.whose(&f); err != nil || f.User == nil || f.User.Status != user.On {
		return f, err
	}
	var err error
	if f.Factors, err = t.factors.Summary(t.r.Context(), t.realm.Name, f.User.Name); err != nil {
		return f, err
	}
	f.Agreed, err = t.agreed()
	return f, err
}

// whose finds the user of the unfinished sign-in, if that still counts, or of the session.
func (t *turn) whose(f *authorize.Facts) (err error) {
	ctx := t.r.Context()
	if who := t.flow.User; who != "" {
		if f.User, err = t.users.Get(ctx, t.realm.Name, who); err != nil {
			return err
		}
		here := func(id string) bool {
			return slices.ContainsFunc(t.here, func(one found) bool { return one.session.ID == id })
		}
		if t.flow.Stands(f.User, here) {
			return nil
		}
		anew := *t.flow
		anew.Forget()
		t.flow, f.Flow, f.User = &anew, &anew, nil
	}
	if t.session != nil {
		f.User, err = t.users.Get(ctx, t.realm.Name, t.session.User)
	}
	return err
}

// find looks up who is signed in in this browser. The first counts, unless the client means another of them by id_token_hint
// (OpenID Connect Core section 3.1.2.1) or login_hint.
func (t *turn) find() error {
	for _, secret := range cookie.Sessions(t.r, t.realm) {
		s, err := t.sessions.Find(t.r.Context(), t.realm, secret)
		if err != nil {
			return err
		}
		if s != nil && !slices.ContainsFunc(t.here, func(one found) bool { return one.session.ID == s.ID }) {
			t.here = append(t.here, found{secret, s})
		}
	}
	if len(t.here) == 0 {
		return nil
	}
	t.session = t.here[0].session
	req := t.flow.Request
	switch {
	case req.HintSubject != "" && t.client != nil:
		for _, one := range t.here {
			subject, err := t.claims.Subject(t.realm, t.client, one.session.User)
			if err != nil {
				return err
			}
			if subject == req.HintSubject {
				t.session, t.hinted = one.session, true
				return nil
			}
		}
	case req.LoginHint != "" && t.secret == "": // once asked, the user has decided
		for _, one := range t.here {
			if one.session.User == req.LoginHint {
				t.session = one.session
				return nil
			}
		}
	}
	return nil
}

// agreed reports whether the user need not be asked for consent.
func (t *turn) agreed() (bool, error) {
	if t.client == nil || t.client.OpenID.SkipConsent {
		return true, nil
	}
	if t.session == nil {
		return false, nil
	}
	c, err := t.consents.Get(t.r.Context(), t.realm.Name, t.session.User, t.client.ID)
	return err == nil && c.Covers(t.flow.Request.Scope, t.flow.Request.AskedClaims()), err
}
