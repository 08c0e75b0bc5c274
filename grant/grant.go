// Package grant is the token pipeline, the one way to a token:
//
//	authenticate the client ─▶ admit it ─▶ the grant proves ─▶ clear the proof ─▶ token issues ─▶ audit
//	   secret, throttle        status,       who, and what       user, scope,
//	                           dates,        was asked for       trust
//	                           grant
//
// A grant (a folder below this one) only proves: it reads its own parameters and says on whose behalf the client acts and
// how far. It never mints a token and never writes a response, so a check that stands in the pipeline cannot be forgotten
// in a sibling grant. Faces and dialects turn requests into a Request, and token.Issued or a reason into their own wire
// format.
package grant

import (
	"context"
	"net/netip"
	"time"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
	"sallyport/user"
)

// A Request is one call to a token endpoint, as its front door understood it.
type Request struct {
	Realm   *realm.Realm
	Type    string // the grant_type parameter
	HasType bool   // it was there, if only empty
	Client  client.Credentials
	Params  oauth.Params // the grant's own parameters among them
	Source  netip.Addr   // where the call came from, trusted proxies taken into account
	Rules   Rules
}

// A ScopeRule says what a requested scope does.
type ScopeRule int

// The rules.
const (
	ScopeAsk    ScopeRule = iota // each requested scope must be allowed; none requested: all the client may have
	ScopeIgnore                  // whatever is requested: all the client may have (digiRunner)
	ScopeReduce                  // what is allowed of the requested; none requested: none (Kustvakt's client credentials)
)

// Rules are the points on which front doors differ. The zero value is RFC 6749 with the product's defaults.
type Rules struct {
	Dialect            string // the front door, for the record; "" is the standard one
	Shape              token.Shape
	Scope              ScopeRule
	ScopeLimit         scope.Set // with ScopeReduce: a further limit; nil: none
	Separators         string    // characters that separate scopes; "": space
	FoldGrant          bool      // grant types compare without case
	Secretless         []string  // the only grants without a secret, for public clients and those with the word "public" among their grants; nil: all but client credentials, for public clients
	TrustedOnly        []string  // grants that only trusted clients may use
	RefreshAny         bool      // client credentials get a refresh token as well
	NoRefreshForPublic bool      // public clients get no refresh token (Kustvakt)
	EndAccess          bool      // a refresh ends the access tokens issued before it
	BareCode           bool      // public clients may redeem a code that was made without a challenge, unless realm or client wants one (Kustvakt)
	Access             realm.AccessToken
	Refresh            realm.RefreshToken
	Issuer             string // "iss" of JWTs when the front door has its own
}

// A Grant is one grant type. Implementations hold no state of requests.
type Grant interface {
	// Type is the grant_type value.
	Type() string
	// Prove finds out on whose behalf the client acts. It may read, and may use up what is used once; it must not
	// write anything else.
	Prove(ctx context.Context, a *Attempt) (Proof, error)
}

// An Attempt is what is already certain when a grant is asked to prove.
type Attempt struct {
	*Request
	Client        *client.Client // exists, is enabled, may use the grant
	Authenticated bool           // it proved itself by a secret; a public client cannot
	Now           time.Time
}

// A Proof says on whose behalf the client acts and how far. The pipeline clears it before anything is issued.
type Proof struct {
	User       *user.User // nil: the client acts for itself
	Ceiling    scope.Set  // with HasCeiling: scope may not go beyond it (an earlier grant)
	HasCeiling bool
	Continues  *token.Presented // a refresh token in use
	Refresh    bool             // a refresh token may be issued
	SignIn     *token.SignIn    // how the user signed in on our own pages; nil: not there
	Family     token.ID         // the name of the new grant; zero: any
}
