package user

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"strings"
)

// maxPBKDF2 is the most iterations a stored hash may ask for.
const maxPBKDF2 = 10_000_000

type pbkdf2Hash struct {
	digest     func() hash.Hash
	iterations int
	salt, key  []byte
}

// parsePBKDF2 reads the form of passlib, $pbkdf2-sha256$29000$salt$hash ("$pbkdf2$" is its SHA-1), and the PHC string,
// $pbkdf2-sha256$i=310000,l=32$salt$hash, of which l may be absent. RFC 8018 section 5.2.
func parsePBKDF2(name string, fields []string) (stored, error) {
	if len(fields) != 4 {
		return nil, errHash("it is not $%s$iterations$salt$hash", name)
	}
	salt, key, err := saltAndKey(fields[2], fields[3])
	if err != nil {
		return nil, err
	}
	iterations, length, err := rounds(fields[1])
	switch {
	case err != nil:
		return nil, errHash("its iterations are not a number")
	case iterations < 1 || iterations > maxPBKDF2:
		return nil, errHash("its iterations are not between 1 and %d", maxPBKDF2)
	case length != 0 && int(length) != len(key):
		return nil, errHash("its length parameter differs from the length of its last field")
	}
	h := pbkdf2Hash{iterations: int(iterations), salt: salt, key: key}
	switch name {
	case "pbkdf2-sha256":
		h.digest = sha256.New
	case "pbkdf2-sha512":
		h.digest = sha512.New
	default:
		h.digest = sha1.New
	}
	return h, nil
}

func rounds(text string) (iterations, length uint32, err error) {
	if !strings.Contains(text, "=") {
		iterations, err = decimal(text)
		return iterations, 0, err
	}
	names := []string{"i"}
	if strings.Contains(text, ",") {
		names = append(names, "l")
	}
	n, err := numbers(text, names...)
	if err != nil {
		return 0, 0, err
	}
	if len(n) == 2 {
		length = n[1]
	}
	return n[0], length, nil
}

func (h pbkdf2Hash) matches(password string) bool {
	key, err := pbkdf2.Key(h.digest, password, h.salt, h.iterations, len(h.key))
	return err == nil && subtle.ConstantTimeCompare(key, h.key) == 1
}

func (pbkdf2Hash) outdated(string) bool { return true }
