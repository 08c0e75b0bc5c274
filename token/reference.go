package token

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"sallyport/realm"
)

// A reference token is, in lower-case hex,
//
//	4 hour of expiry | 16 random | 8 MAC over the 20 bytes before
//
// The MAC keeps what is not ours from reaching the store; the hour tells where there to look.
const (
	referenceBytes = 4 + 16 + 8
	referenceText  = 2 * referenceBytes
	referenceMAC   = 8
)

// newReference makes a reference token and the row that goes with it.
func (s *Service) newReference(ctx context.Context, m *minting) (string, *Reference, error) {
	d, err := s.current(ctx, m.Realm.Name)
	if err != nil {
		return "", nil, err
	}
	var b [referenceBytes]byte
	binary.BigEndian.PutUint32(b[:], uint32(Bucket(m.expires)))
	_, _ = rand.Read(b[4:20]) // never fails
	copy(b[20:], referenceSum(d, b[:20]))
	text := hex.EncodeToString(b[:])
	row := &Reference{
		Realm: m.Realm.Name, Hash: sha256.Sum256([]byte(text)), ID: m.jti.String(), Client: m.Client.ID,
		Family: m.family, Generation: m.generation, Scope: m.Scope, Audience: m.audience(),
		IssuedAt: m.issued, StartedAt: m.started, ExpiresAt: m.expires,
	}
	if m.User != nil {
		row.User = m.User.Name
	}
	return text, row, nil
}

func referenceSum(d *derived, head []byte) []byte {
	mac := hmac.New(sha256.New, d.reference[:])
	mac.Write(head)
	return mac.Sum(nil)[:referenceMAC]
}

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
		ok = hmac.Equal(b[20:], referenceSum(d, b[:20]))
		return ok
	})
	return int64(binary.BigEndian.Uint32(b[:])), ok, err
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
	row, err := s.store.Reference(ctx, sha256.Sum256([]byte(raw)), bucket)
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
	}, false, nil
}
