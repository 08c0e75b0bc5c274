package engine_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"sallyport/store/engine"
)

type conn struct{ closed bool }

func TestPool(t *testing.T) {
	var opened, closed atomic.Int32
	p := engine.NewPool(3, func(context.Context) (*conn, error) {
		opened.Add(1)
		return &conn{}, nil
	}, func(c *conn) error {
		if c.closed {
			t.Error("closed twice")
		}
		c.closed = true
		closed.Add(1)
		return nil
	})
	var lent atomic.Int32
	var all sync.WaitGroup
	for n := range 100 {
		all.Go(func() {
			c, err := p.Get(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			if c.closed {
				t.Error("a closed connection was lent")
			}
			if lent.Add(1) > 3 {
				t.Error("more were lent than there may be")
			}
			lent.Add(-1)
			p.Put(c, n%10 != 0)
		})
	}
	all.Wait()
	if closed.Load() != 10 {
		t.Errorf("%d bad connections were closed, want 10", closed.Load())
	}
	c, err := p.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- p.Close() }()
	for refused := false; !refused; {
		other, err := p.Get(t.Context())
		switch {
		case engine.IsAway(err) && errors.Is(err, engine.ErrClosed):
			refused = true
		case err != nil:
			t.Fatal(err)
		default: // Close has not begun yet
			p.Put(other, true)
		}
	}
	p.Put(c, true)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if opened.Load() != closed.Load() {
		t.Errorf("%d opened, %d closed", opened.Load(), closed.Load())
	}
}

func TestPoolWaitsNoLongerThanTheCaller(t *testing.T) {
	boom := errors.New("boom")
	fail := true
	p := engine.NewPool(1, func(context.Context) (*conn, error) {
		if fail {
			return nil, boom
		}
		return &conn{}, nil
	}, func(*conn) error { return nil })
	for range 3 { // a failure gives its place back
		if _, err := p.Get(t.Context()); !errors.Is(err, boom) {
			t.Fatal(err)
		}
	}
	fail = false
	c, err := p.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := p.Get(ctx); left <- err }()
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	p.Put(c, true)
	if _, err := p.Get(t.Context()); err != nil {
		t.Error(err)
	}
}
