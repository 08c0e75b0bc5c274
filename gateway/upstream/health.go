package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"sallyport/api"
)

const (
	defaultEvery   = 10 * time.Second
	defaultTimeout = 2 * time.Second
	defaultFails   = 3
	defaultPasses  = 2
	maxFirst       = time.Second // checks begin spread over at most this
	maxAnswerHead  = 64 << 10
)

// A checkKey is all that a health request depends on. Targets for which it is the same share one check, even of different
// APIs.
type checkKey struct {
	url    string
	host   string // of the request; "": the URL's
	clear  bool   // HTTP/2 without TLS
	health api.Health
}

// A check asks one server for its health. It is presumed well until it has failed.
type check struct {
	m       *Manager
	key     checkKey
	every   time.Duration
	timeout time.Duration
	stop    context.CancelFunc // ends its goroutine
	uses    int                // targets that share it; under Manager.mu

	down  atomic.Bool
	cause atomic.Pointer[string] // why the last request failed; nil: it did not
}

// watch has the targets of a new group checked; under Manager.mu.
func (m *Manager) watch(g *Group) error {
	u := g.spec.upstreams
	if u.Health.Path == "" {
		return nil
	}
	path, err := url.Parse(u.Health.Path)
	if err != nil || !strings.HasPrefix(u.Health.Path, "/") || strings.HasPrefix(u.Health.Path, "//") || path.Fragment != "" {
		return fmt.Errorf("health.path: %.80q is not a path; write it from the root of the server, like /healthz", u.Health.Path)
	}
	for _, p := range g.pools {
		for _, t := range p.targets {
			key := checkKey{
				url:    (&url.URL{Scheme: t.Scheme, Host: t.Host, Path: path.Path, RawPath: path.RawPath, RawQuery: path.RawQuery}).String(),
				clear:  u.HTTP2 && t.Scheme == "http",
				health: u.Health,
			}
			if u.Host != "caller" {
				key.host = u.Host
			}
			t.check = m.check(key)
		}
	}
	return nil
}

// check returns the check of a key, and begins it if it is the first; under Manager.mu.
func (m *Manager) check(key checkKey) *check {
	c := m.checks[key]
	if c == nil {
		c = &check{m: m, key: key, every: key.health.Every.Std(), timeout: key.health.Timeout.Std()}
		if c.every <= 0 {
			c.every = defaultEvery
		}
		if c.timeout <= 0 {
			c.timeout = defaultTimeout
		}
		m.checks[key] = c
		var ctx context.Context
		ctx, c.stop = context.WithCancel(m.ctx)
		if ctx.Err() == nil {
			m.running.Go(func() { c.run(ctx) })
		}
	}
	c.uses++
	return c
}

// release gives up the checks of a group; under Manager.mu.
func (m *Manager) release(g *Group) {
	for _, p := range g.pools {
		for _, t := range p.targets {
			c := t.check
			if c == nil {
				continue
			}
			if c.uses--; c.uses == 0 {
				c.stop()
				delete(m.checks, c.key)
			}
		}
	}
}

// run asks until its context ends.
func (c *check) run(ctx context.Context) {
	fails, passes := 0, 0
	timer := time.NewTimer(time.Duration(c.m.below(uint64(min(c.every, maxFirst)))))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(c.every) // before asking: an answer that is slow does not make checks rarer
		err := c.ask(ctx)
		if ctx.Err() != nil {
			return // it says nothing of the server
		}
		if err != nil {
			fails, passes = fails+1, 0
			cause := err.Error()
			c.cause.Store(&cause)
		} else {
			fails, passes = 0, passes+1
			c.cause.Store(nil)
		}
		c.decide(fails, passes, err)
	}
}

func (c *check) decide(fails, passes int, err error) {
	down := c.down.Load()
	switch {
	case !down && fails >= orDefault(c.key.health.Fails, defaultFails):
		c.down.Store(true)
		c.m.log.Warn("an upstream server is down: it does not pass its health check", "check", c.key.url, "cause", err)
	case down && passes >= orDefault(c.key.health.Passes, defaultPasses):
		c.down.Store(false)
		c.m.log.Info("an upstream server is up again", "check", c.key.url)
	}
}

func orDefault(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// ask sends one health request.
func (c *check) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.key.url, nil)
	if err != nil {
		return err
	}
	r.Host = c.key.host
	r.Header.Set("User-Agent", "sallyport-health")
	client := c.m.plain
	if c.key.clear {
		client = c.m.clear
	}
	res, err := client.Do(r)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // without the URL, which is known
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %v", c.timeout)
		}
		return err
	}
	_ = res.Body.Close() // what it says does not count
	switch want := c.key.health.Status; {
	case want != 0 && res.StatusCode != want:
		return fmt.Errorf("it answered %d, not %d", res.StatusCode, want)
	case want == 0 && (res.StatusCode < 200 || res.StatusCode > 399):
		return fmt.Errorf("it answered %d", res.StatusCode)
	}
	return nil
}

// healthClients returns the clients of health requests. They follow no redirect and use no proxy: what is asked is the
// server that calls go to. Each request makes a connection, which is what a server that is going down refuses first.
func healthClients(c Config) (plain, clear *http.Client) {
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	client := func() (*http.Client, *http.Transport) {
		t := &http.Transport{
			DialContext: dial, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxAnswerHead,
		}
		if c.TLS != nil {
			t.TLSClientConfig = c.TLS.Clone()
		}
		return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, t
	}
	plain, t := client()
	t.ForceAttemptHTTP2 = true // an own dialer turns it off otherwise
	clear, t = client()
	t.Protocols = new(http.Protocols)
	t.Protocols.SetUnencryptedHTTP2(true)
	return plain, clear
}
