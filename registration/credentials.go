package registration

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"time"

	"sallyport/client"
	"sallyport/key"
	"sallyport/user"
)

// NewToken makes an initial or registration access token of 256 bits. Only its hash is kept.
func NewToken() (plain string, hash [32]byte) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: see crypto/rand
	plain = base64.RawURLEncoding.EncodeToString(raw[:])
	return plain, HashToken(plain)
}

// HashToken is what is kept of a token.
func HashToken(plain string) [32]byte { return sha256.Sum256([]byte(plain)) }

// Opens reports whether a registration access token is the client's (RFC 7592 section 3).
func Opens(c *client.Client, plain string) bool {
	hash := HashToken(plain)
	return c != nil && c.Registered != nil && len(c.Registered.TokenHash) == len(hash) && subtle.ConstantTimeCompare(hash[:], c.Registered.TokenHash) == 1
}

// NewID makes a client id of 128 bits.
func NewID() string { return rand.Text() }

// Equip gives a client the secret that its method needs, if it has none that will do, and takes away those it has no use for.
// Plain is the new secret; it is told once.
func Equip(c *client.Client, master key.Master, now time.Time) (plain string, err error) {
	byMAC := c.AuthMethod == client.MethodSecretJWT
	switch {
	case c.AuthMethod == client.MethodNone || c.AuthMethod == client.MethodPrivateKeyJWT:
		c.Secrets = nil
		return "", nil
	case slices.ContainsFunc(c.Secrets, func(s client.Secret) bool { return s.Live(now) && (!byMAC || len(s.Sealed) > 0) }):
		c.Secrets = slices.Clone(c.Secrets)
		for i := range c.Secrets {
			if !byMAC {
				c.Secrets[i].Sealed = nil
			}
		}
		return "", nil
	}
	plain, s := client.NewSecret(now, 0)
	if byMAC {
		if s.Sealed, err = client.SealSecret(master, c.Realm, c.ID, s.ID, plain); err != nil {
			return "", err
		}
	}
	c.Secrets = []client.Secret{s}
	return plain, nil
}

// HasSecret reports whether a text is one of the client's secrets (RFC 7592 section 2.2: a client may send it along and must
// not change it). Those of clients that registered themselves are generated, and so cheap to compare.
func HasSecret(c *client.Client, plain string, now time.Time) bool {
	hash, found := []byte(user.Digest(plain)), 0
	for _, s := range c.Secrets {
		if s.Live(now) {
			found |= subtle.ConstantTimeCompare(hash, []byte(s.Hash))
		}
	}
	return found == 1
}
