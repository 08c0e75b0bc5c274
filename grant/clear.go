package grant

import (
	"errors"
	"slices"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/user"
)

// clear turns a proof into an authorization, or refuses. It is the only place that makes one, and it has written nothing:
// a refresh token is used up by issuing, after everything here has passed.
func (e *Engine) clear(a *Attempt, grantType string, p Proof) (token.Authorization, error) {
	if err := checkUser(a, p.User); err != nil {
		return token.Authorization{}, err
	}
	if p.Continues != nil {
		if err := checkContinuation(a, p); err != nil {
			return token.Authorization{}, err
		}
	}
	granted, err := e.scope(a, p)
	if err != nil {
		return token.Authorization{}, err
	}
	rules := &a.Rules
	return token.Authorization{
		Realm:       a.Realm,
		Client:      a.Client,
		User:        p.User,
		Grant:       grantType,
		Scope:       granted,
		Shape:       rules.Shape,
		Access:      rules.Access,
		Refresh:     rules.Refresh,
		WithRefresh: mayRefresh(a, grantType, p),
		Continues:   p.Continues,
		EndAccess:   rules.EndAccess,
		Issuer:      rules.Issuer,
		SignIn:      p.SignIn,
		Family:      p.Family,
	}, nil
}

// checkUser refuses a user who may not sign in. That comes after the proof, so that only who knows the password learns it.
func checkUser(a *Attempt, u *user.User) error {
	switch {
	case u == nil:
		return nil
	case u.Realm != a.Realm.Name:
		return oauth.Fail(oauth.UserUnknown, u.Name)
	case u.Status == user.Locked:
		return oauth.Fail(oauth.UserLocked, u.Name)
	case u.Status != user.On:
		return oauth.Fail(oauth.UserDisabled, u.Name)
	}
	return nil
}

var errForeignUser = errors.New("the grant proved another user than the refresh token is for")

// checkContinuation holds a refresh token against who presents it (RFC 6749 section 6, RFC 9700 section 4.14), whatever the
// grant that proved it has looked at.
func checkContinuation(a *Attempt, p Proof) error {
	f := p.Continues.Family
	name := ""
	if p.User != nil {
		name = p.User.Name
	}
	switch {
	case f == nil || f.Realm != a.Realm.Name:
		return oauth.Fail(oauth.RefreshUnknown, p.Continues.ID)
	case f.Client != a.Client.ID:
		return oauth.Fail(oauth.RefreshWrongClient, p.Continues.ID)
	case f.Shape != a.Rules.Shape: // made for another front door
		return oauth.Fail(oauth.RefreshUnknown, p.Continues.ID)
	case f.User != name:
		return oauth.Because(oauth.InternalError, errForeignUser)
	}
	return nil
}

// mayRefresh reports whether a refresh token is issued. A public client may hold one only if it changes at every use
// (RFC 9700 section 2.2.2); front doors whose refresh tokens never change say themselves whom they trust with one.
func mayRefresh(a *Attempt, grantType string, p Proof) bool {
	switch {
	case !slices.Contains(a.Client.Grants, typeRefreshToken):
		return false
	case grantType == typeClientCredentials: // RFC 6749 section 4.4.3: should not
		return a.Rules.RefreshAny && a.Authenticated
	case !p.Refresh:
		return false
	case a.Client.Type != client.Public:
		return true
	}
	return !a.Rules.NoRefreshForPublic && (a.Rules.Shape != token.ShapeStandard || rotates(a))
}

func rotates(a *Attempt) bool {
	var s realm.RefreshToken = a.Client.RefreshToken.Or(a.Realm.RefreshToken).Or(a.Rules.Refresh)
	return s.Rotate == nil || *s.Rotate
}
