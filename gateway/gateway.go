// Package gateway is the face towards callers of APIs. It finds the registered API a call is for, has the API's policies
// decide, and forwards what may pass:
//
//	hygiene ─▶ match API and route ─▶ clean the headers ─▶ policies ─▶ choose a target ─▶ send ─▶ policies ─▶ answer
//	   400        404, 405, 503                             401, 403 …     403, 503     502, 504
//
// The decision is made on the bytes that go upstream: there is one parser of paths (api.ParsePath), and what it returns is
// what is matched and what is sent. It refuses what two servers could read differently.
//
// Headers by which an upstream could take a stranger for somebody are removed in every spelling before ours are added. A
// credential that was for us is not forwarded; the upstream is told who calls by X-Sallyport-Client, X-Sallyport-User and
// X-Sallyport-Scope. Hop-by-hop fields end here (RFC 9110 section 7.6.1), in both directions.
//
// CONNECT and TRACE are refused, and so is every protocol switch but WebSocket's: behind any other, calls would flow that
// nobody decides on.
//
// A call is an object that is used again for another one when nobody can hold on to it any more; call.go says when.
package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"sallyport/api"
	"sallyport/feed"
	"sallyport/gateway/upstream"
	"sallyport/oauth"
	"sallyport/policy"
)

// Face is what the gateway is called in the log and in metrics.
const Face = "gateway"

// A RefuseFunc writes a refusal in some product's error shape. It must do something sensible with every status and reason.
// Of the call it may be that little is known.
type RefuseFunc = func(http.ResponseWriter, *http.Request, *policy.Call, *policy.Refusal)

// A Meter counts the calls of one API. reason is "" for calls that were forwarded.
type Meter = func(status int, reason oauth.Reason, took time.Duration)

// Config is what a gateway works with.
type Config struct {
	APIs    api.Store                     // required
	Hub     *feed.Hub                     // tells when to read them again; required
	Parts   policy.Parts                  // what chains are put together from
	Refuse  map[string]RefuseFunc         // writers by the API's Errors, or by the dialect of the call; any other: RFC 6750 and problem+json
	Meter   func(realm, api string) Meter // makes the counters of an API; nil: nobody counts
	Timeout time.Duration                 // for an upstream to begin its answer, unless the API says; 0: one minute
	Log     *slog.Logger                  // required
	Now     func() time.Time              // required

	// Dial makes connections to upstreams; nil: to any address but those that no upstream has any business at.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Transport carries calls to upstreams; nil: engines of the gateway's own. Tests put others here.
	Transport http.RoundTripper
}

// A Gateway is an http.Handler. The realm is in the context of its requests.
type Gateway struct {
	log       *slog.Logger
	now       func() time.Time
	refuse    map[string]RefuseFunc
	upstreams *upstream.Manager
	compiler  *compiler
	routes    *routes
	calls     sync.Pool // of *call
	copies    copies
}

// New reads the APIs and returns a gateway that serves them: there is no moment at which it serves an empty table. Close
// must be called in the end.
func New(c Config) (*Gateway, error) {
	if c.Dial == nil {
		c.Dial = newDialer()
	}
	g := &Gateway{log: c.Log, now: c.Now, refuse: c.Refuse}
	g.upstreams = upstream.New(upstream.Config{Log: c.Log, Now: c.Now, Dial: c.Dial})
	g.compiler = newCompiler(c, g.upstreams)
	g.calls.New = func() any { return g.newCall() }
	g.copies.init()
	var err error
	if g.routes, err = watchRoutes(c, g.compiler); err != nil {
		g.upstreams.Close()
		return nil, err
	}
	return g, nil
}

// Close ends what the gateway does in the background, and its idle connections to upstreams. Calls under way are not
// touched.
func (g *Gateway) Close() {
	g.routes.close()
	g.upstreams.Close()
	g.copies.close()
	g.compiler.close()
}

// Upstreams are the servers that calls go to, for those who watch them.
func (g *Gateway) Upstreams() *upstream.Manager { return g.upstreams }

// ServeHTTP implements http.Handler. It rewrites the header of the request, which it is the last to serve.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := g.begin(w, r)
	defer c.end()
	c.serve()
	c.whole = true
}

func (c *call) serve() {
	if refusal := c.accept(); refusal != nil {
		c.refuse(refusal)
		return
	}
	c.ran = true
	if err := c.route.chain.Request(c.Context, &c.Call); err != nil {
		c.refuse(c.refusalOf(err))
		return
	}
	if c.Call.Answer != nil {
		c.answerItself()
		return
	}
	if c.preflight { // no policy knew what to do with it
		if refusal := c.narrow(); refusal != nil {
			c.refuse(refusal)
			return
		}
	}
	c.forward()
}

// refusalOf turns what a policy returned into what the caller is told.
func (c *call) refusalOf(err error) *policy.Refusal {
	var refusal *policy.Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	e := oauth.AsError(err)
	status := http.StatusInternalServerError
	if e.Code == oauth.TemporarilyDown {
		status = http.StatusServiceUnavailable
	}
	if c.Context.Err() == nil { // otherwise the client went away, and everybody stopped for it
		c.g.log.Error("a policy could not decide", "api", c.route.api.Name, "realm", c.route.api.Realm, "id", c.id(), "cause", err)
	}
	c.cause = err
	return &policy.Refusal{Status: status, Reason: e.Reason, Detail: oauth.Fail(e.Reason, "").Description, RetryAfter: e.RetryAfter}
}
