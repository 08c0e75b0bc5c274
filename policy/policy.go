// Package policy says what a policy is: one rule that a call through the gateway meets on its way to the upstream and
// back. A policy sees an engine-neutral Call and knows nothing of the HTTP engine below, so the engine can be replaced
// without touching a policy.
//
// Each policy is a folder below this one and has a fixed rank; the chain runs in the order of ranks, whatever the order
// in the file:
//
//	before anybody is known   ipfilter ▸ cors ▸ ratelimit and concurrency by address
//	who calls                 one of the ways in ▸ the client's own conditions ▸ scope
//	what the caller may use   ratelimit ▸ priority ▸ concurrency ▸ quota
//	what is answered or sent  mock ▸ backauth ▸ headers ▸ rewrite ▸ cache ▸ upstream
//
// The answer comes back through the same policies in the opposite order. The cache is the last to see a call, so that it
// goes by what the upstream would be asked, and what the others add to an answer is added to stored ones as well.
package policy

import (
	"context"
	"io"
	"net/netip"
	"net/textproto"
	"time"

	"sallyport/api"
	"sallyport/client"
	"sallyport/feed"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

// Ranks of the kinds. Those below 0 run before anybody is authenticated. A policy that is Early runs at its rank's
// mirror image below 0.
const (
	RankIPFilter    = -40
	RankCORS        = -35
	RankRateLimit   = 10
	RankPriority    = 20
	RankConcurrency = 30
	RankQuota       = 40
	RankMock        = 50
	RankHeaders     = 60
	RankRewrite     = 70
	RankCache       = 80
)

// A Call is one call through the gateway. It belongs to the goroutine that serves it and is used again for another call
// once Done has run: a policy keeps nothing of it.
type Call struct {
	Method string
	Host   string
	Path   string    // as api.ParsePath has it; rewrite may change what goes upstream
	Query  string    // as it came; rewrite may change it
	Header Header    // of the request, what a caller may not say taken out already
	Reply  Header    // fields that the answer will carry, whoever gives it: upstream, policy or refusal
	Body   Body      // of the request; nobody reads it unless a policy asks
	Time   time.Time // when the call arrived
	Source netip.Addr
	Peer   Peer // what TLS says of the caller
	Realm  *realm.Realm
	API    *api.API
	Route  *api.Route // route of the API that matched; nil: none
	Params []Param    // path parameters, left to right
	Caller Caller     // who calls, once an authenticating policy has said so

	Dialect string // that its refusals are written in; "": RFC 6750 and problem+json

	Answer *Answer // set by a policy that answers the call itself; then nothing is sent upstream

	kept [4]kept
	more []kept // what found no room there
	ran  int
}

// A Param is a path parameter, as it stands in the path (escaped).
type Param struct{ Name, Value string }

// Header is header fields. Names compare without case.
type Header interface {
	Get(name string) string
	Values(name string) []string
	Set(name, value string)
	Add(name, value string)
	Del(name string)
}

// Fields is header fields that can be listed as well, the names in canonical form.
type Fields = textproto.MIMEHeader

// A Body is the body of a request for the policies that look into it.
type Body interface {
	// Length is the number of bytes, -1 if nobody knows before the end.
	Length() int64
	// Read returns the whole body, which goes upstream all the same. A body of more than most bytes is a *Refusal of
	// status 413, one that does not come to its end one of status 400.
	Read(most int64) ([]byte, error)
}

// A Peer is what the connection says of the caller.
type Peer struct {
	Certificate []byte // DER of the client certificate, verified against the server's client authorities; nil: none
	Subject     string // its subject (RFC 4514)
	Secure      bool   // the call came by TLS, if only as far as a trusted proxy
}

// A Caller is who a credential stands for. The zero value is nobody.
type Caller struct {
	Client     string
	User       string
	Scope      scope.Set
	Scheme     string         // authentication scheme of the credential, for the challenge if it does not reach far enough
	Way        string         // the way in that it was let in by
	Presented  string         // the Authorization field as it came, if the credential was there; never log it
	Credential string         // public name of the credential: jti of a token, id of a key; "" if it has none
	Token      *token.Access  // nil unless a bearer token was used
	Record     *client.Client // set by the chain: the client's own conditions hold
	Slots      *feed.Slots    // what is remembered with the credential, so that limits are found without a search; may be nil
}

// An Answer is what a policy answers itself.
type Answer struct {
	Status int
	Header []Param // in this order
	Body   []byte
}

// A Response is what comes back, from the upstream or from a policy that answered. A policy may change all of it, and
// wraps Body to see what passes.
type Response struct {
	Status int
	Header Fields        // of the upstream's answer alone: what is in Reply is not among them
	Body   io.ReadCloser // never nil
	Length int64         // of Body; -1: unknown
	Cut    bool          // the body ends where the connection does, so that nobody can tell whether it is all of it

	// Failure is not nil when the upstream did not answer; it is what the caller will be told. A policy that knows
	// better sets the other fields and clears it.
	Failure *Refusal
	// Answered says that a policy answered, not the upstream.
	Answered bool
}

// A Refusal ends a call. The gateway writes it in the API's own error shape.
type Refusal struct {
	Status    int
	Reason    oauth.Reason
	Detail    string     // for the caller
	Scheme    string     // scheme of the WWW-Authenticate challenge; "" for none
	Schemes   []string   // others that would do as well, when no credential was sent
	Challenge oauth.Code // "error" of the challenge (RFC 6750 section 3.1); "" when no credential was sent
	Scope     scope.Set  // scopes of which any would do, with InsufficientScope

	ACR    string        // authentication context class that would do, with InsufficientUserAuth (RFC 9470 section 3); "": any
	MaxAge time.Duration // how long ago the sign-in may be, likewise; 0: any time

	RetryAfter time.Duration // with 429 and 503: when to try again; 0: not said

	// For those who ask why (sallyport explain). The chain fills in Policy.
	Policy  string // name of the policy or way in that refused
	Facts   []Fact // what was compared with what
	Fix     string // what to do about it, in words for the caller
	Subject string // what the reason is about, for dialects that name it: a client id, a limit
}

// A Fact is one thing that a decision was made on. It never holds a secret.
type Fact struct {
	Name, Value string
	Public      bool // the caller may know as well
}

// Error implements error.
func (r *Refusal) Error() string { return string(r.Reason) }

// A Policy lets a call pass (nil), answers it (c.Answer), or refuses it with a *Refusal. Any other error is a fault of
// ours and answers 500.
//
// A policy that authenticates sets the call's Caller and takes its own credential out of the header, so that it goes no
// further. When the call brings no credential of its kind it refuses with TokenMissing; then another way in may do.
type Policy interface {
	Request(ctx context.Context, c *Call) error
}

// A Responder also sees what comes back. It is asked if its Request let the call pass or answered it, and not for calls
// that were refused.
type Responder interface {
	Response(ctx context.Context, c *Call, r *Response) error
}

// A Finisher is told when a call is over, however it ended, if its Request was called. The body has been sent by then.
type Finisher interface {
	Done(c *Call)
}

// An Early policy may ask to run before anybody is authenticated: a limit by address costs no signature.
type Early interface {
	BeforeAuth() bool
}

type kept struct{ owner, value any }

// Keep remembers a value of a policy until the call is over: from its Request to its Response and Done.
func (c *Call) Keep(owner Policy, value any) {
	for i := range c.kept {
		if k := &c.kept[i]; k.owner == nil || k.owner == any(owner) {
			*k = kept{owner, value}
			return
		}
	}
	for i := range c.more {
		if c.more[i].owner == any(owner) {
			c.more[i].value = value
			return
		}
	}
	c.more = append(c.more, kept{owner, value})
}

// Kept returns what the policy has put by with Keep, nil if nothing.
func (c *Call) Kept(owner Policy) any {
	for i := range c.kept {
		if c.kept[i].owner == any(owner) {
			return c.kept[i].value
		}
	}
	for i := range c.more {
		if c.more[i].owner == any(owner) {
			return c.more[i].value
		}
	}
	return nil
}
