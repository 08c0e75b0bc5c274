package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/problem"
)

// statusClientGone is what the log and the counters say of a call whose caller did not wait for the answer.
const statusClientGone = 499

func newProxy(c Config) *httputil.ReverseProxy {
	transport := c.Transport
	if transport == nil {
		transport = newTransport(c.Timeout)
	}
	return &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      transport,
		BufferPool:     &buffers{},
		ModifyResponse: answered,
		ErrorHandler:   func(w http.ResponseWriter, r *http.Request, err error) { failed(w, r, err, c.Log) },
		ErrorLog:       slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
}

func newTransport(timeout time.Duration) *http.Transport {
	if timeout == 0 {
		timeout = time.Minute
	}
	return &http.Transport{
		// Proxy stays nil: an environment variable must not send calls elsewhere.
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           4096,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  timeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		DisableCompression:     true, // bodies pass as they are
		ReadBufferSize:         8 << 10,
		WriteBufferSize:        8 << 10,
	}
}

// forward sends the call upstream and the answer back. The call is the context from here on: when the client goes away,
// the upstream is left as well.
//
// What passes through may be large and slow, and so may the answer, during which the server watches the connection. So
// its limit on the time that a request may take to arrive ends here, and no earlier: whoever has not been let in must not
// be able to hold a connection for ever.
func (g *Gateway) forward(w http.ResponseWriter, r *http.Request, c *call) {
	r = r.WithContext(c)
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // not every ResponseWriter has a connection
	if r.ContentLength != 0 && r.Body != nil {
		c.body.ReadCloser = r.Body
		r.Body = &c.body
	}
	g.proxy.ServeHTTP(w, r)
}

// rewrite makes the request that is sent. Hop-by-hop fields are gone already, those named in Connection too, so a caller
// cannot have ours removed.
func rewrite(p *httputil.ProxyRequest) {
	c := callOf(p.In.Context())
	path := c.route.target(c.path, c.end)
	plain, err := url.PathUnescape(path)
	if err != nil { // cannot happen: the path was parsed
		plain = path
	}
	// RawPath is what goes on the wire, for it is a valid encoding of Path. The query goes as it came: it was no part of
	// the decision, and what the library would leave out of it is for the upstream to judge.
	u := p.Out.URL
	u.Scheme, u.Host, u.Opaque, u.User, u.Fragment, u.RawFragment = c.route.scheme, c.route.host, "", nil, "", ""
	u.Path, u.RawPath, u.RawQuery = plain, path, c.Query
	p.Out.Host = ""
	p.Out.Trailer = nil // an upstream may take trailers for headers, and these have not been cleaned
	c.announce(p.Out.Header, p.In)
}

// announce adds what we tell the upstream.
func (c *call) announce(h http.Header, in *http.Request) {
	n := 0
	set := func(name, value string) {
		c.values[n] = value
		h[name] = c.values[n : n+1 : n+1]
		n++
	}
	if c.Source.IsValid() {
		set("X-Forwarded-For", c.Source.String())
	}
	set("X-Forwarded-Host", in.Host)
	if in.TLS != nil || c.visit != nil && c.visit.Secure {
		h["X-Forwarded-Proto"] = protoHTTPS
	} else {
		h["X-Forwarded-Proto"] = protoHTTP
	}
	// RFC 9110 section 7.6.3: a gateway names itself in every request.
	if via := h["Via"]; via == nil && in.ProtoMajor == 1 && in.ProtoMinor == 1 {
		h["Via"] = via11
	} else {
		h["Via"] = append(via, fmt.Sprintf("%d.%d %s", in.ProtoMajor, in.ProtoMinor, pseudonym))
	}
	if c.route.api.Strip && c.end > 0 {
		set("X-Forwarded-Prefix", c.path[:c.end])
	}
	if c.Caller.Client != "" {
		set("X-Sallyport-Client", headerValue(c.Caller.Client))
		set("X-Sallyport-Scope", c.Caller.Scope.String())
	}
	if c.Caller.User != "" {
		set("X-Sallyport-User", headerValue(c.Caller.User))
	}
	if id := c.id(); id != "" {
		set(problem.IDHeader, id)
	}
}

// Values that are shared by all requests; nobody appends to or writes into a header's values.
var (
	protoHTTPS = []string{"https"}
	protoHTTP  = []string{"http"}
	via11      = []string{"1.1 " + pseudonym}
)

// pseudonym is what we are called in Via.
const pseudonym = "sallyport"

// maxRounds is how often a call may have come through gateways like this one. Beyond, an upstream is one of them, and the
// call would go round until something breaks.
const maxRounds = 5

func goesRound(h http.Header) bool {
	rounds := 0
	for _, via := range h["Via"] {
		rounds += strings.Count(via, " "+pseudonym)
	}
	return rounds >= maxRounds
}

// answered sees the upstream's answer.
func answered(res *http.Response) error {
	callOf(res.Request.Context()).status = res.StatusCode
	res.Header.Del(problem.IDHeader) // ours is there already
	return nil
}

// failed answers for an upstream that did not.
func failed(w http.ResponseWriter, r *http.Request, err error, log *slog.Logger) {
	c := callOf(r.Context())
	var timeout net.Error
	refusal := &policy.Refusal{Status: 502, Reason: policy.UpstreamFailed, Detail: "The API's server could not be reached, or broke off. Try again shortly."}
	switch {
	case c.Context.Err() != nil:
		c.status = statusClientGone
		w.WriteHeader(statusClientGone) // nobody reads it
		return
	case c.body.failed.Load():
		refusal = &policy.Refusal{Status: 400, Reason: oauth.RequestMalformed, Detail: oauth.Fail(oauth.RequestMalformed, "").Description}
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		refusal = &policy.Refusal{Status: 504, Reason: policy.UpstreamTimeout, Detail: "The API's server took too long. Try again shortly."}
	}
	log.Warn("a call could not be forwarded", "realm", c.route.api.Realm, "api", c.route.api.Name, "id", c.id(), "reason", refusal.Reason, "cause", err)
	c.refuse(w, r, refusal)
}

// buffers are what bodies are copied through. The pool holds pointers to arrays, which cost nothing to put away.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return make([]byte, bufferSize)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }
