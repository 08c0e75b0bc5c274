// Package key owns the keys of a realm: those that sign tokens (RS256, PS256, ES256, EdDSA), the secrets that seal and
// authenticate the opaque ones, their schedule, and the published set (JWKS, RFC 7517).
//
// A key's life:
//
//	created ──announce──▶ signing ──next key signs──▶ verifying ──last token over──▶ gone
//
// It is in the JWKS in all three living states, so that a verifier that caches the set for the announcement time never
// meets an unknown key. Private halves and secrets are encrypted under a master key before they reach the store.
package key

import (
	"context"
	"time"
)

// An Alg is a JWS algorithm (RFC 7518 section 3.1, RFC 8037), or Secret.
type Alg string

// The algorithms.
const (
	RS256  Alg = "RS256"
	PS256  Alg = "PS256"
	ES256  Alg = "ES256"
	EdDSA  Alg = "EdDSA"
	Secret Alg = "secret" // 32 random bytes from which sealing and authenticating keys are derived; never published
)

// A Record is a key as it is stored.
type Record struct {
	Realm     string
	Alg       Alg
	Serial    int64  // 1, 2, 3, … per realm and algorithm; two nodes that add the same serial: one wins
	ID        string // kid
	Public    []byte // PKIX, DER; empty for Secret
	Sealed    []byte // PKCS #8 DER or the secret bytes, encrypted under the master key with realm and kid as associated data
	CreatedAt time.Time
	ActiveAt  time.Time // signs from then on
	ExpiresAt time.Time // verifies until then; zero: its successor is not there yet
}

// A Store keeps keys.
type Store interface {
	// Keys returns every key of a realm.
	Keys(ctx context.Context, realm string) ([]Record, error)
	// AddKey stores a key whose serial is not taken, and in the same transaction sets ExpiresAt of its predecessors of
	// the same algorithm that have none to retireAt (zero: leaves them). It reports false if the serial is taken.
	AddKey(ctx context.Context, k Record, retireAt time.Time) (bool, error)
	// DeleteExpiredKeys removes the keys of all realms that expired before now.
	DeleteExpiredKeys(ctx context.Context, now time.Time) error
}
