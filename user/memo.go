package user

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
)

// A Memo remembers for a short while which slow checks succeeded, so that a client that sends its password with every
// request pays for one argon2id and not for a thousand. It holds no password and no hash, only an HMAC over both under a
// key that is made at start and never leaves the process. A stored hash that changes is a different entry, so a memo never
// outlives the credential it is about.
type Memo struct {
	ttl   time.Duration
	now   func() time.Time
	macs  sync.Pool // of *keyed, all under the same key
	known *otter.Cache[[sha256.Size]byte, time.Time]
}

// keyed is an HMAC and room to put its input together.
type keyed struct {
	mac  hash.Hash
	text []byte
}

// NewMemo returns a memo of at most max checks, each remembered for ttl.
func NewMemo(ttl time.Duration, max int, now func() time.Time) *Memo {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails: see crypto/rand
	m := &Memo{ttl: ttl, now: now, known: otter.Must(&otter.Options[[sha256.Size]byte, time.Time]{MaximumSize: max})}
	m.macs.New = func() any { return &keyed{mac: hmac.New(sha256.New, key)} }
	return m
}

// Knows reports whether the check succeeded not long ago. A clock that went back ends what it remembers.
func (m *Memo) Knows(realm, name, hash, password string) bool {
	k := m.key(realm, name, hash, password)
	at, ok := m.known.GetIfPresent(k)
	if !ok {
		return false
	}
	if age := m.now().Sub(at); age < 0 || age >= m.ttl {
		m.known.Invalidate(k)
		return false
	}
	return true
}

// Add remembers that the check succeeded now.
func (m *Memo) Add(realm, name, hash, password string) {
	m.known.Set(m.key(realm, name, hash, password), m.now())
}

// key is an HMAC over the four with their lengths, so that no two quadruples share a text.
func (m *Memo) key(realm, name, stored, password string) (k [sha256.Size]byte) {
	h := m.macs.Get().(*keyed)
	h.text = h.text[:0]
	for _, s := range [...]string{realm, name, stored, password} {
		h.text = append(binary.AppendUvarint(h.text, uint64(len(s))), s...)
	}
	h.mac.Reset()
	h.mac.Write(h.text)
	copy(k[:], h.mac.Sum(h.text[:0]))
	clear(h.text[:cap(h.text)]) // it held a password
	m.macs.Put(h)
	return k
}
