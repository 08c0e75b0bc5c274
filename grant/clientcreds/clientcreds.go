// Package clientcreds is the client credentials grant (RFC 6749 section 4.4): the client acts for itself. It is for clients
// that proved themselves, never for public ones.
package clientcreds

import (
	"context"

	"sallyport/grant"
	"sallyport/oauth"
)

// Grant is the grant.
type Grant struct{}

var _ grant.Grant = Grant{}

// New returns the grant.
func New() Grant { return Grant{} }

// Type implements grant.Grant.
func (Grant) Type() string { return "client_credentials" }

// Prove implements grant.Grant. Refresh tokens are out of place here (RFC 6749 section 4.4.3); a front door that issues
// them all the same says so in its rules.
func (Grant) Prove(_ context.Context, a *grant.Attempt) (grant.Proof, error) {
	if !a.Authenticated { // the pipeline does not let it come to this
		return grant.Proof{}, oauth.Fail(oauth.GrantNotAllowed, a.Type)
	}
	return grant.Proof{}, nil
}
