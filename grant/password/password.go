// Package password is the resource owner password credentials grant (RFC 6749 section 4.3). OAuth 2.1 drops it, so a client
// uses it only if an administrator granted it; it is here for the products whose clients know nothing else.
//
// It slows down guesses per user. Whoever has a second factor, and everybody in a realm that wants more than one, is refused
// by an ordinary client: the grant would be a way around the second proof. A trusted client answers for that itself.
// Whether the user may sign in is decided by the pipeline, after the password.
package password

import (
	"context"

	"sallyport/factor"
	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/throttle"
	"sallyport/user"
)

// Users checks names and passwords.
type Users interface {
	Authenticate(ctx context.Context, realm, name, password string) (*user.User, error)
}

// Factors tells what users can prove themselves by; *factor.Service does.
type Factors interface {
	Summary(ctx context.Context, realm, user string) (factor.Summary, error)
}

// Grant is the grant.
type Grant struct {
	users    Users
	throttle *throttle.Throttle
	factors  Factors // nil: nobody has any
}

var _ grant.Grant = (*Grant)(nil)

// New returns the grant.
func New(users Users, th *throttle.Throttle) *Grant { return &Grant{users: users, throttle: th} }

// Heeding returns the grant that heeds the users' second factors.
func (g *Grant) Heeding(f Factors) *Grant {
	g.factors = f
	return g
}

// Type implements grant.Grant.
func (*Grant) Type() string { return "password" }

// Prove implements grant.Grant.
func (g *Grant) Prove(ctx context.Context, a *grant.Attempt) (grant.Proof, error) {
	name, ok := a.Params.Lookup("username")
	password := a.Params.Get("password")
	switch {
	case !ok:
		return grant.Proof{}, oauth.Fail(oauth.UsernameMissing, "username")
	case name == "":
		return grant.Proof{}, oauth.Fail(oauth.UsernameEmpty, "username")
	case password == "":
		return grant.Proof{}, oauth.Fail(oauth.PasswordMissing, "password")
	}
	attempt, err := g.throttle.User(ctx, a.Realm.Name, name, a.Source)
	if err != nil {
		return grant.Proof{}, err
	}
	outcome := throttle.Undecided
	defer func() { attempt.End(outcome) }()
	u, err := g.users.Authenticate(ctx, a.Realm.Name, name, password)
	switch oauth.ReasonOf(err) {
	case "":
		outcome = throttle.Succeeded
	case oauth.UserUnknown, oauth.PasswordWrong:
		outcome = throttle.Failed
	}
	if err != nil {
		return grant.Proof{}, err
	}
	if err := g.enough(ctx, a, u); err != nil {
		return grant.Proof{}, err
	}
	return grant.Proof{User: u, Refresh: true}, nil
}

// enough refuses a password where it is not. Only who knows the password learns that.
func (g *Grant) enough(ctx context.Context, a *grant.Attempt, u *user.User) error {
	if a.Client.Trusted {
		return nil
	}
	if acr := a.Realm.SignIn.ACR; acr != "" && acr != realm.ACROne {
		return oauth.Fail(oauth.FactorNeeded, u.Name)
	}
	if g.factors == nil {
		return nil
	}
	has, err := g.factors.Summary(ctx, a.Realm.Name, u.Name)
	if err == nil && (has.TOTP || has.Passkey) {
		return oauth.Fail(oauth.FactorNeeded, u.Name)
	}
	return err
}
