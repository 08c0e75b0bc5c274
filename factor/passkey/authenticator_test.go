package passkey_test

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

// Flags of the authenticator data (WebAuthn Level 3 section 6.1).
const (
	present  = 0x01
	verified = 0x04
	eligible = 0x08
	backedUp = 0x10
	attested = 0x40
)

// An authenticator is one in software, with one ES256 key. What it is told to do wrong, it does.
type authenticator struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte
	count  uint32
	flags  byte

	origin    string // of the page, as the browser sees it
	rpID      string // empty: that of the options
	challenge string // empty: that of the options
	typ       string // empty: the right one
	forged    bool   // signs with another key
	nameless  bool   // leaves out the user handle
}

func newAuthenticator(t *testing.T, flags byte) *authenticator {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authenticator{t: t, key: k, id: make([]byte, 32), flags: flags | present, origin: origin}
	_, _ = rand.Read(a.id)
	return a
}

// options are those of either ceremony.
type options struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		RP        struct{ ID, Name string }
		RPID      string `json:"rpId"`
		User      struct{ ID, Name, DisplayName string }
		Exclude   []struct{ ID string } `json:"excludeCredentials"`
		Allow     []struct{ ID string } `json:"allowCredentials"`
		Verify    string                `json:"userVerification"`
		Attest    string                `json:"attestation"`
		Params    []struct{ Alg int }   `json:"pubKeyCredParams"`
		Selection struct {
			UserVerification, ResidentKey string
		} `json:"authenticatorSelection"`
	} `json:"publicKey"`
}

func read(t *testing.T, raw []byte) (o options) {
	t.Helper()
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (a *authenticator) clientData(typ, challenge string) []byte {
	raw, err := json.Marshal(map[string]any{
		"type": or(a.typ, typ), "challenge": or(a.challenge, challenge), "origin": a.origin, "crossOrigin": false,
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return raw
}

func (a *authenticator) data(rpID string, flags byte) []byte {
	sum := sha256.Sum256([]byte(or(a.rpID, rpID)))
	return binary.BigEndian.AppendUint32(append(sum[:], flags), a.count)
}

// create answers navigator.credentials.create.
func (a *authenticator) create(raw []byte) []byte {
	o := read(a.t, raw)
	var err error
	if a.handle, err = base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID); err != nil {
		a.t.Fatal(err)
	}
	data := a.data(o.PublicKey.RP.ID, a.flags|attested)
	data = append(data, make([]byte, 16)...) // AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(append(data, a.id...), a.cose()...)
	object := []byte{0xa3, 0x63, 'f', 'm', 't', 0x64, 'n', 'o', 'n', 'e', 0x67, 'a', 't', 't', 'S', 't', 'm', 't', 0xa0, 0x68, 'a', 'u', 't', 'h', 'D', 'a', 't', 'a'}
	object = binary.BigEndian.AppendUint16(append(object, 0x59), uint16(len(data)))
	object = append(object, data...)
	return a.answer(map[string]any{
		"clientDataJSON": b64(a.clientData("webauthn.create", o.PublicKey.Challenge)), "attestationObject": b64(object),
		"transports": []string{"internal", "hybrid"},
	})
}

// cose is the public key (RFC 9052 section 7): kty EC2, alg ES256, crv P-256, x, y.
func (a *authenticator) cose() []byte {
	point, err := a.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		a.t.Fatal(err)
	}
	b := []byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}
	b = append(b, point[1:33]...)
	return append(append(b, 0x22, 0x58, 0x20), point[33:]...)
}

// get answers navigator.credentials.get.
func (a *authenticator) get(raw []byte) []byte {
	o := read(a.t, raw)
	client := a.clientData("webauthn.get", o.PublicKey.Challenge)
	data := a.data(o.PublicKey.RPID, a.flags)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(data[:len(data):len(data)], hash[:]...))
	key := a.key
	if a.forged {
		key = newAuthenticator(a.t, 0).key
	}
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	answer := map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)}
	if !a.nameless {
		answer["userHandle"] = b64(a.handle)
	}
	return a.answer(answer)
}

func (a *authenticator) answer(response map[string]any) []byte {
	raw, err := json.Marshal(map[string]any{
		"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "authenticatorAttachment": "platform", "response": response,
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}}, // nobody has asked
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return raw
}
