// Package refresh is the refresh token grant (RFC 6749 section 6). It finds the grant that a refresh token belongs to and
// the user whom it is for, as they are now. The token is used up when the pipeline issues its successor, and not before.
package refresh

import (
	"context"

	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/user"
)

// Tokens reads refresh tokens. With a refusal it may return the token as well, if that is authentic.
type Tokens interface {
	Present(ctx context.Context, r *realm.Realm, raw string) (*token.Presented, error)
}

// Users finds users.
type Users interface {
	Get(ctx context.Context, realm, name string) (*user.User, error)
}

// Grant is the grant.
type Grant struct {
	tokens Tokens
	users  Users
}

var _ grant.Grant = (*Grant)(nil)

// New returns the grant.
func New(tokens Tokens, users Users) *Grant { return &Grant{tokens, users} }

// Type implements grant.Grant.
func (*Grant) Type() string { return "refresh_token" }

// Prove implements grant.Grant. Whose token it is comes before what became of it: who holds another client's token is not
// told that.
func (g *Grant) Prove(ctx context.Context, a *grant.Attempt) (grant.Proof, error) {
	raw, ok := a.Params.Lookup("refresh_token")
	switch {
	case !ok:
		return grant.Proof{}, oauth.Fail(oauth.RefreshMissing, "refresh_token")
	case raw == "":
		return grant.Proof{}, oauth.Fail(oauth.RefreshEmpty, "refresh_token")
	}
	p, err := g.tokens.Present(ctx, a.Realm, raw)
	// The family of a token that is over may be gone, and with it the name of its client.
	if p != nil && p.Family != nil && p.Family.Client != a.Client.ID && (err == nil || p.Family.Client != "") {
		return grant.Proof{}, oauth.Fail(oauth.RefreshWrongClient, p.ID)
	}
	if err != nil {
		return grant.Proof{}, err
	}
	proof := grant.Proof{Ceiling: p.Family.Scope, HasCeiling: true, Continues: p, Refresh: true}
	if p.Family.User == "" {
		return proof, nil
	}
	proof.User, err = g.users.Get(ctx, a.Realm.Name, p.Family.User)
	if err != nil {
		return grant.Proof{}, err
	}
	if proof.User == nil {
		return grant.Proof{}, oauth.Fail(oauth.UserUnknown, p.Family.User)
	}
	return proof, nil
}
