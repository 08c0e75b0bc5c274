package token

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"sallyport/realm"
)

// A reference token is, in lower-case hex,
//
//	3 hour of expiry | 3 order | 16 random | 6 MAC over the 22 bytes before
//
// The MAC keeps what is not ours from reaching the store; the hour tells where there to look. The order is a clock of
// 4 ms that runs over every 18 hours. It leads the key of the row, so that tokens issued together are stored together:
// a commit of many writes few pages, where random keys would touch a page for each.
const (
	referenceOrder  = 3 // offset of the order
	referenceRandom = 6
	referenceSigned = 22
	referenceBytes  = 28
	referenceText   = 2 * referenceBytes
)

// referenceTick is the unit of the order.
const referenceTick = 4 * time.Millisecond

// newReference makes a reference token and the row that goes with it.
func (s *Service) newReference(ctx context.Context, m *minting) (string, *Reference, error) {
	d, err := s.current(ctx, m.Realm.Name)
	if err != nil {
		return "", nil, err
	}
	var b [referenceBytes]byte
	putUint24(b[:], uint32(Bucket(m.expires)))
	putUint24(b[referenceOrder:], uint32(m.issued.UnixNano()/int64(referenceTick)))
	_, _ = rand.Read(b[referenceRandom:referenceSigned]) // never fails
	copy(b[referenceSigned:], referenceSum(d, b[:referenceSigned]))
	text := hex.EncodeToString(b[:])
	row := &Reference{
		Realm: m.Realm.Name, Hash: referenceKey(text), ID: m.jti.String(), Client: m.Client.ID,
		Family: m.family, Generation: m.generation, Scope: m.Scope, Audience: m.audience(),
		IssuedAt: m.issued, StartedAt: m.authTime(), ExpiresAt: m.expires, SignIn: m.told(),
	}
	if m.User != nil {
		row.User = m.User.Name
	}
	return text, row, nil
}

func referenceSum(d *derived, head []byte) []byte {
	mac := hmac.New(sha256.New, d.reference[:])
	mac.Write(head)
	return mac.Sum(nil)[:referenceBytes-referenceSigned]
}

// referenceKey is what a reference token is stored under: its SHA-256, the first three bytes replaced by the order. What
// is left of the hash, 232 bits, is more than the token has to guess.
func referenceKey(text string) [32]byte {
	k := sha256.Sum256([]byte(text))
	_, _ = hex.Decode(k[:referenceRandom-referenceOrder], []byte(text[2*referenceOrder:2*referenceRandom])) // it is hex: checked or made here
	return k
}

func putUint24(b []byte, v uint32) { b[0], b[1], b[2] = byte(v>>16), byte(v>>8), byte(v) }

// referenceBucket returns the hour of expiry of an authentic reference token of the realm.
func (s *Service) referenceBucket(ctx context.Context, realm, raw string) (bucket int64, ok bool, err error) {
	var b [referenceBytes]byte
	if len(raw) != referenceText {
		return 0, false, nil
	}
	if _, err := hex.Decode(b[:], []byte(raw)); err != nil || hex.EncodeToString(b[:]) != raw {
		return 0, false, nil // capitals are another spelling
	}
	err = s.eachSecret(ctx, realm, func(d *derived) bool {
		ok = hmac.Equal(b[referenceSigned:], referenceSum(d, b[:referenceSigned]))
		return ok
	})
	return int64(b[0])<<16 | int64(b[1])<<8 | int64(b[2]), ok, err
}

// readReference looks a reference token up. It returns nil if it is not authentic, and gone if it is but is not stored.
func (s *Service) readReference(ctx context.Context, r *realm.Realm, raw string) (a *Access, gone bool, err error) {
	bucket, ok, err := s.referenceBucket(ctx, r.Name, raw)
	if err != nil || !ok {
		return nil, false, err
	}
	over := time.Unix((bucket+1)*3600, 0)
	nothing := &Access{Realm: r.Name, Format: realm.Reference, ExpiresAt: over}
	if !s.now().Before(over) {
		return nothing, true, nil // dropped, or soon to be
	}
	row, err := s.store.Reference(ctx, referenceKey(raw), bucket)
	if err != nil {
		return nil, false, err
	}
	if row == nil || row.Realm != r.Name {
		return nothing, true, nil
	}
	return &Access{
		Realm: r.Name, Client: row.Client, User: row.User, ID: row.ID, Family: row.Family, Generation: row.Generation,
		Scope: row.Scope, Audience: row.Audience, Format: realm.Reference,
		IssuedAt: row.IssuedAt, StartedAt: row.StartedAt, ExpiresAt: row.ExpiresAt,
		SignIn: row.SignIn,
	}, false, nil
}
