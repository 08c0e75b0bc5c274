package key

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"slices"
)

// A SecretKey is a living Secret of a realm, from which sealing and authenticating keys are derived.
type SecretKey struct {
	ID  string
	Tag [3]byte // the beginning of the id, for a token to name the key it was made under

	realm  string
	secret [32]byte
}

// Derive returns the key for a purpose. Keys of two purposes, realms or secrets tell nothing of each other.
func (k *SecretKey) Derive(purpose string) [32]byte {
	out, err := hkdf.Key(sha256.New, k.secret[:], nil, "sallyport token 1\x00"+purpose+"\x00"+k.realm, 32)
	if err != nil {
		panic(err) // only a length over 255 hashes is refused
	}
	return [32]byte(out)
}

// Secret returns the secret in use in the realm now. The first call makes the realm's first.
func (r *Ring) Secret(ctx context.Context, realm string) (*SecretKey, error) {
	k, err := r.using(ctx, realm, Secret)
	if err != nil {
		return nil, err
	}
	return k.secretKey(r.master)
}

// Secrets returns every secret of the realm under which a living token may have been made, newest first. Announced ones
// are among them: a node whose clock is ahead may use one already.
func (r *Ring) Secrets(ctx context.Context, realm string) ([]*SecretKey, error) {
	h := r.holder(realm)
	s, err := h.current(ctx, r)
	if err != nil {
		return nil, err
	}
	if s.newest(Secret) == nil {
		// Another node may have made the first just now; if none has, no token of the realm can be authentic.
		if s, err = h.anew(ctx, r); err != nil {
			return nil, err
		}
	}
	return s.allSecrets(r.master)
}

// SecretsAnew is Secrets after another look into the store, for a token that names a secret not known here. The store is
// asked at most once a second for each realm.
func (r *Ring) SecretsAnew(ctx context.Context, realm string) ([]*SecretKey, error) {
	s, err := r.holder(realm).anew(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.allSecrets(r.master)
}

func (s *snapshot) allSecrets(m Master) ([]*SecretKey, error) {
	s.once.Do(func() {
		for _, k := range slices.Backward(s.keys) {
			if k.Alg != Secret {
				continue
			}
			secret, err := k.secretKey(m)
			if err != nil {
				s.err = err
				return
			}
			s.secrets = append(s.secrets, secret)
		}
	})
	return s.secrets, s.err
}
