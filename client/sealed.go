package client

import "sallyport/key"

// sealPurpose is what a client's secret is sealed for.
const sealPurpose = "client secret"

// SealSecret encrypts a secret of a client that authenticates by client_secret_jwt, so that its MACs can be checked.
func SealSecret(m key.Master, realm, client, id, plain string) ([]byte, error) {
	return m.Seal(sealPurpose, realm, client+"/"+id, []byte(plain))
}

// OpenSecret is the opposite of SealSecret.
func OpenSecret(m key.Master, realm, client, id string, sealed []byte) ([]byte, error) {
	return m.Open(sealPurpose, realm, client+"/"+id, sealed)
}

// Opener is OpenSecret for whoever has no business with the master key itself; id is the client's id, a slash, and the
// secret's id.
func Opener(m key.Master) func(realm, id string, sealed []byte) ([]byte, error) {
	return func(realm, id string, sealed []byte) ([]byte, error) { return m.Open(sealPurpose, realm, id, sealed) }
}
