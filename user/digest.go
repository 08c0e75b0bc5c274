package user

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

const digestPrefix = "sha256:"

// A digestHash is the SHA-256 of a generated secret. With 256 bits of entropy there is nothing to guess, so a slow hash
// would only cost.
type digestHash [sha256.Size]byte

// Digest returns the stored form of a generated secret. It is not for anything that a person chose.
func Digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return digestPrefix + hex.EncodeToString(sum[:])
}

func parseDigest(text string) (stored, error) {
	h, ok := digestOf(text)
	if !ok {
		return nil, errHash("it is not sha256: and 64 hex digits")
	}
	return h, nil
}

func digestOf(text string) (h digestHash, ok bool) {
	if len(text) != hex.EncodedLen(len(h)) {
		return h, false
	}
	_, err := hex.Decode(h[:], []byte(text))
	return h, err == nil
}

func (h digestHash) matches(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(sum[:], h[:]) == 1
}

func (digestHash) outdated(string) bool { return false }
