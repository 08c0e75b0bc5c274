// Package credential owns what a client may call with other than a token: API keys, and signing keys in the manner of
// digiRunner (DGRK). A credential has the rights of its client, or fewer; it is shown once and may overlap with its
// successor, which is how it is replaced.
//
// An API key is "spk_", its public id, "_" and 256 random bits. It is kept under its SHA-256. A signing key is a public
// id and a secret that both sides have to know, so the secret is kept sealed under the master key.
package credential

import (
	"context"
	"time"

	"sallyport/scope"
	"sallyport/usage"
)

// A Kind says how a credential is used.
type Kind string

// The kinds.
const (
	APIKey    Kind = "apikey"    // sent as it is, in x-api-key
	Signature Kind = "signature" // its secret signs each call: Authorization: DGRK

	// Certificate is a client certificate that stands for a client. It follows from the client's own list (Certificates),
	// and is not made or changed by itself.
	Certificate Kind = "certificate"
)

// A Status says whether a credential may be used. Only an administrator changes it.
type Status string

// The statuses.
const (
	On  Status = "on"
	Off Status = "off"
)

// A Credential is one credential of a client. A *Credential handed out is never modified.
type Credential struct {
	Realm  string   `json:"-"`
	ID     string   `json:"-"` // public; of an API key its prefix
	Client string   `json:"-"`
	Kind   Kind     `json:"-"`
	Hash   [32]byte `json:"-"` // SHA-256 of what a caller presents to be found: the whole API key, the id of a signing key, a certificate

	Name      string    `json:"name,omitempty"`   // in words, for people
	Sealed    []byte    `json:"sealed,omitempty"` // secret of a signing key, sealed under the master key with realm and id as associated data
	Status    Status    `json:"status"`
	Scopes    scope.Set `json:"scopes,omitempty"` // of the client's scopes only these; empty: all of them
	APIs      []string  `json:"apis,omitempty"`   // opens these alone, by name; empty: any
	Uses      int64     `json:"uses,omitempty"`   // calls it is good for; 0: without limit
	CreatedAt time.Time `json:"created_at"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

// Counter names the count of a credential's uses, which never begins anew.
func (c *Credential) Counter() usage.Counter {
	return usage.Counter{Realm: c.Realm, Subject: "key/" + c.ID}
}

// A Store keeps credentials.
type Store interface {
	// CredentialByHash returns one credential, nil if there is none.
	CredentialByHash(ctx context.Context, realm string, hash [32]byte) (*Credential, error)
	// Credentials returns a client's credentials in the order of their ids; client "" means all of the realm.
	Credentials(ctx context.Context, realm, client string) ([]*Credential, error)
	// PutCredential stores a new credential or replaces the one with its id, and tells the change feed (feed.Credential,
	// with the hash in hex as the id).
	PutCredential(ctx context.Context, c *Credential) error
	// DeleteCredential forgets one, and tells the change feed. It does nothing if there is none.
	DeleteCredential(ctx context.Context, realm, id string) error
}
