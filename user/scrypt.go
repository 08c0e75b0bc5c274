package user

import (
	"crypto/subtle"

	"golang.org/x/crypto/scrypt"
)

type scryptHash struct {
	n, r, p   int
	salt, key []byte
}

// parseScrypt reads $scrypt$ln=15,r=8,p=1$salt$hash; RFC 7914.
func parseScrypt(fields []string) (stored, error) {
	if len(fields) != 4 {
		return nil, errHash("it is not $scrypt$ln=…,r=…,p=…$salt$hash")
	}
	n, err := numbers(fields[1], "ln", "r", "p")
	if err != nil {
		return nil, err
	}
	ln, r, p := n[0], n[1], n[2]
	if ln < 1 || ln > 30 || r < 1 || r > 64 || p < 1 || p > 64 {
		return nil, errHash("its scrypt parameters are out of range")
	}
	if memory := uint64(128) * uint64(r) << ln; memory > maxHashMemory || memory*uint64(p) > maxHashWork {
		return nil, errHash("its scrypt parameters cost more than this server will spend on a check")
	}
	salt, key, err := saltAndKey(fields[2], fields[3])
	if err != nil {
		return nil, err
	}
	return scryptHash{1 << ln, int(r), int(p), salt, key}, nil
}

func (h scryptHash) matches(password string) bool {
	key, err := scrypt.Key([]byte(password), h.salt, h.n, h.r, h.p, len(h.key))
	return err == nil && subtle.ConstantTimeCompare(key, h.key) == 1
}

func (scryptHash) outdated(string) bool { return true }
