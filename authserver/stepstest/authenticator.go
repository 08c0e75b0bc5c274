package stepstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// An Authenticator is one in software, with one key (WebAuthn Level 3 section 6).
type Authenticator struct {
	Verifies bool // its user, not just that somebody is there

	t      testing.TB
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte
	count  uint32
}

// Authenticator returns a new one.
func (h *House) Authenticator(verifies bool) *Authenticator {
	h.T.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.must(err)
	a := &Authenticator{t: h.T, key: k, id: make([]byte, 32), Verifies: verifies}
	_, _ = rand.Read(a.id)
	return a
}

type options struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		RP        struct {
			ID string `json:"id"`
		} `json:"rp"`
		RPID string `json:"rpId"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	} `json:"publicKey"`
}

func (a *Authenticator) read(raw string) (o options) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(raw), &o); err != nil {
		a.t.Fatalf("options %q: %v", raw, err)
	}
	return o
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *Authenticator) said(kind, challenge string) []byte {
	raw, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": URL, "crossOrigin": false})
	if err != nil {
		a.t.Fatal(err)
	}
	return raw
}

func (a *Authenticator) data(rpID string, attested bool) []byte {
	const present, verified, withKey = 0x01, 0x04, 0x40
	flags := byte(present)
	if a.Verifies {
		flags |= verified
	}
	if attested {
		flags |= withKey
	}
	a.count++
	sum := sha256.Sum256([]byte(rpID))
	return binary.BigEndian.AppendUint32(append(sum[:], flags), a.count)
}

// Create answers navigator.credentials.create.
func (a *Authenticator) Create(raw string) string {
	a.t.Helper()
	o := a.read(raw)
	var err error
	if a.handle, err = base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID); err != nil {
		a.t.Fatal(err)
	}
	data := append(a.data(o.PublicKey.RP.ID, true), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(append(data, a.id...), a.cose()...)
	object := append([]byte{0xa3, 0x63}, "fmt"...)
	object = append(append(object, 0x64), "none"...)
	object = append(append(object, 0x67), "attStmt"...)
	object = append(append(object, 0xa0, 0x68), "authData"...)
	object = binary.BigEndian.AppendUint16(append(object, 0x59), uint16(len(data)))
	return a.answer(map[string]any{
		"clientDataJSON": encode(a.said("webauthn.create", o.PublicKey.Challenge)), "attestationObject": encode(append(object, data...)),
	})
}

// cose is the public key (RFC 9052 section 7): EC2, ES256, P-256.
func (a *Authenticator) cose() []byte {
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		a.t.Fatal(err)
	}
	b := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, point[1:33]...)
	return append(append(b, 0x22, 0x58, 0x20), point[33:]...)
}

// Get answers navigator.credentials.get.
func (a *Authenticator) Get(raw string) string {
	a.t.Helper()
	o := a.read(raw)
	said, data := a.said("webauthn.get", o.PublicKey.Challenge), a.data(o.PublicKey.RPID, false)
	hash := sha256.Sum256(said)
	digest := sha256.Sum256(append(data[:len(data):len(data)], hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return a.answer(map[string]any{
		"clientDataJSON": encode(said), "authenticatorData": encode(data), "signature": encode(signature), "userHandle": encode(a.handle),
	})
}

func (a *Authenticator) answer(response map[string]any) string {
	raw, err := json.Marshal(map[string]any{
		"id": encode(a.id), "rawId": encode(a.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return string(raw)
}
