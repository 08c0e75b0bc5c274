package key

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"time"

	"sallyport/feed"
	"sallyport/realm"
)

// Config is what a Ring works with.
type Config struct {
	Store  Store
	Master Master
	Hub    *feed.Hub
	// Schedules returns the key schedule of every realm, by the realm's name. Nil: keys change by command only.
	Schedules func() map[string]realm.KeySchedule
	// Overlap returns how long a key must verify after its successor began to sign: the longest life of a token in the
	// realm (token.Longest). Nil: realm.MaxDuration, which no token outlives.
	Overlap func(ctx context.Context, realm string) (time.Duration, error)
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: slog.Default()
}

// A Signing is a key of a realm that signs now.
type Signing struct {
	ID  string // kid
	Alg Alg
	Key crypto.Signer
}

// A Verifying is the public half of a living key.
type Verifying struct {
	ID     string
	Alg    Alg
	Public crypto.PublicKey
}

// A Ring holds the keys of every realm.
type Ring struct{}

var errSkeleton = errors.New("not there yet")

// NewRing returns a Ring that follows the changes the hub tells of.
func NewRing(c Config) *Ring { return &Ring{} }

// Signer returns the key that signs by alg in the realm now. The first call makes the realm's first key of that kind.
func (r *Ring) Signer(ctx context.Context, realm string, alg Alg) (*Signing, error) {
	return nil, errSkeleton
}

// Verifier returns the living key with that kid, nil if the realm has none.
func (r *Ring) Verifier(ctx context.Context, realm, kid string) (*Verifying, error) {
	return nil, errSkeleton
}

// Verifiers returns the living keys of one algorithm, newest first, for tokens that name no key.
func (r *Ring) Verifiers(ctx context.Context, realm string, alg Alg) ([]*Verifying, error) {
	return nil, errSkeleton
}

// JWKS returns the living public keys of the realm as a JWK Set (RFC 7517 section 5).
func (r *Ring) JWKS(ctx context.Context, realm string) ([]byte, error) { return nil, errSkeleton }

// JWKSOf is JWKS limited to some algorithms. A realm without a key of one of them gets its first.
func (r *Ring) JWKSOf(ctx context.Context, realm string, algs ...Alg) ([]byte, error) {
	return nil, errSkeleton
}

// PublicPEM returns the public half of the key that signs by alg now, as SubjectPublicKeyInfo in PEM (RFC 7468 section 13).
func (r *Ring) PublicPEM(ctx context.Context, realm string, alg Alg) ([]byte, error) {
	return nil, errSkeleton
}

// Rotate adds a key that signs after the time announce; its predecessors then verify for as long as their tokens live.
func (r *Ring) Rotate(ctx context.Context, realm string, alg Alg, announce time.Duration) (Record, error) {
	return Record{}, errSkeleton
}

// Keys returns the living keys of the realm, by algorithm and serial.
func (r *Ring) Keys(ctx context.Context, realm string) ([]Record, error) { return nil, errSkeleton }

// Tick carries out the schedules and deletes the keys that are over. Call it about once a minute, on any number of nodes.
func (r *Ring) Tick(ctx context.Context) error { return errSkeleton }
