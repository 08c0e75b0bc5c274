package factor

import (
	"context"
	"encoding/base64"

	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/user"
)

// maxCredentialID is the longest credential id (WebAuthn Level 3 section 7.1 step 25), in bytes.
const maxCredentialID = 1023

// BeginAdd begins to add a passkey to a user. The options go to navigator.credentials.create; the state is kept, where the
// browser cannot change it, for FinishAdd, and is used once.
func (s *Service) BeginAdd(ctx context.Context, r *realm.Realm, u *user.User) (options, state []byte, err error) {
	if !s.HasPasskeys(r) {
		return nil, nil, errNoPasskeys
	}
	a, err := s.account(ctx, r.Name, u.Name, u.Alias)
	if err != nil {
		return nil, nil, err
	}
	if options, state, err = s.ceremonies.Create(party(r), a); err != nil {
		return nil, nil, err
	}
	return s.keep(options, state, kept{Realm: r.Name, User: u.Name, Add: true})
}

// FinishAdd adds the passkey that a browser has made. The error is of reason oauth.FactorWrong if it is not what was asked for.
func (s *Service) FinishAdd(ctx context.Context, r *realm.Realm, u *user.User, state, response []byte, name string) error {
	k, err := s.reopen(r, state, true)
	if err != nil {
		return err
	}
	if k.User != u.Name {
		return oauth.Fail(oauth.FactorWrong, "")
	}
	a, err := s.account(ctx, r.Name, u.Name, u.Alias)
	if err != nil {
		return err
	}
	c, err := s.ceremonies.Created(party(r), a, k.State, response)
	if err != nil {
		return oauth.Because(oauth.FactorWrong, err)
	}
	if len(c.ID) == 0 || len(c.ID) > maxCredentialID {
		return oauth.Fail(oauth.FactorWrong, "")
	}
	f := &Factor{Realm: r.Name, User: u.Name, ID: base64.RawURLEncoding.EncodeToString(c.ID), Kind: Passkey, Name: named(name, "Passkey")}
	if f.Doc, err = write(c); err != nil {
		return err
	}
	return s.add(ctx, f)
}

// BeginSignIn begins to prove a passkey: one of the user's as a second factor, or, with an empty name, any passkey there is,
// which is then the only proof and so has to verify its user. The options go to navigator.credentials.get; the state is kept,
// where the browser cannot change it, for FinishSignIn, and is used once.
func (s *Service) BeginSignIn(ctx context.Context, r *realm.Realm, userName string) (options, state []byte, err error) {
	if !s.HasPasskeys(r) {
		return nil, nil, errNoPasskeys
	}
	var of *Account
	if userName != "" {
		a, err := s.account(ctx, r.Name, userName, "")
		if err != nil {
			return nil, nil, err
		}
		if len(a.Credentials) == 0 {
			return nil, nil, oauth.Fail(oauth.FactorWrong, "")
		}
		of = &a
	}
	if options, state, err = s.ceremonies.Get(party(r), of); err != nil {
		return nil, nil, err
	}
	return s.keep(options, state, kept{Realm: r.Name, User: userName})
}

// FinishSignIn returns whose passkey has answered, and whether it has verified its user. The error is of reason
// oauth.FactorWrong if the answer is not good.
func (s *Service) FinishSignIn(ctx context.Context, r *realm.Realm, state, response []byte) (userName string, verified bool, err error) {
	k, err := s.reopen(r, state, false)
	if err != nil {
		return "", false, err
	}
	id, err := s.ceremonies.ID(response)
	if err != nil {
		return "", false, oauth.Because(oauth.FactorWrong, err)
	}
	for range maxTries {
		f, err := s.store.FactorByID(ctx, r.Name, base64.RawURLEncoding.EncodeToString(id))
		if err != nil {
			return "", false, err
		}
		if f == nil || f.Kind != Passkey || k.User != "" && f.User != k.User {
			return "", false, oauth.Fail(oauth.FactorWrong, "")
		}
		used, done, err := s.use(ctx, r, k, f, response)
		if err != nil {
			return "", false, err
		}
		if done {
			return f.User, used.Verified, nil
		}
	}
	return "", false, oauth.Fail(oauth.Unavailable, "")
}

// use verifies an answer with a passkey (WebAuthn Level 3 section 7.2) and writes down its counter. It reports false if
// somebody else has used the passkey in between: then its counter has to be looked at again.
func (s *Service) use(ctx context.Context, r *realm.Realm, k *kept, f *Factor, response []byte) (used Used, done bool, err error) {
	a, err := s.account(ctx, f.Realm, f.User, "")
	if err != nil {
		return used, false, err
	}
	used, err = s.ceremonies.Got(party(r), a, k.User == "", k.State, response)
	if err != nil {
		return used, false, oauth.Because(oauth.FactorWrong, err)
	}
	// Section 7.2 step 22: a counter that does not grow is the sign of a copy, which is not let in.
	if used.Copied {
		return used, false, oauth.Fail(oauth.FactorWrong, "")
	}
	after := *f
	after.UsedAt = s.moment()
	if after.Doc, err = write(used.Credential); err != nil {
		return used, false, err
	}
	done, err = s.store.SwapFactor(ctx, &after, f.Doc)
	return used, done, err
}
