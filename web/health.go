package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Health answers whether the process lives and whether it should be sent requests.
type Health struct {
	Check   func(context.Context) error // whether what we depend on is there; nil: nothing is needed
	Timeout time.Duration               // for Check; 0: 2 s
	Log     *slog.Logger                // why we are not ready; nil: nobody wants to know
	Now     func() time.Time            // required

	draining atomic.Bool

	mu    sync.Mutex // one check at a time: the page is open to strangers
	at    time.Time  // of the last check
	fault error      // its outcome
}

// healthMemo is how long the outcome of a check is good.
const healthMemo = time.Second

// Drain makes the process unready for good, so that balancers look elsewhere while it finishes what it has begun.
func (h *Health) Drain() { h.draining.Store(true) }

// Live answers 200 as long as there is somebody to answer (/healthz).
func (h *Health) Live() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		WriteBody(w, http.StatusOK, "application/json", []byte(`{"status":"ok"}`))
	})
}

// Ready answers 200 if requests can be served, otherwise 503 (/readyz). The cause goes to the log.
func (h *Health) Ready() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body := http.StatusOK, `{"status":"ready"}`
		switch {
		case h.draining.Load():
			status, body = http.StatusServiceUnavailable, `{"status":"draining"}`
		case h.check(r.Context()) != nil:
			status, body = http.StatusServiceUnavailable, `{"status":"unavailable"}`
		}
		WriteBody(w, status, "application/json", []byte(body))
	})
}

func (h *Health) check(ctx context.Context) error {
	if h.Check == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.at.IsZero() && h.Now().Sub(h.at) < healthMemo {
		return h.fault
	}
	timeout := h.Timeout
	if timeout == 0 {
		timeout = 2 * time.Second
	}
	// The outcome is for everybody who asks, so it does not hang on whether this one stays to hear it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- h.Check(ctx) }()
	select {
	case h.fault = <-done:
	case <-ctx.Done():
		h.fault = errors.Join(errors.New("the readiness check did not end in time"), ctx.Err())
	}
	h.at = h.Now()
	if h.fault != nil && h.Log != nil {
		h.Log.Warn("not ready", "cause", h.fault)
	}
	return h.fault
}
