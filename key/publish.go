package key

import (
	"context"
	"slices"
	"time"
)

// JWKS returns the living public keys of the realm as a JWK Set (RFC 7517 section 5): announced, signing and verifying.
// The bytes are shared: do not modify them.
func (r *Ring) JWKS(ctx context.Context, realm string) ([]byte, error) {
	s, err := r.holder(realm).current(ctx, r)
	if err != nil {
		return nil, err
	}
	now := r.now()
	if set := s.set.Load(); set != nil && !now.Before(set.from) && (set.until.IsZero() || now.Before(set.until)) {
		return set.text, nil
	}
	set, err := s.publish(now, []Alg{RS256, PS256, ES256, EdDSA})
	if err != nil {
		return nil, err
	}
	s.set.Store(set)
	return set.text, nil
}

// JWKSOf is JWKS limited to some algorithms. A realm without a key of one of them gets its first.
func (r *Ring) JWKSOf(ctx context.Context, realm string, algs ...Alg) ([]byte, error) {
	for _, alg := range algs {
		if _, err := r.using(ctx, realm, alg); err != nil {
			return nil, err
		}
	}
	s, err := r.holder(realm).current(ctx, r)
	if err != nil {
		return nil, err
	}
	set, err := s.publish(r.now(), algs)
	if err != nil {
		return nil, err
	}
	return set.text, nil
}

// publish writes the set as it is from now until the first of its keys is over.
func (s *snapshot) publish(now time.Time, algs []Alg) (*jwks, error) {
	set := &jwks{from: now, text: []byte(`{"keys":[`)}
	first := true
	for _, k := range s.keys {
		if k.public == nil || !slices.Contains(algs, k.Alg) || !k.living(now) {
			continue
		}
		if !first {
			set.text = append(set.text, ',')
		}
		first = false
		var err error
		if set.text, err = appendJWK(set.text, k); err != nil {
			return nil, err
		}
		if !k.ExpiresAt.IsZero() && (set.until.IsZero() || k.ExpiresAt.Before(set.until)) {
			set.until = k.ExpiresAt
		}
	}
	set.text = append(set.text, ']', '}')
	return set, nil
}
