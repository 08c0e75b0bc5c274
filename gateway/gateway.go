// Package gateway is the face towards callers of APIs. It finds the registered API a call is for, has the API's policies
// decide, and forwards what may pass:
//
//	parse the path ─▶ match the API ─▶ clean the headers ─▶ policies ─▶ forward
//	   400               404                                 401, 403     502, 504
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
package gateway

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"time"

	"sallyport/api"
	"sallyport/feed"
	"sallyport/gateway/match"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/web"
)

// Face is what the gateway is called in the log and in metrics.
const Face = "gateway"

// A RefuseFunc writes a refusal in some product's error shape. It must do something sensible with every status and reason.
type RefuseFunc = func(http.ResponseWriter, *http.Request, *policy.Refusal)

// A Meter counts the calls of one API. reason is "" for calls that were forwarded.
type Meter = func(status int, reason oauth.Reason, took time.Duration)

// Config is what a gateway works with.
type Config struct {
	APIs    api.Store                     // required
	Hub     *feed.Hub                     // tells when to read them again; required
	Parts   policy.Parts                  // what chains are put together from
	Refuse  map[string]RefuseFunc         // writers by the API's Errors; any other: RFC 6750 and problem+json
	Meter   func(realm, api string) Meter // makes the counters of an API; nil: nobody counts
	Timeout time.Duration                 // for an upstream to begin its answer; 0: one minute
	Log     *slog.Logger                  // required
	Now     func() time.Time              // required

	// Transport carries calls to upstreams; nil: one of the gateway's own. Tests put others here.
	Transport http.RoundTripper
}

// A Gateway is an http.Handler. The realm is in the context of its requests.
type Gateway struct {
	log    *slog.Logger
	now    func() time.Time
	routes *routes
	proxy  *httputil.ReverseProxy
}

// New reads the APIs and returns a gateway that serves them: there is no moment at which it serves an empty table. Close
// must be called in the end.
func New(c Config) (*Gateway, error) {
	g := &Gateway{log: c.Log, now: c.Now}
	g.proxy = newProxy(c)
	var err error
	if g.routes, err = watchRoutes(c); err != nil {
		return nil, err
	}
	return g, nil
}

// Close ends the gateway's goroutine and its idle connections to upstreams. Calls under way are not touched.
func (g *Gateway) Close() {
	g.routes.close()
	if t, ok := g.proxy.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// ServeHTTP implements http.Handler. It rewrites the header of the request, which it is the last to serve.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Context: r.Context(), start: g.now(), visit: web.VisitOf(r.Context())}
	if c.visit != nil {
		c.visit.Face = Face
	}
	defer c.done(g.now)
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		// RFC 9110 section 9.3.8: an answer to TRACE would show the caller what we tell the upstream.
		w.Header().Set("Connection", "close")
		c.refuse(w, r, &policy.Refusal{Status: 501, Reason: oauth.RequestMethod, Detail: "This method is not forwarded."})
		return
	}
	c.Realm = realm.FromContext(c.Context)
	refusal := g.find(c, r)
	if refusal == nil {
		refusal = c.narrow(w.Header(), r)
	}
	if refusal != nil {
		c.refuse(w, r, refusal)
		return
	}
	clean(r.Header, len(c.route.api.Methods) > 0)
	c.Call.Method, c.Host, c.Query, c.Header = r.Method, r.Host, r.URL.RawQuery, r.Header
	c.Source = web.Source(r)
	if err := c.route.chain.Request(c.Context, &c.Call); err != nil {
		c.refuse(w, r, g.refusalOf(c, err))
		return
	}
	g.forward(w, r, c)
}

// find says which API the call is for.
func (g *Gateway) find(c *call, r *http.Request) *policy.Refusal {
	// RFC 9112 section 3.2.2: the target may be a whole URL. One with a user in it is an error (RFC 9110 section 4.2.4).
	if s := r.URL.Scheme; s != "" && (s != "http" && s != "https" || r.URL.User != nil || r.URL.Opaque != "") {
		return &policy.Refusal{Status: 400, Reason: policy.PathRefused, Detail: "This request is not served: its target is neither a path nor a plain http or https URL."}
	}
	path, err := api.ParsePath(received(r))
	if err != nil {
		return &policy.Refusal{Status: 400, Reason: policy.PathRefused, Detail: "This request is not served: " + err.Error() + "."}
	}
	c.path, c.Path = path, path
	if c.Realm != nil {
		m := g.routes.current(c.Context).find(c.Realm.Name, r.Host, path, r.Header, c.Params[:0])
		if m.Outcome == match.Ambiguous {
			return ambiguous()
		}
		c.route, c.Params, c.end = m.Value, m.Params, m.End
	}
	switch {
	case c.route == nil:
		return &policy.Refusal{Status: 404, Reason: policy.APIUnknown, Detail: "Nothing is registered under this path."}
	case c.route.api.Disabled:
		return &policy.Refusal{Status: 503, Reason: policy.APIDisabled, Detail: "This API is switched off."}
	case c.route.fault != nil:
		return &policy.Refusal{Status: 500, Reason: policy.APIMisconfigured, Detail: "This API is registered in a way that the server does not understand. Its log has the details."}
	}
	c.API = c.route.api
	if goesRound(r.Header) {
		return &policy.Refusal{Status: 508, Reason: policy.UpstreamLoop, Detail: "This API's server sends calls back to this gateway. Its registration has to be corrected."}
	}
	return nil
}

// received returns the path as it was on the wire. RawPath is kept where decoding Path again would not give it back.
func received(r *http.Request) string {
	if r.URL.RawPath != "" {
		return r.URL.RawPath
	}
	return r.URL.EscapedPath()
}

// refusalOf turns what a policy returned into what the caller is told.
func (g *Gateway) refusalOf(c *call, err error) *policy.Refusal {
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
		g.log.Error("a policy could not decide", "api", c.route.api.Name, "realm", c.route.api.Realm, "id", c.id(), "cause", err)
	}
	return &policy.Refusal{Status: status, Reason: e.Reason, Detail: oauth.Fail(e.Reason, "").Description, RetryAfter: e.RetryAfter}
}
