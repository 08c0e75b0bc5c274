package key

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A snapshot is every key of a realm as it was read. It is not modified; what is good at a moment is asked with the time.
type snapshot struct {
	version uint64 // of the holder, when reading began
	keys    []*held
	byID    map[string]*held
	secrets []*SecretKey // newest first; nil until the first call of allSecrets
	once    sync.Once
	err     error // of opening the secrets
	set     atomic.Pointer[jwks]
}

// A held is one key in memory.
type held struct {
	Record
	public    crypto.PublicKey // nil for Secret
	verifying *Verifying
	private   *private // shared by successive snapshots
}

// A private is the half of a key that is decrypted when it is first needed.
type private struct {
	once    sync.Once
	signing *Signing
	secret  *SecretKey
	err     error
}

type jwks struct {
	from, until time.Time // until is zero: for ever
	text        []byte
}

// newSnapshot reads records. What prev has decrypted is kept.
func newSnapshot(version uint64, records []Record, prev *snapshot) (*snapshot, error) {
	s := &snapshot{version: version, byID: make(map[string]*held, len(records))}
	for i := range records {
		k := &held{Record: records[i], private: new(private)}
		if k.Alg != Secret {
			public, err := x509.ParsePKIXPublicKey(k.Public)
			if err != nil || !fits(k.Alg, public) {
				return nil, fmt.Errorf("key %s of realm %s: the stored public key is not one for %s", k.ID, k.Realm, k.Alg)
			}
			k.public = public
			k.verifying = &Verifying{ID: k.ID, Alg: k.Alg, Public: public}
		}
		if prev != nil {
			if old := prev.byID[k.ID]; old != nil && old.Alg == k.Alg && bytes.Equal(old.Sealed, k.Sealed) {
				k.private = old.private
			}
		}
		s.keys = append(s.keys, k)
		s.byID[k.ID] = k
	}
	slices.SortFunc(s.keys, func(a, b *held) int {
		return cmp.Or(cmp.Compare(a.Alg, b.Alg), cmp.Compare(a.Serial, b.Serial))
	})
	return s, nil
}

func (k *held) living(now time.Time) bool { return k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt) }

// record returns the key without its private half.
func (k *held) record() Record {
	r := k.Record
	r.Sealed = nil
	return r
}

// current returns the key of the algorithm that is in use now: the newest that is active. On a node whose clock is behind
// that of the node that made the first key, none is active yet; then the oldest is in use.
func (s *snapshot) current(alg Alg, now time.Time) *held {
	var newest, oldest *held
	for _, k := range s.keys {
		if k.Alg != alg || !k.living(now) {
			continue
		}
		if oldest == nil {
			oldest = k
		}
		if !k.ActiveAt.After(now) {
			newest = k
		}
	}
	if newest != nil {
		return newest
	}
	return oldest
}

// newest returns the key with the highest serial, living or not.
func (s *snapshot) newest(alg Alg) *held {
	var last *held
	for _, k := range s.keys {
		if k.Alg == alg {
			last = k
		}
	}
	return last
}

// signer decrypts the private half.
func (k *held) signer(m Master) (*Signing, error) {
	k.private.once.Do(func() {
		plain, err := k.open(m)
		if err != nil {
			k.private.err = err
			return
		}
		parsed, err := x509.ParsePKCS8PrivateKey(plain)
		signer, ok := parsed.(crypto.Signer)
		if err != nil || !ok || !samePublic(signer.Public(), k.public) {
			k.private.err = fmt.Errorf("key %s of realm %s: the private half does not belong to the public half", k.ID, k.Realm)
			return
		}
		k.private.signing = &Signing{ID: k.ID, Alg: k.Alg, Key: signer}
	})
	return k.private.signing, k.private.err
}

func (k *held) open(m Master) ([]byte, error) {
	plain, err := open(m, &k.Record)
	if errors.Is(err, errEnvelope) {
		return nil, fmt.Errorf("key %s of realm %s does not open under this master key; start with the one it was made under", k.ID, k.Realm)
	}
	return plain, err
}

func samePublic(a, b crypto.PublicKey) bool {
	e, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && e.Equal(b)
}

// secretKey decrypts a secret.
func (k *held) secretKey(m Master) (*SecretKey, error) {
	k.private.once.Do(func() {
		plain, err := k.open(m)
		if err != nil {
			k.private.err = err
			return
		}
		id, err := base64.RawURLEncoding.DecodeString(k.ID)
		if err != nil || len(id) < len(SecretKey{}.Tag) || len(plain) != 32 {
			k.private.err = fmt.Errorf("key %s of realm %s: the stored secret is damaged", k.ID, k.Realm)
			return
		}
		k.private.secret = &SecretKey{ID: k.ID, Tag: [3]byte(id), realm: k.Realm, secret: [32]byte(plain)}
	})
	return k.private.secret, k.private.err
}
