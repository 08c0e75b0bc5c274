package key

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

// envelopeV1: AES-256-GCM with a random nonce before the text, under a key derived for this one record.
const envelopeV1 = 1

var errEnvelope = errors.New("the envelope does not open")

// seal encrypts what belongs to the record, which names realm, algorithm and kid; it opens for the same record only.
func seal(m Master, of *Record, plain []byte) ([]byte, error) {
	aead, err := recordAEAD(m, of)
	if err != nil {
		return nil, err
	}
	return aead.Seal([]byte{envelopeV1}, nil, plain, associated(of)), nil
}

// open decrypts the record's Sealed.
func open(m Master, of *Record) ([]byte, error) {
	if len(of.Sealed) == 0 || of.Sealed[0] != envelopeV1 {
		return nil, errEnvelope
	}
	aead, err := recordAEAD(m, of)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, of.Sealed[1:], associated(of))
	if err != nil {
		return nil, errEnvelope
	}
	return plain, nil
}

func recordAEAD(m Master, of *Record) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, m[:], nil, "sallyport key envelope 1\x00"+of.Realm+"\x00"+of.ID, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// associated binds the envelope to its record. None of the three can contain a NUL.
func associated(of *Record) []byte {
	return []byte(of.Realm + "\x00" + of.ID + "\x00" + string(of.Alg))
}
