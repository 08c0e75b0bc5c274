package key

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"time"
)

const rsaBits = 2048

// makeRecord draws a key and seals it as the record of its realm, algorithm and serial.
func makeRecord(m Master, realm string, alg Alg, serial int64, now, active time.Time) (Record, error) {
	rec := Record{Realm: realm, Alg: alg, Serial: serial, CreatedAt: now, ActiveAt: active}
	var plain []byte
	var err error
	if alg == Secret {
		rec.ID, plain = drawSecret()
	} else {
		rec.ID, rec.Public, plain, err = drawPair(alg)
	}
	if err != nil {
		return Record{}, fmt.Errorf("making a %s key: %w", alg, err)
	}
	rec.Sealed, err = seal(m, &rec, plain)
	return rec, err
}

// drawSecret returns a secret and an id that tells nothing of it.
func drawSecret() (id string, plain []byte) {
	b := make([]byte, 16+32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:16]), b[16:]
}

func drawPair(alg Alg) (id string, public, private []byte, err error) {
	var signer crypto.Signer
	switch alg {
	case RS256, PS256:
		signer, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case ES256:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("no such algorithm; use %s, %s, %s or %s", RS256, PS256, ES256, EdDSA)
	}
	if err != nil {
		return "", nil, nil, err
	}
	if id, err = thumbprint(signer.Public()); err != nil {
		return "", nil, nil, err
	}
	if public, err = x509.MarshalPKIXPublicKey(signer.Public()); err != nil {
		return "", nil, nil, err
	}
	private, err = x509.MarshalPKCS8PrivateKey(signer)
	return id, public, private, err
}

// fits reports whether a public key is of the kind and strength its algorithm needs, so that a record whose algorithm was
// tampered with in the store cannot be used for another (RFC 8725 section 3.1).
func fits(alg Alg, public crypto.PublicKey) bool {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return (alg == RS256 || alg == PS256) && k.N.BitLen() >= rsaBits
	case *ecdsa.PublicKey:
		return alg == ES256 && k.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return alg == EdDSA
	}
	return false
}
