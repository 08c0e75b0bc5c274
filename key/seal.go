package key

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
)

// Seal encrypts a secret that both sides have to know, so that it can be stored. It opens for the same purpose, realm and
// id alone. None of the three may contain a NUL.
func (m Master) Seal(purpose, realm, id string, plain []byte) ([]byte, error) {
	aead, associated, err := m.aead(purpose, realm, id)
	if err != nil {
		return nil, err
	}
	return aead.Seal([]byte{envelopeV1}, nil, plain, associated), nil
}

// Open is the opposite of Seal.
func (m Master) Open(purpose, realm, id string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != envelopeV1 {
		return nil, errEnvelope
	}
	aead, associated, err := m.aead(purpose, realm, id)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed[1:], associated)
	if err != nil {
		return nil, errEnvelope
	}
	return plain, nil
}

// aead is AES-256-GCM with a random nonce under a key for this one secret.
func (m Master) aead(purpose, realm, id string) (cipher.AEAD, []byte, error) {
	of := purpose + "\x00" + realm + "\x00" + id
	k, err := hkdf.Key(sha256.New, m[:], nil, "sallyport secret envelope 1\x00"+of, 32)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return aead, []byte(of), err
}

// Derive makes a key for a purpose in a realm that stays the same for as long as the master key does: for names that must
// not change. Neither text may contain a NUL.
func (m Master) Derive(purpose, realm string) ([32]byte, error) {
	k, err := hkdf.Key(sha256.New, m[:], nil, "sallyport derived 1\x00"+purpose+"\x00"+realm, 32)
	if err != nil {
		return [32]byte{}, err
	}
	return [32]byte(k), nil
}
