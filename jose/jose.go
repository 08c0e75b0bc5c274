// Package jose reads what others have signed: client assertions (RFC 7523), request objects (RFC 9101), access tokens of
// other issuers. It owns JWS in compact form (RFC 7515 section 7.1), the keys to verify it by (RFC 7517), where those come
// from, and the claims in it (RFC 7519). Whose claims they are and what they must say is for the caller.
//
// The caller says beforehand by which algorithms something may be signed (RFC 8725 section 3.1) and by whose keys. What the
// signed text says of its own keys (jku, jwk, x5u, x5c) is not looked at. Refused are encryption, critical extensions and
// payloads that are not encoded (RFC 7797), members that repeat, and whatever is longer or deeper than anybody needs.
//
// What this server signs itself is the matter of packages key and token.
package jose

import (
	"context"
	"errors"
)

// The bounds.
const (
	MaxSize    = 64 << 10 // bytes of a signed text, or of a key set that is registered
	maxHeader  = 8 << 10  // bytes of a header, encoded
	maxKid     = 1 << 10  // bytes of a key id
	maxDepth   = 16       // of objects and arrays in one another
	maxMembers = 1000     // of one object
)

// What is refused. Errors of this package match these by errors.Is. Their texts are for logs.
var (
	// ErrMalformed: not signed text, or by an algorithm that was not agreed on.
	ErrMalformed = errors.New("not a JWS that is taken here")
	// ErrSignature: none of the keys made the signature.
	ErrSignature = errors.New("the signature does not verify")
	// ErrKeys: there are no keys to verify by: none are given, or where they are does not answer.
	ErrKeys = errors.New("no keys to verify by")
)

// None is the algorithm of what is not signed (RFC 7518 section 3.6).
const None = "none"

// Asymmetric are the algorithms whose keys can be published.
func Asymmetric() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// Symmetric are the algorithms by a shared secret. It must be as long as their hash at least (RFC 7518 section 3.2).
func Symmetric() []string { return []string{"HS256", "HS384", "HS512"} }

// A Token is signed text, read.
type Token struct {
	Alg      string
	KeyID    string
	Type     string // typ, as it was sent
	Payload  []byte
	Unsigned bool // its algorithm is none: nobody vouches for it
}

// A Source says whose keys count. One of the fields is set, or Issuer and URI.
type Source struct {
	Inline []byte // a JWK Set
	URI    string // where one is
	Secret []byte // shared, for HMAC alone
	Issuer string // whose metadata say where one is, if URI does not
}

// A Fetcher gets documents from other servers: fetch.Fetcher.
type Fetcher interface {
	Get(ctx context.Context, url string) ([]byte, error)
}
