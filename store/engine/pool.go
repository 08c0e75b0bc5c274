package engine

import (
	"context"
	"errors"
	"sync"
)

// A Pool lends connections, the one given back last first: its caches are warm.
type Pool[C any] struct {
	open  func(context.Context) (C, error)
	close func(C) error
	slots chan struct{} // one per connection that is lent
	over  chan struct{} // closed by Close: nobody waits for a slot any more

	mu     sync.Mutex
	idle   []C  // guarded by mu
	closed bool // guarded by mu
}

// NewPool returns a Pool of at most size connections, which are opened when they are first needed.
func NewPool[C any](size int, open func(context.Context) (C, error), close func(C) error) *Pool[C] {
	return &Pool[C]{open: open, close: close, slots: make(chan struct{}, size), over: make(chan struct{})}
}

// Get lends a connection. Every one must be given back by Put.
func (p *Pool[C]) Get(ctx context.Context) (c C, err error) {
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	select {
	case p.slots <- struct{}{}:
	default:
		select {
		case p.slots <- struct{}{}:
		case <-p.over:
			return c, &Away{ErrClosed}
		case <-ctx.Done():
			return c, context.Cause(ctx)
		}
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		<-p.slots
		return c, &Away{ErrClosed}
	}
	if n := len(p.idle); n > 0 {
		c, p.idle = p.idle[n-1], p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	if c, err = p.open(ctx); err != nil {
		<-p.slots
	}
	return c, err
}

// Put takes a connection back, for another use if it is good.
func (p *Pool[C]) Put(c C, good bool) {
	p.mu.Lock()
	keep := good && !p.closed
	if keep {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !keep {
		_ = p.close(c) // it is of no use any more, whatever closing says
	}
	<-p.slots
}

// Close closes the idle connections, waits for the lent ones and closes them too.
func (p *Pool[C]) Close() error {
	p.mu.Lock()
	already := p.closed
	if !already {
		p.closed = true
		close(p.over)
	}
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	if already {
		return nil
	}
	var errs []error
	for _, c := range idle {
		errs = append(errs, p.close(c))
	}
	for range cap(p.slots) {
		p.slots <- struct{}{} // lent connections are closed by Put
	}
	for range cap(p.slots) {
		<-p.slots
	}
	return errors.Join(errs...)
}
