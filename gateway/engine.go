package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"sallyport/api"
	"sallyport/gateway/lean"
)

// Defaults of api.Timeouts.
const (
	connectTimeout = 5 * time.Second
	answerTimeout  = time.Minute
	idleTimeout    = 5 * time.Minute
)

// What both engines hold to.
const (
	idlePerTarget    = 512              // connections kept for later
	idleConnection   = 90 * time.Second // how long
	largestHead      = 1 << 20          // of an answer
	handshakeTimeout = 10 * time.Second
)

// newDialer makes connections to anywhere but where no upstream has any business: cloud metadata, link-local, multicast.
func newDialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	return lean.NewDialer(nil, connectTimeout)
}

// A link is the engines that carry calls within the same time limits. APIs share it, and the connections with it.
type link struct {
	limits   lean.Limits
	lean     *lean.Transport   // the same for all; nil: never
	standard http.RoundTripper // HTTP/1.1, and HTTP/2 where TLS agrees on it
	clear    http.RoundTripper // HTTP/2 without TLS
	used     bool              // by a route of the table that is being made
}

type links struct {
	config Config
	lean   *lean.Transport
	all    map[lean.Limits]*link
}

func newLinks(c Config) links {
	ls := links{config: c, all: map[lean.Limits]*link{}}
	if c.Transport == nil {
		ls.lean = lean.New(lean.Options{MaxIdlePerHost: idlePerTarget, IdleConnTimeout: idleConnection, MaxHeaderBytes: largestHead, Dial: c.Dial})
	}
	return ls
}

// of returns the link of an API.
func (ls *links) of(a *api.API) *link {
	t := a.Timeouts
	l := lean.Limits{Connect: t.Connect.Std(), Answer: t.Answer.Std(), Idle: t.Idle.Std()}
	if l.Connect <= 0 {
		l.Connect = connectTimeout
	}
	if l.Answer <= 0 {
		if l.Answer = ls.config.Timeout; l.Answer <= 0 {
			l.Answer = answerTimeout
		}
	}
	if l.Idle <= 0 {
		l.Idle = idleTimeout
	}
	if ls.all[l] == nil {
		ls.all[l] = ls.newLink(l)
	}
	ls.use(ls.all[l])
	return ls.all[l]
}

func (ls *links) use(l *link) { l.used = true }

// sweep lets go of links that no route uses. Calls under way keep theirs.
func (ls *links) sweep() {
	for key, l := range ls.all {
		if !l.used {
			delete(ls.all, key)
			l.close()
		}
		l.used = false
	}
}

func (ls *links) close() {
	for _, l := range ls.all {
		l.close()
	}
	if ls.lean != nil {
		ls.lean.CloseIdleConnections()
	}
}

func (ls *links) newLink(l lean.Limits) *link {
	c := ls.config
	if c.Transport != nil {
		return &link{limits: l, standard: c.Transport, clear: c.Transport}
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, l.Connect)
		defer cancel()
		return c.Dial(ctx, network, address)
	}
	clear := newTransport(l, dial)
	clear.Protocols = new(http.Protocols)
	clear.Protocols.SetUnencryptedHTTP2(true)
	return &link{limits: l, lean: ls.lean, standard: newTransport(l, dial), clear: clear}
}

func newTransport(l lean.Limits, dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		// Proxy stays nil: an environment variable must not send calls elsewhere.
		DialContext:            dial,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           8 * idlePerTarget,
		MaxIdleConnsPerHost:    idlePerTarget,
		IdleConnTimeout:        idleConnection,
		TLSHandshakeTimeout:    handshakeTimeout,
		ResponseHeaderTimeout:  l.Answer,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: largestHead,
		DisableCompression:     true, // bodies pass as they are
		ReadBufferSize:         8 << 10,
		WriteBufferSize:        8 << 10,
	}
}

// engine returns what carries a request, and whether that is the lean one.
func (l *link) engine(r *http.Request, u *api.Upstreams, upgrade bool) (http.RoundTripper, bool) {
	switch {
	case upgrade:
		return l.standard, false
	case u.HTTP2 && r.URL.Scheme == "http":
		return l.clear, false
	case u.Engine == "" && l.lean != nil && lean.Can(r):
		return l.lean, true
	}
	return l.standard, false
}

func (l *link) close() {
	for _, t := range []http.RoundTripper{l.standard, l.clear} {
		if t, ok := t.(interface{ CloseIdleConnections() }); ok {
			t.CloseIdleConnections()
		}
	}
}

// send carries a call's request. net/http's transport may hold on to it when the answer is there, and even when it is
// read, so a call that it has carried is not used again.
func (l *link) send(c *call) (*http.Response, error) {
	engine, isLean := l.engine(c.out, &c.route.api.Upstreams, c.websocket)
	if isLean {
		if c.answer == nil {
			c.answer = new(lean.Answer)
		}
		c.answer.Extra = c.said
		return l.lean.SendInto(c.answer, c.out, l.limits)
	}
	c.keep = true
	if !lean.IsQuery(c.url.RawQuery) {
		return nil, errQuery // net/http would write it as it is
	}
	c.sayIn(c.out.Header)
	if c.out.Header["User-Agent"] == nil {
		c.out.Header["User-Agent"] = nil // or net/http would say it is the caller
	}
	res, err := engine.RoundTrip(c.out)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		res.Body = watch(res.Body, l.limits.Idle)
	}
	return res, nil
}

var errQuery = &lean.Error{Kind: lean.ErrRequest, Err: errors.New("its query cannot be written into a request")}

// watch ends the body of an answer that does not go on.
func watch(body io.ReadCloser, idle time.Duration) io.ReadCloser {
	if body == http.NoBody {
		return body
	}
	return &watched{ReadCloser: body, idle: idle}
}

type watched struct {
	io.ReadCloser
	idle  time.Duration
	timer *time.Timer
	late  atomic.Bool
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	if w.timer == nil {
		w.timer = time.AfterFunc(w.idle, func() {
			w.late.Store(true)
			_ = w.ReadCloser.Close() // wakes the read
		})
	} else {
		w.timer.Reset(w.idle)
	}
	n, err := w.ReadCloser.Read(p)
	w.timer.Stop()
	if err != nil && w.late.Load() {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}
