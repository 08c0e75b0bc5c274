package user

import (
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	maxBcryptCost  = 16 // some seconds of work
	bcryptLimit    = 72 // bytes of a password that bcrypt looks at
	bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// A bcryptHash is the whole text. Of a longer password only the first 72 bytes count: that is how the hash was made, and
// refusing the rest would lock its owner out.
type bcryptHash string

func parseBcrypt(text string, fields []string) (stored, error) {
	if len(fields) != 3 || len(fields[1]) != 2 || len(fields[2]) != 53 || strings.Trim(fields[2], bcryptAlphabet) != "" {
		return nil, errHash("it is not $2b$cost$ and 53 characters")
	}
	cost, err := decimal(strings.TrimPrefix(fields[1], "0"))
	if err != nil || cost < 4 || cost > maxBcryptCost {
		return nil, errHash("its bcrypt cost is not between 04 and %d", maxBcryptCost)
	}
	return bcryptHash(text), nil
}

func (h bcryptHash) matches(password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(h), []byte(password[:min(len(password), bcryptLimit)])) == nil
}

// outdated leaves long passwords alone: what follows byte 72 was not checked, and a slip of the finger there must not become
// the password.
func (h bcryptHash) outdated(password string) bool { return len(password) <= bcryptLimit }
