package upstream_test

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/gateway/upstream"
	"sallyport/policy"
)

var caller = netip.MustParseAddr("192.0.2.1")

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Unix(1_800_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// seeded returns random bits that are the same in each run.
func seeded(seed uint64) func() uint64 {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 1))
	return func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		return r.Uint64()
	}
}

func newManager(t testing.TB, c upstream.Config) *upstream.Manager {
	t.Helper()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	m := upstream.New(c)
	t.Cleanup(m.Close)
	return m
}

func group(t testing.TB, m *upstream.Manager, a *api.API) *upstream.Group {
	t.Helper()
	g, err := m.Group(a)
	if err != nil {
		t.Fatalf("Group: %v", err)
	}
	return g
}

func pick(t testing.TB, g *upstream.Group, key string, tried ...*upstream.Target) *upstream.Target {
	t.Helper()
	got, err := g.Pick(caller, key, tried)
	if err != nil {
		t.Fatalf("Pick: %v", err)
	}
	return got
}

// wantRefusal checks that an error is a refusal with a reason, and returns it.
func wantRefusal(t testing.TB, err error, status int, want policy.Refusal) *policy.Refusal {
	t.Helper()
	var r *policy.Refusal
	if !errors.As(err, &r) || r.Status != status || r.Reason != want.Reason {
		t.Fatalf("refusal %+v, want status %d and reason %s", err, status, want.Reason)
	}
	if r.Detail == "" || r.Fix == "" || len(r.Facts) == 0 {
		t.Errorf("refusal %+v leaves the caller or the operator alone", r)
	}
	return r
}
