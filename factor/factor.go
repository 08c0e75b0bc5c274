// Package factor owns what a user can prove himself by beside the password: passkeys (WebAuthn), one-time codes (TOTP, RFC
// 6238) and recovery codes. Each code and each step of a passkey's counter is good once, under any race: the store swaps the
// record only if it still is what it was.
package factor

import (
	"context"
	"time"
)

// A Kind is a kind of factor.
type Kind string

// The kinds.
const (
	Passkey  Kind = "passkey"
	TOTP     Kind = "totp"
	Recovery Kind = "recovery" // the set of recovery codes; a user has one at most
)

// A Factor is one of a user's factors as it is stored. A *Factor handed out is never modified.
type Factor struct {
	Realm string
	User  string
	ID    string // of a passkey the credential id in base64url; otherwise random
	Kind  Kind
	Name  string // what the user calls it
	Doc   []byte // what its kind keeps: package-private JSON; secrets in it are sealed or hashed

	CreatedAt time.Time
	UsedAt    time.Time // zero: never
}

// A Store keeps factors.
type Store interface {
	// Factors returns a user's factors, oldest first.
	Factors(ctx context.Context, realm, user string) ([]*Factor, error)
	// FactorByID returns one whoever has it, nil if nobody does: a passkey says by itself whose it is.
	FactorByID(ctx context.Context, realm, id string) (*Factor, error)
	// AddFactor stores a new one. It reports false if the id is taken in the realm.
	AddFactor(ctx context.Context, f *Factor) (bool, error)
	// SwapFactor replaces name, document and UsedAt of a factor whose document still is `old`, by one statement, and reports whether it did.
	SwapFactor(ctx context.Context, f *Factor, old []byte) (bool, error)
	// DeleteFactor removes one of a user's factors and reports whether it was there.
	DeleteFactor(ctx context.Context, realm, user, id string) (bool, error)
}

// A Summary says which factors a user has.
type Summary struct{ Passkey, TOTP, Recovery bool }
