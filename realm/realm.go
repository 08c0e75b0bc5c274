// Package realm owns the realm: an issuer of its own, with its clients, users, scopes, APIs and keys, the other products'
// front doors it opens, and the lifetimes and formats of the tokens it issues.
//
// Realms are few and read by every request, so all of them live in memory (Directory); a change replaces the whole
// immutable snapshot. A *Realm handed out is never modified.
package realm

import (
	"context"
	"encoding/json"
	"time"

	"sallyport/scope"
)

// Default is the name of the realm that is also reached at the root of every listener.
const Default = "default"

// A Realm is one issuer.
type Realm struct {
	Name         string       `json:"name" yaml:"realm"`
	Issuer       string       `json:"issuer,omitempty" yaml:"issuer,omitempty"`              // RFC 8414 section 2; empty: made from the server's public URL
	Hosts        []string     `json:"hosts,omitempty" yaml:"hosts,omitempty"`                // host names this realm answers on
	Dialects     []Dialect    `json:"dialects,omitempty" yaml:"dialects,omitempty"`          // other products' front doors that are open
	AccessToken  AccessToken  `json:"access_token,omitzero" yaml:"access_token,omitempty"`   // defaults for every client
	RefreshToken RefreshToken `json:"refresh_token,omitzero" yaml:"refresh_token,omitempty"` // defaults for every client
	AllScope     string       `json:"all_scope,omitempty" yaml:"all_scope,omitempty"`        // the scope that covers every other; only trusted clients may hold it
	Keys         KeySchedule  `json:"keys,omitzero" yaml:"keys,omitempty"`

	SignIn       SignIn       `json:"sign_in,omitzero" yaml:"sign_in,omitempty"`            // how people sign in
	Registration Registration `json:"registration,omitzero" yaml:"registration,omitempty"`  // who may register clients (RFC 7591)
	Brand        Brand        `json:"brand,omitzero" yaml:"brand,omitempty"`                // how the pages look
	RequirePKCE  bool         `json:"require_pkce,omitempty" yaml:"require_pkce,omitempty"` // of every client, not of public ones alone (RFC 7636)
	RequirePAR   bool         `json:"require_par,omitempty" yaml:"require_par,omitempty"`   // RFC 9126 section 5
	IDTokenAlg   string       `json:"id_token_alg,omitempty" yaml:"id_token_alg,omitempty"` // for clients that name none; empty: RS256, as OpenID Connect Registration section 2 says

	TrustedIssuers []TrustedIssuer `json:"trusted_issuers,omitempty" yaml:"trusted_issuers,omitempty"` // others whose tokens the gateway takes
}

// A Dialect names a front door and holds its settings, which only that dialect's package understands.
type Dialect struct {
	Name     string          `json:"name"`
	Settings json.RawMessage `json:"settings,omitempty"`
}

// Opens reports whether the realm opens the named dialect, and with what settings (nil: none given).
func (r *Realm) Opens(dialect string) (settings json.RawMessage, ok bool) {
	for i := range r.Dialects {
		if r.Dialects[i].Name == dialect {
			return r.Dialects[i].Settings, true
		}
	}
	return nil, false
}

// A Format is the form of an access token.
type Format string

// The formats.
const (
	JWT       Format = "jwt"       // signed, self-contained: RFC 9068
	Opaque    Format = "opaque"    // sealed by AEAD, self-contained; nothing stored until it is revoked
	Reference Format = "reference" // random, stored hashed
)

// AccessToken holds settings of access tokens. Zero fields are inherited: client, realm, dialect, product, in that order.
type AccessToken struct {
	Format Format   `json:"format,omitempty" yaml:"format,omitempty"`
	TTL    Duration `json:"ttl,omitempty" yaml:"ttl,omitempty"`
	Alg    string   `json:"alg,omitempty" yaml:"alg,omitempty"` // for jwt: RS256, PS256, ES256 or EdDSA
}

// Or fills the zero fields of a from b.
func (a AccessToken) Or(b AccessToken) AccessToken {
	if a.Format == "" {
		a.Format = b.Format
	}
	if a.TTL == 0 {
		a.TTL = b.TTL
	}
	if a.Alg == "" {
		a.Alg = b.Alg
	}
	return a
}

// RefreshToken holds settings of refresh tokens. Zero and nil fields are inherited like those of AccessToken.
type RefreshToken struct {
	TTL    Duration  `json:"ttl,omitempty" yaml:"ttl,omitempty"`       // life of the grant from sign-in on; rotation does not extend it
	Idle   Duration  `json:"idle,omitempty" yaml:"idle,omitempty"`     // a grant not refreshed for this long ends; 0: no such limit
	Rotate *bool     `json:"rotate,omitempty" yaml:"rotate,omitempty"` // a new refresh token at every use, with detection of replays
	Grace  *Duration `json:"grace,omitempty" yaml:"grace,omitempty"`   // a retry within it gets the same successor
	Uses   int       `json:"uses,omitempty" yaml:"uses,omitempty"`     // how often one grant may be refreshed; 0: without limit
}

// Or fills the zero fields of a from b.
func (a RefreshToken) Or(b RefreshToken) RefreshToken {
	if a.TTL == 0 {
		a.TTL = b.TTL
	}
	if a.Idle == 0 {
		a.Idle = b.Idle
	}
	if a.Rotate == nil {
		a.Rotate = b.Rotate
	}
	if a.Grace == nil {
		a.Grace = b.Grace
	}
	if a.Uses == 0 {
		a.Uses = b.Uses
	}
	return a
}

// The product's own defaults, at the end of every inheritance.
const (
	DefaultAccessTTL  = Duration(time.Hour)
	DefaultRefreshTTL = Duration(30 * 24 * time.Hour)
	DefaultGrace      = Duration(30 * time.Second)
	DefaultAlg        = "ES256"
)

// KeySchedule says when signing keys change. A key is announced in the JWKS before it signs and stays there until the
// last token it signed is over.
type KeySchedule struct {
	Every    Duration `json:"every,omitempty" yaml:"every,omitempty"`       // a new key this often; 0: only by command
	Announce Duration `json:"announce,omitempty" yaml:"announce,omitempty"` // published this long before it signs; 0: 24 h
}

// A Store keeps realms.
type Store interface {
	// Realms returns every realm.
	Realms(ctx context.Context) ([]*Realm, error)
	// Scopes returns every scope of every realm, by realm.
	Scopes(ctx context.Context) (map[string][]scope.Scope, error)
}

type contextKey struct{}

// NewContext returns a context that carries the realm a request is for.
func NewContext(ctx context.Context, r *Realm) context.Context {
	return context.WithValue(ctx, contextKey{}, r)
}

// FromContext returns the realm of the request, nil if there is none.
func FromContext(ctx context.Context) *Realm {
	r, _ := ctx.Value(contextKey{}).(*Realm)
	return r
}
