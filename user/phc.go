package user

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bounds on what a stored hash may ask for. A hash comes from a file or another product, and one with absurd parameters
// would be a denial of service that waits in the database.
const (
	maxHashText   = 1024    // bytes of the whole text
	maxHashMemory = 1 << 30 // bytes one check may take
	maxHashWork   = 4 << 30 // bytes one check may fill: memory times passes
	minSaltBytes  = 4
	maxSaltBytes  = 128
	minKeyBytes   = 16
	maxKeyBytes   = 128
)

// errHash explains a hash without quoting it.
func errHash(format string, args ...any) error {
	return fmt.Errorf("hash: "+format+"; use an argon2id, bcrypt, PBKDF2 or scrypt hash in its usual text form", args...)
}

// A stored is a hash read from its text.
type stored interface {
	// matches hashes password and compares in constant time.
	matches(password string) bool
	// outdated reports whether the hash should be replaced once a password is known to match it.
	outdated(password string) bool
}

// parseHash reads a stored hash in any of the forms of this package.
func parseHash(text string) (stored, error) {
	if len(text) > maxHashText {
		return nil, errHash("it has %d bytes, more than %d", len(text), maxHashText)
	}
	if hex, ok := strings.CutPrefix(text, digestPrefix); ok {
		return parseDigest(hex)
	}
	if !strings.HasPrefix(text, "$") {
		return nil, errHash("it is of no known form")
	}
	fields := strings.Split(text[1:], "$")
	switch name := fields[0]; name {
	case "2a", "2b", "2y":
		return parseBcrypt(text, fields)
	case "argon2id":
		return parseArgon2(fields)
	case "pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512":
		return parsePBKDF2(name, fields)
	case "scrypt":
		return parseScrypt(fields)
	}
	return nil, errHash("it is of no known form")
}

// CheckHash reports what is wrong with the text of a stored hash, nil if this package can check passwords against it.
func CheckHash(text string) error {
	_, err := parseHash(text)
	return err
}

// IsDigest reports whether a stored hash is the plain SHA-256 of a generated secret, which is no way to keep a password.
func IsDigest(text string) bool { return strings.HasPrefix(text, digestPrefix) }

// numbers reads "a=1,b=2" with exactly these names in this order, as the PHC string format wants it.
func numbers(text string, names ...string) ([]uint32, error) {
	parts := strings.Split(text, ",")
	if len(parts) != len(names) {
		return nil, errHash("it has %d parameters instead of %d", len(parts), len(names))
	}
	values := make([]uint32, len(names))
	for i, name := range names {
		digits, ok := strings.CutPrefix(parts[i], name+"=")
		if !ok {
			return nil, errHash("the parameter %s is not where it should be", name)
		}
		v, err := decimal(digits)
		if err != nil {
			return nil, errHash("the parameter %s is not a number", name)
		}
		values[i] = v
	}
	return values, nil
}

var errDecimal = errors.New("not in the plain form")

// decimal reads digits without sign or leading zeros.
func decimal(digits string) (uint32, error) {
	v, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || v > math.MaxInt32 || strconv.FormatUint(v, 10) != digits {
		return 0, errDecimal
	}
	return uint32(v), nil
}

// saltAndKey decodes the last two fields: unpadded Base64, or the variant of passlib with "." for "+"; padding is taken off.
func saltAndKey(salt, key string) (s, k []byte, err error) {
	if s, err = decode64(salt); err != nil || len(s) < minSaltBytes || len(s) > maxSaltBytes {
		return nil, nil, errHash("its salt is not Base64 of %d to %d bytes", minSaltBytes, maxSaltBytes)
	}
	if k, err = decode64(key); err != nil || len(k) < minKeyBytes || len(k) > maxKeyBytes {
		return nil, nil, errHash("its last field is not Base64 of %d to %d bytes", minKeyBytes, maxKeyBytes)
	}
	return s, k, nil
}

func decode64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	if strings.ContainsAny(s, "\r\n") { // which the decoder would skip
		return nil, errDecimal
	}
	return base64.RawStdEncoding.Strict().DecodeString(strings.ReplaceAll(s, ".", "+"))
}
