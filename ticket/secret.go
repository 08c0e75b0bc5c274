package ticket

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// SecretLength is the length of every secret, in characters.
const SecretLength = 43

// New makes a ticket with a fresh secret of 256 bits in unpadded base64url. The secret goes to whoever may use the ticket
// and is kept nowhere else.
func New(realm, kind string, body []byte, expires time.Time) (secret string, t Ticket) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: see crypto/rand
	secret = base64.RawURLEncoding.EncodeToString(raw[:])
	return secret, Ticket{Realm: realm, Kind: kind, Hash: Hash(secret), Body: body, ExpiresAt: expires}
}

// Hash is what a ticket is kept under. With so much entropy in the secret a slow hash would add nothing.
func Hash(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }
