// Package audit owns the record of what was decided and changed, for whom and why. Grants and refusals go to the log;
// changes by administrators and signs of attack are stored as well.
package audit

import (
	"context"
	"net/netip"
	"time"

	"sallyport/oauth"
)

// A Kind says what happened.
type Kind string

// The kinds of event.
const (
	TokenIssued     Kind = "token_issued"
	TokenRefused    Kind = "token_refused"
	TokenRevoked    Kind = "token_revoked"
	RefreshReplayed Kind = "refresh_replayed" // stored: somebody holds a copy of a refresh token
	CodeReplayed    Kind = "code_replayed"    // stored: somebody holds a copy of an authorization code
	ConfigChanged   Kind = "config_changed"   // stored
	KeyRotated      Kind = "key_rotated"      // stored
	CredentialReset Kind = "credential_reset" // stored
	FactorChanged   Kind = "factor_changed"   // stored
	SignedIn        Kind = "signed_in"        // somebody has signed in on our own pages
	SignInRefused   Kind = "sign_in_refused"
)

// An Event is one thing that happened. It holds no secret, token or password.
type Event struct {
	At      time.Time
	Kind    Kind
	Realm   string
	Client  string
	User    string
	Grant   string
	Dialect string // front door; empty: the standard one
	Reason  oauth.Reason
	Source  netip.Addr
	Detail  string // in words: what changed, with ConfigChanged; what is wrong with a client's assertion, with TokenRefused
}

// Stored reports whether events of the kind are kept in the store.
func (k Kind) Stored() bool {
	switch k {
	case RefreshReplayed, CodeReplayed, ConfigChanged, KeyRotated, CredentialReset, FactorChanged:
		return true
	}
	return false
}

// A Store keeps events.
type Store interface {
	// AppendEvents stores events.
	AppendEvents(ctx context.Context, events ...Event) error
	// Events returns a page of a realm's events, newest first, those before the moment `before` (zero: from the newest).
	Events(ctx context.Context, realm string, before time.Time, limit int) ([]Event, error)
}

// A Recorder takes events. It never fails the request that caused one.
type Recorder interface {
	Record(ctx context.Context, e Event)
}
