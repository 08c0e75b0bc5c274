package client

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"time"

	"sallyport/user"
)

// NewSecret generates a secret of 320 bits, in characters that survive every encoding and are selected by a double click:
// 64 of them, which is enough for HS512 (RFC 7518 section 3.2).
// A ttl of 0 lets it live until it is removed. The plain text is shown once and not kept.
func NewSecret(now time.Time, ttl time.Duration) (plain string, s Secret) {
	var raw [40]byte
	_, _ = rand.Read(raw[:]) // never fails: see crypto/rand
	plain = strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw[:]))
	return plain, newSecret(user.Digest(plain), now, ttl)
}

// NewChosenSecret makes the record of a secret that somebody chose, hashed as a password is.
func NewChosenSecret(ctx context.Context, h *user.Hasher, plain string, now time.Time, ttl time.Duration) (Secret, error) {
	hash, err := h.Hash(ctx, plain)
	if err != nil {
		return Secret{}, err
	}
	return newSecret(hash, now, ttl), nil
}

func newSecret(hash string, now time.Time, ttl time.Duration) Secret {
	var id [6]byte
	_, _ = rand.Read(id[:])
	s := Secret{ID: hex.EncodeToString(id[:]), Hash: hash, CreatedAt: now.UTC()}
	if ttl > 0 {
		s.ExpiresAt = s.CreatedAt.Add(ttl)
	}
	return s
}
