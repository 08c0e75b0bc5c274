// Package policy says what a policy is: one rule that a call through the gateway meets on its way to the upstream and
// back. A policy sees an engine-neutral Call and knows nothing of the HTTP engine below, so the engine can be replaced
// without touching a policy.
//
// Each policy is a folder below this one and has a fixed rank; the chain runs in the order of ranks, whatever the order
// in the file.
package policy

import (
	"context"
	"net/netip"
	"time"

	"sallyport/api"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

// A Call is one call through the gateway, on its way to the upstream.
type Call struct {
	Method string
	Host   string
	Path   string // as api.ParsePath has it: what is decided on is what goes upstream
	Query  string
	Header Header
	Source netip.Addr
	Realm  *realm.Realm
	API    *api.API
	Caller Caller // who calls, once an authenticating policy has said so
}

// Header is the call's header fields. Names compare without case.
type Header interface {
	Get(name string) string
	Values(name string) []string
	Set(name, value string)
	Add(name, value string)
	Del(name string)
}

// A Caller is who a credential stands for. The zero value is nobody.
type Caller struct {
	Client string
	User   string
	Scope  scope.Set
	Scheme string        // authentication scheme of the credential, for the challenge if it does not reach far enough
	Token  *token.Access // nil unless a bearer token was used
}

// A Refusal ends a call. The gateway writes it in the API's own error shape.
type Refusal struct {
	Status    int
	Reason    oauth.Reason
	Detail    string     // for the caller
	Scheme    string     // scheme of the WWW-Authenticate challenge; "" for none
	Challenge oauth.Code // "error" of the challenge (RFC 6750 section 3.1); "" when no credential was sent
	Scope     scope.Set  // scopes of which any would do, with InsufficientScope

	RetryAfter time.Duration // with 429 and 503: when to try again; 0: not said
}

// Error implements error.
func (r *Refusal) Error() string { return string(r.Reason) }

// Reasons of the gateway itself, beside those of package oauth.
const (
	APIUnknown       oauth.Reason = "api_unknown"       // nothing is registered under that path
	APIDisabled      oauth.Reason = "api_disabled"      // registered, and switched off
	APIMisconfigured oauth.Reason = "api_misconfigured" // registered in a way that this server does not understand
	PathRefused      oauth.Reason = "path_refused"      // a spelling of the path about which two servers could disagree
	UpstreamFailed   oauth.Reason = "upstream_failed"   // the upstream is away or broke off
	UpstreamTimeout  oauth.Reason = "upstream_timeout"  // the upstream took too long
	UpstreamLoop     oauth.Reason = "upstream_loop"     // the upstream is this gateway
)

// A Policy lets a call pass (nil), or refuses it with a *Refusal. Any other error is a fault of ours and answers 500.
//
// A policy that authenticates sets the call's Caller and takes its own credential out of the header, so that it goes no
// further. When the call brings no credential of its kind it refuses with TokenMissing; then another way in may do.
type Policy interface {
	Request(ctx context.Context, c *Call) error
}
