package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
	"time"

	"sallyport/key"
)

const (
	keyPrefix  = "spk_"
	signPrefix = "dgk"
	idBytes    = 10 // 80 bits: two ids of a realm never meet

	sealPurpose = "credential"
)

// NewAPIKey makes an API key for a client of a realm. The plain text is shown once and not kept.
func NewAPIKey(realm, client string, now time.Time) (plain string, c *Credential) {
	id := keyPrefix + newID()
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: see crypto/rand
	plain = id + "_" + base64.RawURLEncoding.EncodeToString(raw[:])
	return plain, ImportAPIKey(realm, client, id, plain, now)
}

// ImportAPIKey makes the record of an API key that somebody has already. Its text is not kept.
func ImportAPIKey(realm, client, id, plain string, now time.Time) *Credential {
	return fresh(realm, client, id, APIKey, plain, now)
}

// NewSignature makes a signing key: a public id, which the caller sends, and a secret, which it signs with. Both are texts
// that pass for Base64, as digiRunner's are. The secret is kept sealed.
func NewSignature(master key.Master, realm, client string, now time.Time) (id, secret string, c *Credential, err error) {
	id = signPrefix + newID() + newID()[:5]
	var raw [32]byte
	_, _ = rand.Read(raw[:])
	secret = base64.StdEncoding.EncodeToString(raw[:])
	c, err = ImportSignature(master, realm, client, id, secret, now)
	return id, secret, c, err
}

// ImportSignature makes the record of a signing key that somebody has already.
func ImportSignature(master key.Master, realm, client, id, secret string, now time.Time) (*Credential, error) {
	c := fresh(realm, client, id, Signature, id, now)
	var err error
	c.Sealed, err = master.Seal(sealPurpose, realm, id, []byte(secret))
	return c, err
}

func fresh(realm, client, id string, kind Kind, presented string, now time.Time) *Credential {
	return &Credential{
		Realm: realm, Client: client, ID: id, Kind: kind, Hash: HashOf(presented), Status: On,
		CreatedAt: now.UTC().Truncate(time.Microsecond),
	}
}

// HashOf is what a credential is found by: the SHA-256 of what the caller presents.
func HashOf(presented string) [32]byte { return sha256.Sum256([]byte(presented)) }

// newID makes 80 random bits, in characters that survive every encoding and are selected by a double click.
func newID() string {
	var raw [idBytes]byte
	_, _ = rand.Read(raw[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw[:]))
}
