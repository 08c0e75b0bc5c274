package deployment

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"sallyport/deployment/strictyaml"
	"sallyport/user"
)

// one sees that at most one of several keys is given.
func (c *checker) one(p strictyaml.Place, subject string, keys []string) {
	var given []string
	for _, k := range keys {
		if p.Has(k) {
			given = append(given, k)
		}
	}
	if len(given) > 1 {
		c.faults.Add(p.Of(given[1]), "%.100s: %s: give only one of %s", subject, given[1], strings.Join(given, " and "))
	}
}

// resolve replaces a reference to a credential by what it refers to. A message never holds the value.
func (c *checker) resolve(p strictyaml.Place, subject, key string, plain, env, file *string) {
	at := func(suffix string) strictyaml.Pos { return p.Of(key + suffix) }
	switch {
	case *env != "":
		if c.Getenv == nil {
			c.faults.Add(at("_env"), "%.100s: %s_env: no environment is read here; use %s_hash", subject, key, key)
			return
		}
		value, ok := c.Getenv(*env)
		if !ok || value == "" {
			c.faults.Add(at("_env"), "%.100s: %s_env: the environment variable %.80s is not set; set it, or use %s_file or %s_hash", subject, key, *env, key, key)
			return
		}
		*plain, *env = value, ""
	case *file != "":
		if c.ReadFile == nil {
			c.faults.Add(at("_file"), "%.100s: %s_file: no files are read here; use %s_hash", subject, key, key)
			return
		}
		name := *file
		if !filepath.IsAbs(name) {
			name = filepath.Join(c.folder, name)
		}
		data, err := c.ReadFile(name)
		if err != nil {
			c.faults.Add(at("_file"), "%.100s: %s_file: %v; name a file that this command can read", subject, key, err)
			return
		}
		value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
		if value == "" {
			c.faults.Add(at("_file"), "%.100s: %s_file: %s is empty; put the %s into it", subject, key, name, key)
			return
		}
		*plain, *file = value, ""
	case p.Has(key) && *plain == "":
		c.faults.Add(at(""), "%.100s: %s: is empty; write one or leave the key out", subject, key)
	}
	if len(*plain) > maxCredential {
		c.faults.Add(at(""), "%.100s: %s: is longer than %d bytes; use a shorter one", subject, key, maxCredential)
	}
}

// hash sees that a hash is one that passwords can be checked against.
func (c *checker) hash(p strictyaml.Place, subject, key, text string) {
	if !p.Has(key) {
		return
	}
	if err := user.CheckHash(text); err != nil {
		c.faults.Add(p.Of(key), "%.100s: %s: %s", subject, key, strings.TrimPrefix(err.Error(), "hash: "))
	}
}

// sealed checks the form in which export writes a secret that is kept under the master key.
func (c *checker) sealed(s *Secret, subject string) {
	if !s.Has("secret_sealed") {
		return
	}
	_, err := base64.StdEncoding.DecodeString(s.SecretSealed)
	switch {
	case err != nil || s.SecretSealed == "":
		c.faults.Add(s.Of("secret_sealed"), "%.100s: secret_sealed: is not Base64; copy it from an export", subject)
	case s.ID == "" || s.SecretHash == "":
		c.faults.Add(s.Of("secret_sealed"), "%.100s: secret_sealed: needs id and secret_hash beside it; copy all three from an export", subject)
	}
}

// registered checks what export writes of a client that registered itself.
func (c *checker) registered(r *Registered, subject string) {
	if r.At.IsZero() && r.TokenHash == "" && r.Metadata == nil {
		return
	}
	raw, err := hex.DecodeString(r.TokenHash)
	if r.At.IsZero() || err != nil || len(raw) != sha256.Size {
		c.faults.Add(r.Place.At, "%.100s: registered: needs at, and token_hash, a SHA-256 in hex; copy both from an export", subject)
	}
}

// maxCredential is the longest password or secret, in bytes.
const maxCredential = 1024

// choice says which name was probably meant, or which there are.
func choice(name string, names []string) string {
	slices.Sort(names)
	if best := strictyaml.Nearest(name, names); best != "" {
		return "did you mean " + best + "?"
	}
	if len(names) == 0 {
		return "there are none yet"
	}
	return "there are " + strings.Join(names, ", ")
}

func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
