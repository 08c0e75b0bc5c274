package gateway

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"

	"sallyport/gateway/upstream"
)

// largestCopy is the largest body of a call that is sent to a mirror as well.
const largestCopy = 64 << 10

// copies are calls that are sent to mirrors as well. Nobody waits for what comes back.
type copies struct {
	ctx     context.Context
	stop    context.CancelFunc
	mu      sync.Mutex // nobody adds to running when Wait begins
	running sync.WaitGroup
}

func (m *copies) init() { m.ctx, m.stop = context.WithCancel(context.Background()) }

func (m *copies) close() {
	m.mu.Lock()
	m.stop()
	m.mu.Unlock()
	m.running.Wait()
}

// send sends a copy. It owns the request.
func (m *copies) send(r *route, t *upstream.Target, out *http.Request, body string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return
	}
	if body != "" {
		out.Body = io.NopCloser(strings.NewReader(body))
	}
	r.group.Begin(t)
	m.running.Go(func() {
		limits := r.link.limits
		ctx, cancel := context.WithTimeout(m.ctx, limits.Connect+limits.Answer)
		defer cancel()
		engine, _ := r.link.engine(out, &r.api.Upstreams, false)
		if engine == r.link.standard && out.Header["User-Agent"] == nil {
			out.Header["User-Agent"] = nil // none is better than one that is not the caller's
		}
		res, err := engine.RoundTrip(out.WithContext(ctx))
		if err != nil {
			r.group.End(t, 0, err)
			return
		}
		_, _ = io.CopyN(io.Discard, res.Body, largestCopy) // so that the connection can be used again
		_ = res.Body.Close()
		r.group.End(t, res.StatusCode, nil)
	})
}
