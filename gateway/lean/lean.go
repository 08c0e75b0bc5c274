// Package lean carries calls to plain HTTP/1.1 upstreams. It is an http.RoundTripper that costs less than http.Transport
// because it does less: the calling goroutine writes the request and reads the answer, so that nothing is handed from one
// goroutine to another.
//
//	compose ─▶ idle connection, or dial ─▶ look, write, wait ─▶ parse the head ─▶ body ─▶ keep or close
//	ErrRequest      ErrConnect               ErrTimeout          ErrMalformed    ErrBroken
//	ErrBody
//
// It owns its connections. A connection is looked at just before it carries the next request, at no cost: that read takes
// the place of the one that would find nothing after the request has been written. Whatever an upstream sends unasked
// closes the connection, so that it never becomes somebody's answer.
//
// Answers are read strictly (RFC 9112): bare line feeds, folded lines, space before a colon, control characters, lengths
// that are not one number, a length beside chunks and codings other than chunked are errors.
//
// It refuses what http.Transport does better, see Can: TLS, HTTP/2, upgrades, CONNECT, Expect and trailers of requests.
package lean

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how a Transport works. The zero value is good.
type Options struct {
	Connect time.Duration // until there is a connection; 0: 5s
	Answer  time.Duration // from the end of the request to the end of the answer's head; 0: one minute
	Idle    time.Duration // between two pieces of a body, in either direction; 0: five minutes

	MaxIdlePerHost  int           // connections that are kept for each host and port; 0: 256
	IdleConnTimeout time.Duration // for how long; 0: 90s
	MaxHeaderBytes  int           // of an answer's head with all that is sent before it, and of its trailers; 0: 64 KiB

	// Dial makes connections; nil: NewDialer(nil, Connect). Those that are no syscall.Conn are not kept, for they cannot be
	// looked at.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	Now  func() time.Time // nil: time.Now. Deadlines are made from it, so it must not stand still
}

// Limits are the timeouts of one call. Zero means what Options say.
type Limits struct {
	Connect, Answer, Idle time.Duration
}

// or fills in what is missing.
func (l Limits) or(d Limits) Limits {
	if l.Connect <= 0 {
		l.Connect = d.Connect
	}
	if l.Answer <= 0 {
		l.Answer = d.Answer
	}
	if l.Idle <= 0 {
		l.Idle = d.Idle
	}
	return l
}

// A Transport is an http.RoundTripper. It is safe for use by many goroutines; the body of one answer is not.
type Transport struct {
	limits    Limits
	maxIdle   int
	keep      time.Duration
	maxHeader int
	dialer    func(ctx context.Context, network, addr string) (net.Conn, error)
	now       func() time.Time
	hosts     sync.Map    // string, as in URL.Host → *host
	sweeping  atomic.Bool // a timer is set that closes idle connections
	buffers   sync.Pool   // of *buffer
}

var _ http.RoundTripper = (*Transport)(nil)

// New returns a Transport without connections.
func New(o Options) *Transport {
	t := &Transport{
		limits:  Limits{o.Connect, o.Answer, o.Idle}.or(Limits{5 * time.Second, time.Minute, 5 * time.Minute}),
		maxIdle: o.MaxIdlePerHost, keep: o.IdleConnTimeout, maxHeader: o.MaxHeaderBytes, dialer: o.Dial, now: o.Now,
	}
	if t.maxIdle <= 0 {
		t.maxIdle = 256
	}
	if t.keep <= 0 {
		t.keep = 90 * time.Second
	}
	if t.maxHeader <= 0 {
		t.maxHeader = 64 << 10
	}
	if t.dialer == nil {
		t.dialer = NewDialer(nil, t.limits.Connect)
	}
	if t.now == nil {
		t.now = time.Now
	}
	return t
}

// Can says whether the transport can carry a request. For the others there is http.Transport.
func Can(r *http.Request) bool {
	if r.URL == nil || r.URL.Scheme != "http" || r.URL.Opaque != "" || r.Method == http.MethodConnect || len(r.Trailer) > 0 {
		return false
	}
	h := r.Header
	return h["Upgrade"] == nil && h["Expect"] == nil && h["Trailer"] == nil
}

// RoundTrip implements http.RoundTripper with the timeouts of the Options.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.SendInto(new(Answer), r, Limits{})
}

// Send is RoundTrip with timeouts of the call's own.
func (t *Transport) Send(r *http.Request, l Limits) (*http.Response, error) {
	return t.SendInto(new(Answer), r, l)
}
