package key

import (
	"context"
	"crypto"
	"encoding/pem"
	"fmt"
	"log/slog"
	"slices"
	"sync"
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

// A Ring holds the keys of every realm: an immutable snapshot each, read at first use and again after a change.
type Ring struct {
	store     Store
	master    Master
	schedules func() map[string]realm.KeySchedule
	overlap   func(ctx context.Context, realm string) (time.Duration, error)
	now       func() time.Time
	log       *slog.Logger
	realms    sync.Map // name to *holder; as many as there are realms
}

// NewRing returns a Ring that follows the changes the hub tells of.
func NewRing(c Config) *Ring {
	r := &Ring{store: c.Store, master: c.Master, schedules: c.Schedules, overlap: c.Overlap, now: c.Now, log: c.Log}
	if r.schedules == nil {
		r.schedules = func() map[string]realm.KeySchedule { return nil }
	}
	if r.overlap == nil {
		r.overlap = func(context.Context, string) (time.Duration, error) { return realm.MaxDuration.Std(), nil }
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	if c.Hub != nil {
		c.Hub.Subscribe(r.changed)
	}
	return r
}

func (r *Ring) changed(c feed.Change) {
	switch c.Kind {
	case feed.Key:
		if h, ok := r.realms.Load(c.Realm); ok {
			h.(*holder).version.Add(1)
		}
	case feed.All:
		r.realms.Range(func(_, h any) bool {
			h.(*holder).version.Add(1)
			return true
		})
	}
}

// Signer returns the key that signs by alg in the realm now. The first call makes the realm's first key of that kind.
func (r *Ring) Signer(ctx context.Context, realm string, alg Alg) (*Signing, error) {
	if alg == Secret {
		return nil, fmt.Errorf("a secret of realm %s does not sign", realm)
	}
	k, err := r.using(ctx, realm, alg)
	if err != nil {
		return nil, err
	}
	return k.signer(r.master)
}

// using returns the key in use, made if there is none.
func (r *Ring) using(ctx context.Context, realm string, alg Alg) (*held, error) {
	h := r.holder(realm)
	s, err := h.current(ctx, r)
	if err != nil {
		return nil, err
	}
	if k := s.current(alg, r.now()); k != nil {
		return k, nil
	}
	return h.first(ctx, r, alg)
}

// Verifier returns the living key with that kid, nil if the realm has none. An unknown kid is looked for in the store, at
// most once a second for each realm: another node may just have made it.
func (r *Ring) Verifier(ctx context.Context, realm, kid string) (*Verifying, error) {
	h := r.holder(realm)
	s, err := h.current(ctx, r)
	if err != nil {
		return nil, err
	}
	k := s.byID[kid]
	if k == nil {
		if s, err = h.anew(ctx, r); err != nil {
			return nil, err
		}
		k = s.byID[kid]
	}
	if k == nil || k.verifying == nil || !k.living(r.now()) {
		return nil, nil
	}
	return k.verifying, nil
}

// Verifiers returns the living keys of one algorithm, newest first, for tokens that name no key.
func (r *Ring) Verifiers(ctx context.Context, realm string, alg Alg) ([]*Verifying, error) {
	h := r.holder(realm)
	s, err := h.current(ctx, r)
	if err != nil {
		return nil, err
	}
	if s.newest(alg) == nil {
		if s, err = h.anew(ctx, r); err != nil {
			return nil, err
		}
	}
	var keys []*Verifying
	now := r.now()
	for _, k := range slices.Backward(s.keys) {
		if k.Alg == alg && k.verifying != nil && k.living(now) {
			keys = append(keys, k.verifying)
		}
	}
	return keys, nil
}

// PublicPEM returns the public half of the key that signs by alg now, as SubjectPublicKeyInfo in PEM (RFC 7468 section 13).
func (r *Ring) PublicPEM(ctx context.Context, realm string, alg Alg) ([]byte, error) {
	if alg == Secret {
		return nil, fmt.Errorf("a secret of realm %s has no public half", realm)
	}
	k, err := r.using(ctx, realm, alg)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.Public}), nil
}

// Keys returns the living keys of the realm, by algorithm and serial, without their private halves.
func (r *Ring) Keys(ctx context.Context, realm string) ([]Record, error) {
	s, err := r.holder(realm).current(ctx, r)
	if err != nil {
		return nil, err
	}
	var records []Record
	for _, k := range s.keys {
		if k.living(r.now()) {
			records = append(records, k.record())
		}
	}
	return records, nil
}
