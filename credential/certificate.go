package credential

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"sallyport/client"
)

// Certificates are the credentials that follow from the certificates a client may come with. What is named twice is one.
func Certificates(c *client.Client) []*Credential {
	var list []*Credential
	seen := map[[32]byte]bool{}
	for _, text := range c.Certificates {
		hash := certificateHash(text)
		if seen[hash] {
			continue
		}
		seen[hash] = true
		list = append(list, &Credential{
			Realm: c.Realm, Client: c.ID, ID: "crt_" + hex.EncodeToString(hash[:]), Kind: Certificate, Hash: hash, Name: text, Status: On,
		})
	}
	return list
}

// certificateHash reads what a client names a certificate by: the SHA-256 of its DER in hex, with colons or without as
// tools print it, or its subject.
func certificateHash(text string) [32]byte {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(raw) != sha256.Size {
		return SubjectHash(text)
	}
	return [32]byte(raw)
}

// SubjectHash is what a client certificate is found by that a client names by its subject (RFC 4514). It is not the hash of
// any certificate.
func SubjectHash(subject string) [32]byte { return sha256.Sum256([]byte("subject\x00" + subject)) }
