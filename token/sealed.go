package token

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"sallyport/key"
	"sallyport/realm"
	"sallyport/scope"
)

// A sealed token is
//
//	"sps_" base64url( 1 version | 3 tag of the key | 24 nonce | XChaCha20-Poly1305( payload ) )
//
// with realm, version and tag as associated data. The tag says which of the realm's secrets sealed it.
const (
	sealedPrefix  = "sps_"
	sealedVersion = 1
	sealedHead    = 1 + 3
	flagFamily    = 1 << 0
	flagSignIn    = 1 << 1
)

// A derived holds what is derived from one secret of a realm, once.
type derived struct {
	secret    *key.SecretKey
	aead      cipher.AEAD
	refresh   [32]byte
	reference [32]byte
}

func (s *Service) derive(secret *key.SecretKey) (*derived, error) {
	if d, ok := s.secrets.Load(secret.ID); ok {
		return d.(*derived), nil
	}
	seal := secret.Derive("seal")
	aead, err := chacha20poly1305.NewX(seal[:])
	if err != nil {
		return nil, err
	}
	d := &derived{secret: secret, aead: aead, refresh: secret.Derive("refresh"), reference: secret.Derive("reference")}
	s.secrets.Store(secret.ID, d)
	return d, nil
}

// current returns what is derived from the secret in use.
func (s *Service) current(ctx context.Context, realm string) (*derived, error) {
	secret, err := s.keys.Secret(ctx, realm)
	if err != nil {
		return nil, err
	}
	return s.derive(secret)
}

// eachSecret calls try with the keys of each living secret, newest first, until it returns true.
func (s *Service) eachSecret(ctx context.Context, realm string, try func(*derived) bool) error {
	secrets, err := s.keys.Secrets(ctx, realm)
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		d, err := s.derive(secret)
		if err != nil {
			return err
		}
		if try(d) {
			return nil
		}
	}
	return nil
}

func (s *Service) newSealed(ctx context.Context, m *minting) (string, error) {
	d, err := s.current(ctx, m.Realm.Name)
	if err != nil {
		return "", err
	}
	var plain [512]byte
	payload := m.appendPayload(plain[:0])
	b := make([]byte, sealedHead+chacha20poly1305.NonceSizeX, sealedHead+chacha20poly1305.NonceSizeX+len(payload)+d.aead.Overhead())
	b[0] = sealedVersion
	copy(b[1:], d.secret.Tag[:])
	nonce := b[sealedHead:]
	_, _ = rand.Read(nonce) // never fails
	var aad [128]byte
	b = d.aead.Seal(b, nonce, payload, sealedAAD(aad[:0], m.Realm.Name, b[:sealedHead]))
	out := make([]byte, 0, len(sealedPrefix)+b64.EncodedLen(len(b)))
	return string(b64.AppendEncode(append(out, sealedPrefix...), b)), nil
}

func sealedAAD(b []byte, realm string, head []byte) []byte {
	return append(append(append(b, realm...), 0), head...)
}

// readSealed opens a sealed token of the realm, nil if it does not open.
func (s *Service) readSealed(ctx context.Context, r *realm.Realm, raw string) (*Access, error) {
	b, ok := decode(raw[len(sealedPrefix):])
	if !ok || len(b) < sealedHead+chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead || b[0] != sealedVersion {
		return nil, nil
	}
	tag := [3]byte(b[1:sealedHead])
	known := false
	var plain []byte
	open := func(d *derived) bool {
		if d.secret.Tag != tag {
			return false
		}
		known = true
		nonce, sealed := b[sealedHead:sealedHead+chacha20poly1305.NonceSizeX], b[sealedHead+chacha20poly1305.NonceSizeX:]
		var err error
		plain, err = d.aead.Open(nil, nonce, sealed, sealedAAD(nil, r.Name, b[:sealedHead]))
		return err == nil
	}
	if err := s.eachSecret(ctx, r.Name, open); err != nil {
		return nil, err
	}
	if !known {
		// Another node may have begun to use a new secret just now.
		if _, err := s.keys.SecretsAnew(ctx, r.Name); err != nil {
			return nil, err
		}
		if err := s.eachSecret(ctx, r.Name, open); err != nil {
			return nil, err
		}
	}
	if plain == nil {
		return nil, nil
	}
	return readPayload(r, plain), nil
}

