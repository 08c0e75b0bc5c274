package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	mostKeys = 100
	minRSA   = 2048 // bits; RFC 7518 section 3.3
	maxRSA   = 4096 // a check takes time that grows with the square of it
)

// A key is a public key of somebody else.
type key struct {
	id, alg string // alg "": any that fits
	public  any
}

// algorithms are those that a public key of this type and curve verifies (RFC 7518 section 3.1, RFC 8037 section 3.1).
func algorithms(public any) []string {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 256:
			return []string{"ES256"}
		case 384:
			return []string{"ES384"}
		case 521:
			return []string{"ES512"}
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}

// errElse is of a key that may be good for something, but not for verifying a signature here.
var errElse = errors.New("it is for something else")

// readKey reads one JWK (RFC 7517 section 4).
func readKey(raw json.RawMessage) (key, error) {
	c, err := ParseClaims(raw)
	if err != nil {
		return key{}, fmt.Errorf("it is no JWK: a JSON object in which nothing repeats")
	}
	kty := c.Text("kty")
	switch {
	case kty == "":
		return key{}, fmt.Errorf("it has no kty; name its type")
	case kty == "oct", slices.ContainsFunc([]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}, c.Has): // RFC 7518 section 6
		return key{}, fmt.Errorf("it is a private or secret key; give the public one, and replace this key, which is not secret any more")
	case c.Has("use") && c.Text("use") != "sig", c.Has("key_ops") && !slices.Contains(c.List("key_ops"), "verify"),
		!slices.Contains([]string{"RSA", "EC/P-256", "EC/P-384", "EC/P-521", "OKP/Ed25519"}, kind(kty, c.Text("crv"))): // section 5: passed over
		return key{}, errElse
	}
	if n, err := base64.RawURLEncoding.DecodeString(c.Text("n")); kty == "RSA" && err == nil && len(n) > 0 {
		if bits := new(big.Int).SetBytes(n).BitLen(); bits < minRSA || bits > maxRSA {
			return key{}, fmt.Errorf("it has %d bits; use %d to %d", bits, minRSA, maxRSA)
		}
	}
	var k jose.JSONWebKey
	switch err := k.UnmarshalJSON(raw); {
	case err != nil:
		return key{}, fmt.Errorf("it cannot be read (%s); write it as RFC 7518 section 6 has it", strings.TrimPrefix(err.Error(), "go-jose/go-jose: "))
	case !k.Valid() || !k.IsPublic():
		return key{}, fmt.Errorf("it is no public key")
	}
	return key{id: k.KeyID, alg: k.Algorithm, public: k.Key}, nil
}

func kind(kty, crv string) string {
	if kty == "RSA" {
		return kty
	}
	return kty + "/" + crv
}

func members(text []byte) (list []json.RawMessage, err error) {
	var set map[string]json.RawMessage
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("not a JWK Set: %w", err)
	}
	if err := json.Unmarshal(set["keys"], &list); err != nil || list == nil {
		return nil, fmt.Errorf("not a JWK Set: it has no list of keys")
	}
	return list, nil
}

// readKeys reads a JWK Set (RFC 7517 section 5). What cannot verify a signature of somebody else is left out: secret and
// private keys, keys for encryption, weak ones, and those that are not understood.
func readKeys(text []byte) (keys []key, err error) {
	all, err := members(text)
	if err != nil {
		return nil, err
	}
	for _, raw := range all[:min(len(all), mostKeys)] {
		if k, err := readKey(raw); err == nil {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("none of %d keys verifies signatures", len(all))
	}
	return keys, nil
}

// CheckSet reports what is wrong with a JWK Set that somebody registers, nil if nothing. Public keys alone are taken, and one
// at least must verify signatures. Types of keys that are not known are passed over (RFC 7517 section 5).
func CheckSet(text []byte) error {
	if len(text) > MaxSize {
		return fmt.Errorf("%d bytes are too many; give at most %d", len(text), MaxSize)
	}
	if _, err := ParseClaims(text); err != nil {
		return fmt.Errorf("it is no JSON object in UTF-8 without repetition; give a JWK Set such as {\"keys\":[…]}")
	}
	all, err := members(text)
	switch {
	case err != nil:
		return fmt.Errorf("it has no list of keys; give a JWK Set such as {\"keys\":[…]}")
	case len(all) > mostKeys:
		return fmt.Errorf("%d keys are too many; give at most %d", len(all), mostKeys)
	}
	usable := 0
	for i, raw := range all {
		switch _, err := readKey(raw); {
		case err == nil:
			usable++
		case !errors.Is(err, errElse):
			return fmt.Errorf("key %d: %w", i+1, err)
		}
	}
	if usable == 0 {
		return fmt.Errorf("none of %d keys verifies signatures; give an RSA key, one on P-256, P-384 or P-521, or an Ed25519 key", len(all))
	}
	return nil
}
