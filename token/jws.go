package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"sallyport/key"
)

// maxToken is the length over which a token is not looked at. Issue makes none longer.
const maxToken = 8 << 10

// b64 is base64url without padding whose unused bits must be zero, so that a token has one spelling (RFC 7515 section 2).
var b64 = base64.RawURLEncoding.Strict()

// decode decodes base64url of exactly one spelling. The library's decoder skips line ends; this one does not.
func decode(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := b64.DecodeString(s)
	return b, err == nil
}

// signJWS makes a compact JWS (RFC 7515 section 3.1) of a header and a payload.
func signJWS(header, payload []byte, k *key.Signing) (string, error) {
	b := make([]byte, 0, b64.EncodedLen(len(header))+b64.EncodedLen(len(payload))+2+b64.EncodedLen(256))
	b = b64.AppendEncode(b, header)
	b = append(b, '.')
	b = b64.AppendEncode(b, payload)
	signature, err := signBytes(k, b)
	if err != nil {
		return "", fmt.Errorf("signing with key %s: %w", k.ID, err)
	}
	b = append(b, '.')
	return string(b64.AppendEncode(b, signature)), nil
}

// signBytes makes the signature of RFC 7518 section 3 or RFC 8037 section 3.1. The private half may be in hardware.
func signBytes(k *key.Signing, input []byte) ([]byte, error) {
	if k.Alg == key.EdDSA {
		return k.Key.Sign(rand.Reader, input, crypto.Hash(0))
	}
	sum := sha256.Sum256(input)
	switch k.Alg {
	case key.RS256:
		return k.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	case key.PS256:
		return k.Key.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	case key.ES256:
		der, err := k.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
		if err != nil {
			return nil, err
		}
		return rawECDSA(k.Key.Public(), der)
	}
	return nil, fmt.Errorf("no signature by %q", k.Alg)
}

// rawECDSA turns an ASN.1 signature into the 64 bytes of RFC 7518 section 3.4. Of s and n−s, which are equally valid, it
// takes the smaller, so that a signature has one spelling (canonicalES256).
func rawECDSA(public crypto.PublicKey, der []byte) ([]byte, error) {
	var r, s big.Int
	in := cryptobyte.String(der)
	var inner cryptobyte.String
	k, ok := public.(*ecdsa.PublicKey)
	if !ok || !in.ReadASN1(&inner, asn1.SEQUENCE) || !in.Empty() ||
		!inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) || !inner.Empty() ||
		r.Sign() <= 0 || s.Sign() <= 0 || r.BitLen() > 256 || s.BitLen() > 256 {
		return nil, errors.New("the signer returned no ECDSA signature")
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	if !canonicalES256(out) {
		s.Sub(k.Params().N, &s).FillBytes(out[32:])
	}
	return out, nil
}

// halfOrder is (n−1)/2 of P-256.
const halfOrder = "\x7f\xff\xff\xff\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff\xde\x73\x7d\x56\xd3\x8b\xcf\x42\x79\xdc\xe5\x61\x7e\x31\x92\xa8"

// canonicalES256 reports whether an ES256 signature is the one of its two forms that this package makes.
func canonicalES256(signature []byte) bool {
	return len(signature) == 64 && string(signature[32:]) <= halfOrder
}

// verifyBytes checks a signature. The algorithm is that of the key; what the token's header says has no part in it
// (RFC 8725 section 3.1).
func verifyBytes(k *key.Verifying, input, signature []byte) bool {
	if k.Alg == key.EdDSA {
		public, ok := k.Public.(ed25519.PublicKey)
		return ok && ed25519.Verify(public, input, signature)
	}
	sum := sha256.Sum256(input)
	switch public := k.Public.(type) {
	case *rsa.PublicKey:
		if k.Alg == key.RS256 {
			return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil
		}
		return k.Alg == key.PS256 && rsa.VerifyPSS(public, crypto.SHA256, sum[:], signature,
			&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	case *ecdsa.PublicKey:
		if k.Alg != key.ES256 || len(signature) != 64 {
			return false
		}
		return ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	}
	return false
}

// A compact is a JWS taken apart, before anything in it is believed.
type compact struct {
	header    header
	payload   []byte
	input     string // what was signed
	signature []byte
	v1        bool // the header is exactly that of digiRunner's v1 tokens
}

// A header has the members this product writes. A token with any other ("crit", "zip", "jku", "jwk", "x5u", …) is not ours.
type header struct{ typ, alg, kid, ver string }

// splitJWS takes a compact JWS apart: two dots, no more (RFC 7515 section 7.1), each part in its one spelling.
func splitJWS(raw string) (*compact, bool) {
	if len(raw) > maxToken {
		return nil, false
	}
	first := strings.IndexByte(raw, '.')
	last := strings.LastIndexByte(raw, '.')
	if first < 0 || last == first || strings.IndexByte(raw[first+1:last], '.') >= 0 {
		return nil, false
	}
	head, ok := decode(raw[:first])
	if !ok {
		return nil, false
	}
	c := &compact{input: raw[:last], v1: raw[:first] == digiHeaderText}
	known := true
	ok = readObject(string(head), func(r *jsonReader, name string) {
		switch name {
		case "typ":
			c.header.typ = r.str()
		case "alg":
			c.header.alg = r.str()
		case "kid":
			c.header.kid = r.str()
		case "ver":
			c.header.ver = r.str()
		default:
			known = false
			r.bad = true
		}
	})
	if !ok || !known {
		return nil, false
	}
	if c.payload, ok = decode(raw[first+1 : last]); !ok {
		return nil, false
	}
	c.signature, ok = decode(raw[last+1:])
	return c, ok && len(c.signature) > 0
}

// signedBy reports whether the key made the signature and the header does not contradict it.
func (c *compact) signedBy(k *key.Verifying) bool {
	if k == nil || c.header.alg != string(k.Alg) || k.Alg == key.ES256 && !canonicalES256(c.signature) {
		return false
	}
	return verifyBytes(k, []byte(c.input), c.signature)
}
