// Package client owns the OAuth client (RFC 6749 section 2): who it is, which grants and scopes it may have, how it proves
// itself, and when it may act at all.
//
// Secrets are kept hashed. A generated secret has so much entropy that SHA-256 is enough; one that a person chose is
// hashed by argon2id, and a check that succeeded is remembered for a while so that it costs once. Several secrets may be
// live at the same time, which is how they are rotated.
package client

import (
	"context"
	"encoding/json"
	"time"

	"sallyport/realm"
	"sallyport/scope"
)

// A Type is a client type of RFC 6749 section 2.1.
type Type string

// The types.
const (
	Confidential Type = "confidential"
	Public       Type = "public"
)

// A Status says whether a client may act. Only an administrator changes it: failed guesses never do.
type Status string

// The statuses.
const (
	On     Status = "on"
	Off    Status = "off"
	Locked Status = "locked"
)

// A Client is a registered OAuth client. A *Client handed out is never modified.
type Client struct {
	Realm string `json:"-"`
	ID    string `json:"id"`

	Name         string             `json:"name,omitempty"`
	Description  string             `json:"description,omitempty"`
	URL          string             `json:"url,omitempty"`
	Type         Type               `json:"type"`
	Status       Status             `json:"status"`
	Trusted      bool               `json:"trusted,omitempty"` // may act for users on its own word: Kustvakt's "super" client
	Secrets      []Secret           `json:"secrets,omitempty"`
	Grants       []string           `json:"grants,omitempty"`
	Scopes       scope.Set          `json:"scopes,omitempty"`
	Audience     []string           `json:"audience,omitempty"`      // "aud" of its tokens; empty: the realm's issuer
	Authorities  []string           `json:"authorities,omitempty"`   // digiRunner's authorities of the client itself
	RedirectURIs []string           `json:"redirect_uris,omitempty"` // RFC 6749 section 3.1.2
	AccessToken  realm.AccessToken  `json:"access_token,omitzero"`
	RefreshToken realm.RefreshToken `json:"refresh_token,omitzero"`
	NotBefore    time.Time          `json:"not_before,omitzero"` // first moment it may act; zero: no bound
	NotAfter     time.Time          `json:"not_after,omitzero"`  // from then on it may not; zero: no bound

	AuthMethod Method          `json:"auth_method,omitempty"` // the only way it may authenticate; empty: Basic, the body, or not at all if it is public
	AuthAlg    string          `json:"auth_alg,omitempty"`    // the only algorithm of its assertions; empty: any that fits the method
	JWKS       json.RawMessage `json:"jwks,omitempty"`        // its public keys (RFC 7517 section 5)
	JWKSURI    string          `json:"jwks_uri,omitempty"`    // where they are; never both
	OpenID     OpenID          `json:"openid,omitzero"`
	Registered *Registered     `json:"registered,omitempty"` // it registered itself (RFC 7591); nil: an administrator made it

	// Conditions and limits of calls through the gateway.
	Addresses    []Network `json:"addresses,omitempty"`    // it calls from these alone; empty: from anywhere
	Hours        Hours     `json:"hours,omitzero"`         // it calls at these hours alone
	Rate         int       `json:"rate,omitempty"`         // calls per second, to all APIs whose rate limit leaves it to the client; 0: no limit
	Quota        Quota     `json:"quota,omitzero"`         // calls in a period, to all APIs whose quota leaves it to the client
	TokenUses    int64     `json:"token_uses,omitempty"`   // calls that one access token is good for (digiRunner); 0: no limit
	Priority     int       `json:"priority,omitempty"`     // 1 is served first under pressure, 9 last; 0 means 5
	Certificates []string  `json:"certificates,omitempty"` // hex SHA-256 of client certificates it may come with, or their subjects (RFC 4514)
}

// A Secret is one credential of a client, hashed.
type Secret struct {
	ID        string    `json:"id"`
	Hash      string    `json:"hash"` // "sha256:…" for a generated one, otherwise as package user has it ("$argon2id$…", "$2b$…", …)
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: lives until removed
	Sealed    []byte    `json:"sealed,omitempty"`    // the secret itself under the master key, only of clients that authenticate by client_secret_jwt
}

// Live reports whether the secret counts at the moment now.
func (s Secret) Live(now time.Time) bool { return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) }

// A Store keeps clients.
type Store interface {
	// Client returns one client, nil if there is none.
	Client(ctx context.Context, realm, id string) (*Client, error)
	// Clients returns a page of the realm's clients in the order of their ids, those after the id `after`.
	Clients(ctx context.Context, realm, after string, limit int) ([]*Client, error)
	// ReplaceClientSecret swaps one stored hash for another of the same secret (an upgrade of its cost). It does nothing
	// if the old hash is no longer there.
	ReplaceClientSecret(ctx context.Context, realm, id, oldHash, newHash string) error
}

// A Method is how a client presented itself (RFC 6749 section 2.3; names of RFC 8414 token_endpoint_auth_methods).
type Method string

// The methods.
const (
	MethodNone  Method = "none"
	MethodBasic Method = "client_secret_basic"
	MethodPost  Method = "client_secret_post"

	MethodPrivateKeyJWT Method = "private_key_jwt"   // OpenID Connect Core section 9, RFC 7523 section 2.2
	MethodSecretJWT     Method = "client_secret_jwt" // likewise
)

// Credentials are what a request says about its client, before anything is believed.
type Credentials struct {
	Method    Method
	ID        string
	Secret    string
	HasSecret bool // a secret was sent, if only an empty one

	Assertion     string // client_assertion (RFC 7521 section 4.2), of type AssertionType
	HasAssertion  bool   // one was sent, if only an empty one
	AssertionType string // client_assertion_type
}
