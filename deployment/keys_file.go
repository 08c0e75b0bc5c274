package deployment

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"sallyport/credential"
	"sallyport/deployment/strictyaml"
	"sallyport/scope"
)

// A wantedKey is an entry of api_keys or signature_keys.
type wantedKey struct {
	strictyaml.Place
	credential.Credential // as it is to be, but for what is made when it is stored

	plain     string // the key, or the secret of a signing key
	generated bool
}

func (k *APIKey) wanted(in, of string) wantedKey {
	w := wantedKey{Place: k.Place, plain: k.Key, generated: k.Generated}
	w.Credential = credential.Credential{
		Realm: in, Client: of, ID: k.ID, Kind: credential.APIKey, Name: k.Name, Status: credential.Status(k.Status), Scopes: scope.Set(k.Scopes),
		APIs: k.APIs, Uses: k.Uses, NotBefore: k.NotBefore.Time, NotAfter: k.NotAfter.Time, RevokedAt: k.RevokedAt.Time,
	}
	switch raw, err := hex.DecodeString(k.KeyHash); {
	case k.Key != "":
		w.Hash = credential.HashOf(k.Key)
	case err == nil && len(raw) == len(w.Hash):
		w.Hash = [32]byte(raw)
	}
	if w.Status == "" {
		w.Status = credential.On
	}
	return w
}

func (k *SignatureKey) wanted(in, of string) wantedKey {
	w := wantedKey{Place: k.Place, plain: k.Secret}
	w.Credential = credential.Credential{
		Realm: in, Client: of, ID: k.ID, Kind: credential.Signature, Hash: credential.HashOf(k.ID), Name: k.Name, Status: credential.Status(k.Status),
		Scopes: scope.Set(k.Scopes), APIs: k.APIs, Uses: k.Uses, NotBefore: k.NotBefore.Time, NotAfter: k.NotAfter.Time, RevokedAt: k.RevokedAt.Time,
	}
	w.Sealed, _ = base64.StdEncoding.DecodeString(k.SecretSealed) // looked at by the checker
	if w.Status == "" {
		w.Status = credential.On
	}
	return w
}

// wantedKeys are the keys that a client is to have, of the kinds that the file speaks of.
func (c *Client) wantedKeys(in string) (list []wantedKey, kinds []credential.Kind) {
	if c.Has("api_keys") {
		kinds = append(kinds, credential.APIKey)
		for i := range c.APIKeys {
			list = append(list, c.APIKeys[i].wanted(in, c.ID))
		}
	}
	if c.Has("signature_keys") {
		kinds = append(kinds, credential.Signature)
		for i := range c.SignatureKeys {
			list = append(list, c.SignatureKeys[i].wanted(in, c.ID))
		}
	}
	return list, kinds
}

// leastKey is the shortest key or secret there may be, in bytes: what is guessed at by machines has to be long.
const leastKey = 16

// keys checks the keys of a client.
func (c *checker) keys(cl *Client) {
	subject := "client " + cl.ID
	names := map[string]bool{}
	for i := range cl.APIKeys {
		k := &cl.APIKeys[i]
		c.one(k.Place, subject, []string{"key", "key_env", "key_file", "key_hash", "generated"})
		c.resolve(k.Place, subject, "key", &k.Key, &k.KeyEnv, &k.KeyFile)
		raw, err := hex.DecodeString(k.KeyHash)
		switch {
		case k.Key == "" && k.KeyHash == "" && !k.Generated:
			c.faults.Add(k.At, "%.100s: api_keys: entry %d holds no key; give one of key, key_env, key_file, key_hash and generated", subject, i+1)
		case k.KeyHash != "" && (err != nil || len(raw) != 32):
			c.faults.Add(k.Of("key_hash"), "%.100s: key_hash: is not a SHA-256; write 64 hex digits", subject)
		case k.Generated && (k.Name == "" || names[k.Name]):
			c.faults.Add(k.Of("generated"), "%.100s: generated: a key that is made is found again by its name; give it one that no other key of the client has", subject)
		case k.Key != "" && len(k.Key) < leastKey:
			c.faults.Add(k.Of("key"), "%.100s: key: can be guessed; use %d characters or more", subject, leastKey)
		}
		names[k.Name] = true
		c.key(subject, k.wanted("", cl.ID))
	}
	for i := range cl.SignatureKeys {
		k := &cl.SignatureKeys[i]
		c.one(k.Place, subject, []string{"secret", "secret_env", "secret_file", "secret_sealed"})
		c.resolve(k.Place, subject, "secret", &k.Secret, &k.SecretEnv, &k.SecretFile)
		_, err := base64.StdEncoding.DecodeString(k.SecretSealed)
		switch {
		case k.ID == "" || strings.Contains(k.ID, "."):
			c.faults.Add(k.Of("id"), "%.100s: signature_keys: entry %d needs an id without a point", subject, i+1)
		case k.Secret == "" && k.SecretSealed == "":
			c.faults.Add(k.At, "%.100s: signature_keys: entry %d holds no secret; give one of secret, secret_env, secret_file and secret_sealed", subject, i+1)
		case err != nil:
			c.faults.Add(k.Of("secret_sealed"), "%.100s: secret_sealed: is not Base64; copy it from an export", subject)
		case k.Secret != "" && len(k.Secret) < leastKey:
			c.faults.Add(k.Of("secret"), "%.100s: secret: can be guessed; use %d characters or more", subject, leastKey)
		}
		c.key(subject, k.wanted("", cl.ID))
	}
}

// key checks what has nothing to do with how a key is given.
func (c *checker) key(subject string, w wantedKey) {
	rest := w.Credential
	rest.Kind, rest.Sealed, rest.Hash = credential.APIKey, nil, [32]byte{1}
	if rest.ID == "" {
		rest.ID = "made later"
	}
	c.told(w.Place, subject, credential.Check(&rest))
}

// addKey writes a stored credential into the client that it belongs to.
func (c *Client) addKey(k *credential.Credential) {
	status := Status(k.Status)
	switch k.Kind {
	case credential.APIKey:
		c.APIKeys = append(c.APIKeys, APIKey{
			ID: k.ID, KeyHash: hex.EncodeToString(k.Hash[:]), Name: k.Name, Status: status, Scopes: k.Scopes, APIs: k.APIs, Uses: k.Uses,
			NotBefore: Moment{k.NotBefore}, NotAfter: Moment{k.NotAfter}, RevokedAt: Moment{k.RevokedAt},
		})
	case credential.Signature:
		c.SignatureKeys = append(c.SignatureKeys, SignatureKey{
			ID: k.ID, SecretSealed: base64.StdEncoding.EncodeToString(k.Sealed), Name: k.Name, Status: status, Scopes: k.Scopes, APIs: k.APIs, Uses: k.Uses,
			NotBefore: Moment{k.NotBefore}, NotAfter: Moment{k.NotAfter}, RevokedAt: Moment{k.RevokedAt},
		})
	}
}

// where is how an error names an entry.
func (w *wantedKey) where() string {
	name := "api_keys"
	if w.Kind == credential.Signature {
		name = "signature_keys"
	}
	if label := strings.TrimSpace(w.ID + " " + w.Name); label != "" {
		return fmt.Sprintf("client %.80s: %s: %.80s", w.Client, name, label)
	}
	return fmt.Sprintf("client %.80s: %s", w.Client, name)
}
