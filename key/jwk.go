package key

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
)

// jwkMembers returns the members of a public JWK that its thumbprint covers, in the order of RFC 7638 section 3.2
// (RFC 8037 section 2 for OKP), without braces.
func jwkMembers(public crypto.PublicKey) (string, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf(`"e":%q,"kty":"RSA","n":%q`, b64(big.NewInt(int64(k.E)).Bytes()), b64(k.N.Bytes())), nil
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, x, y: both of full length, as RFC 7518 section 6.2.1.2 wants them
		if err != nil || len(point) != 65 {
			return "", fmt.Errorf("not a key on P-256: %w", err)
		}
		return fmt.Sprintf(`"crv":"P-256","kty":"EC","x":%q,"y":%q`, b64(point[1:33]), b64(point[33:])), nil
	case ed25519.PublicKey:
		return fmt.Sprintf(`"crv":"Ed25519","kty":"OKP","x":%q`, b64(k)), nil
	}
	return "", fmt.Errorf("no JWK for a %T", public)
}

// thumbprint is the kid of a public key: its RFC 7638 thumbprint.
func thumbprint(public crypto.PublicKey) (string, error) {
	members, err := jwkMembers(public)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte("{" + members + "}"))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// appendJWK writes the public key for verifiers (RFC 7517 section 4).
func appendJWK(b []byte, k *held) ([]byte, error) {
	members, err := jwkMembers(k.public)
	if err != nil {
		return b, err
	}
	return fmt.Appendf(b, `{"kid":%q,"use":"sig","alg":%q,%s}`, k.ID, k.Alg, members), nil
}
