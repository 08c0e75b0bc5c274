package user

import (
	"context"
	"time"

	"sallyport/oauth"
)

const (
	memoTTL  = time.Minute
	memoSize = 50_000
)

// An Authenticator finds out whether a name and a password belong together. Whether the user may sign in at all is not its
// matter: the pipeline looks at that after the password, so that a stranger does not learn it.
type Authenticator struct {
	users  *Directory
	store  Store
	hasher *Hasher
	memo   *Memo
}

// NewAuthenticator returns an authenticator. Store is where an outdated hash is replaced.
func NewAuthenticator(users *Directory, store Store, h *Hasher, now func() time.Time) *Authenticator {
	return &Authenticator{users: users, store: store, hasher: h, memo: NewMemo(memoTTL, memoSize, now)}
}

// Authenticate returns the user of that name if the password is the user's. Otherwise the reason is UserUnknown or
// PasswordWrong, after the same amount of work, or Busy.
func (a *Authenticator) Authenticate(ctx context.Context, realm, name, password string) (*User, error) {
	u, err := a.users.Get(ctx, realm, name)
	if err != nil {
		return nil, err
	}
	if u == nil || u.Password == "" {
		if err := a.hasher.Decoy(ctx, password); err != nil {
			return nil, err
		}
		if u == nil {
			return nil, oauth.Fail(oauth.UserUnknown, name)
		}
		return nil, oauth.Fail(oauth.PasswordWrong, name)
	}
	if a.memo.Knows(realm, name, u.Password, password) {
		return u, nil
	}
	ok, upgrade, err := a.hasher.Verify(ctx, u.Password, password)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, oauth.Fail(oauth.PasswordWrong, name)
	}
	a.memo.Add(realm, name, u.Password, password)
	if upgrade {
		return a.upgrade(ctx, u, password), nil
	}
	return u, nil
}

// upgrade replaces an outdated hash and returns the user with the new one. Failing to is no reason to turn the user away: the
// next sign-in tries again.
func (a *Authenticator) upgrade(ctx context.Context, u *User, password string) *User {
	hash, err := a.hasher.Hash(ctx, password)
	if err != nil {
		return u
	}
	if a.store.ReplacePassword(ctx, u.Realm, u.Name, u.Password, hash) != nil {
		return u
	}
	a.memo.Add(u.Realm, u.Name, hash, password)
	renewed, err := a.users.Get(ctx, u.Realm, u.Name)
	if err != nil || renewed == nil {
		return u
	}
	if renewed.Password != hash { // somebody else was faster: with another hash of this password, or with another password
		if ok, _, err := a.hasher.Verify(ctx, renewed.Password, password); err != nil || !ok {
			return u
		}
	}
	return renewed
}
