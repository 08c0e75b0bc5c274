package user

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// Today's parameters for new hashes: argon2id (RFC 9106) with 19 MiB, two passes, one lane.
const (
	argonMemory = 19456 // KiB
	argonTime   = 2
	argonLanes  = 1
	argonSalt   = 16
	argonKey    = 32
)

type argon2Hash struct {
	memory, time uint32
	lanes        uint8
	salt, key    []byte
}

func parseArgon2(fields []string) (stored, error) {
	if len(fields) != 5 || fields[1] != "v=19" {
		return nil, errHash("it is not $argon2id$v=19$m=…,t=…,p=…$salt$hash")
	}
	n, err := numbers(fields[2], "m", "t", "p")
	if err != nil {
		return nil, err
	}
	m, t, p := n[0], n[1], n[2]
	switch bytes := uint64(m) << 10; {
	case p < 1 || p > 64 || t < 1 || m < 8*p: // RFC 9106 section 3.1
		return nil, errHash("its argon2id parameters are out of range")
	case bytes > maxHashMemory || bytes*uint64(t) > maxHashWork:
		return nil, errHash("its argon2id parameters cost more than this server will spend on a check")
	}
	salt, key, err := saltAndKey(fields[3], fields[4])
	if err != nil {
		return nil, err
	}
	return argon2Hash{m, t, uint8(p), salt, key}, nil
}

func (h argon2Hash) matches(password string) bool {
	key := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.lanes, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

// outdated is about weaker hashes only: one that costs more than today's was meant to.
func (h argon2Hash) outdated(string) bool {
	weaker := uint64(h.memory)*uint64(h.time) < argonMemory*argonTime
	return weaker || len(h.salt) < argonSalt || len(h.key) < argonKey
}

// newArgon2 hashes a password with today's parameters and a fresh salt.
func newArgon2(password string) string {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails: see crypto/rand
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		argonMemory, argonTime, argonLanes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// wasteArgon2 does the work of one check and tells nothing.
func wasteArgon2(password string) {
	var salt [argonSalt]byte
	argon2.IDKey([]byte(password), salt[:], argonTime, argonMemory, argonLanes, argonKey)
}
