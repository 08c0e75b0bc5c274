// Package consent owns what a user has agreed that a client may do and learn. It is asked once and remembered until the user
// takes it back, which ends the client's tokens at once.
package consent

import (
	"context"
	"time"

	"sallyport/scope"
	"sallyport/token"
)

// A Consent is one user's agreement with one client. A *Consent handed out is never modified.
type Consent struct {
	Realm  string `json:"-"`
	User   string `json:"-"`
	Client string `json:"-"`

	Scopes    scope.Set `json:"scopes"`
	Claims    []string  `json:"claims,omitempty"` // asked for by the claims parameter, beyond those of the scopes
	GrantedAt time.Time `json:"granted_at"`       // first
	UpdatedAt time.Time `json:"updated_at"`       // last
}

// Covers reports whether the user has agreed to all of it.
func (c *Consent) Covers(scopes scope.Set, claims []string) bool {
	if c == nil {
		return false
	}
	_, ok := scopes.Within(c.Scopes)
	if !ok {
		return false
	}
	_, ok = scope.Set(claims).Within(c.Claims)
	return ok
}

// A Store keeps consents.
type Store interface {
	// Consent returns what the user has agreed to, nil if nothing.
	Consent(ctx context.Context, realm, user, client string) (*Consent, error)
	// PutConsent stores a consent in place of an earlier one.
	PutConsent(ctx context.Context, c *Consent) error
	// Consents returns all of a user's, by client.
	Consents(ctx context.Context, realm, user string) ([]*Consent, error)
	// EndConsent removes a consent, with the user's grants at the client, and records the revocations, in one transaction.
	EndConsent(ctx context.Context, realm, user, client string, rs ...token.Revocation) error
}