// appendPayload writes what a sealed token says: flags, client, user, scopes, audience, times, jti, family, sign-in. Numbers
// are varints, strings and lists are preceded by their length.
func (m *minting) appendPayload(b []byte) []byte {
	var flags byte
	if m.family != (ID{}) {
		flags |= flagFamily
	}
	told := m.told()
	if told != nil {
		flags |= flagSignIn
	}
	b = append(b, flags)
	b = appendText(b, m.Client.ID)
	if m.User != nil {
		b = appendText(b, m.User.Name)
	} else {
		b = append(b, 0)
	}
	b = appendList(b, m.Scope)
	b = appendList(b, m.audience())
	b = binary.AppendVarint(b, m.issued.UnixMicro())
	b = binary.AppendVarint(b, m.issued.UnixMicro()-m.authTime().UnixMicro())
	b = binary.AppendVarint(b, m.expires.Unix())
	b = append(b, m.jti[:]...)
	if flags&flagFamily != 0 {
		b = append(b, m.family[:]...)
		b = binary.AppendUvarint(b, uint64(m.generation))
	}
	if told != nil {
		b = binary.AppendVarint(b, told.At.Unix())
		b = appendText(b, told.ACR)
		b = appendText(b, told.Session)
		b = appendList(b, told.UserInfo)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendList(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

// readPayload undoes appendPayload, nil if anything is missing or left over.
func readPayload(r *realm.Realm, plain []byte) *Access {
	in := &payloadReader{b: plain}
	flags := in.take(1)
	a := &Access{Realm: r.Name, Format: realm.Opaque, Client: in.text(), User: in.text()}
	a.Scope, a.Audience = scope.Set(in.list()), in.list()
	issued, since, expires := in.varint(), in.varint(), in.varint()
	a.IssuedAt, a.StartedAt = time.UnixMicro(issued), time.UnixMicro(issued-since)
	a.ExpiresAt = time.Unix(expires, 0)
	if id := in.take(len(jti{})); id != nil {
		a.ID = jti(id).String()
	}
	if flags != nil && flags[0]&flagFamily != 0 {
		if id := in.take(len(ID{})); id != nil {
			a.Family = ID(id)
		}
		generation := in.uvarint()
		a.Generation = uint32(generation)
		in.bad = in.bad || generation > 1<<32-1
	}
	if flags != nil && flags[0]&flagSignIn != 0 {
		a.SignIn = &SignIn{At: time.Unix(in.varint(), 0), ACR: in.text(), Session: in.text(), UserInfo: in.list()}
		a.SignIn.Bound = a.SignIn.Session != ""
	}
	if in.bad || len(in.b) > 0 || flags[0]&^(flagFamily|flagSignIn) != 0 || a.Client == "" {
		return nil
	}
	return a
}

type payloadReader struct {
	b   []byte
	bad bool
}

func (r *payloadReader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *payloadReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.skip(n)
	return v
}

func (r *payloadReader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.skip(n)
	return v
}

// skip goes on by n bytes; what is not positive is the error of package binary.
func (r *payloadReader) skip(n int) {
	if n <= 0 {
		r.bad = true
		return
	}
	r.b = r.b[n:]
}

func (r *payloadReader) text() string {
	return string(r.take(int(min(r.uvarint(), maxToken))))
}

func (r *payloadReader) list() []string {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	var list []string
	if n > 0 {
		list = make([]string, 0, n)
	}
	for range n {
		list = append(list, r.text())
	}
	return list
}
