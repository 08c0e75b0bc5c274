package feed

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
)

// loadTimeout bounds one load. The load does not end with the caller who began it, because others may be waiting for it.
const loadTimeout = 10 * time.Second

// A Cache keeps a bounded number of values that are loaded when they are first asked for and stay until they are dropped
// or crowded out. It never serves a value that was loaded before the last Drop of its key, however the two were
// interleaved. Reading a value that is there takes no lock.
//
// What is crowded out is what is asked for least (W-TinyLFU): a flood of keys that are asked for once, such as made-up
// client ids, does not displace those in daily use.
type Cache[K comparable, V any] struct {
	load func(context.Context, K) (V, error)
	held *otter.Cache[K, V]

	mu      sync.Mutex // held for every write to held, so that none overtakes a Drop
	flights map[K]*flight[V]
}

// A flight is one load under way. Its fields are written before done is closed and read after.
type flight[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// NewCache returns a cache of at most max values, which load fetches. Errors of load are handed to those who wait and not
// kept.
func NewCache[K comparable, V any](max int, load func(context.Context, K) (V, error)) *Cache[K, V] {
	return &Cache[K, V]{
		load:    load,
		held:    otter.Must(&otter.Options[K, V]{MaximumSize: max}),
		flights: map[K]*flight[V]{},
	}
}

// Get returns the value of k, loading it if need be. Callers who want the same key at the same time share one load; each
// stops waiting when its own context ends.
func (c *Cache[K, V]) Get(ctx context.Context, k K) (V, error) {
	if v, ok := c.held.GetIfPresent(k); ok {
		return v, nil
	}
	f := c.board(ctx, k)
	if f == nil { // somebody finished loading it just now
		return c.Get(ctx, k)
	}
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		var zero V
		return zero, ctx.Err()
	}
}

// board joins the load of k that is under way, or begins one. It returns nil if the value is there after all.
func (c *Cache[K, V]) board(ctx context.Context, k K) *flight[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.flights[k]; ok {
		return f
	}
	if _, ok := c.held.GetIfPresent(k); ok {
		return nil
	}
	f := &flight[V]{done: make(chan struct{})}
	c.flights[k] = f
	go c.fly(context.WithoutCancel(ctx), k, f) // ends with load, within loadTimeout if that heeds its context
	return f
}

func (c *Cache[K, V]) fly(ctx context.Context, k K, f *flight[V]) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			f.err = fmt.Errorf("loading panicked: %v", p)
		}
		c.land(k, f)
	}()
	f.value, f.err = c.load(ctx, k)
}

// land keeps the value unless its flight was dropped on the way.
func (c *Cache[K, V]) land(k K, f *flight[V]) {
	c.mu.Lock()
	if c.flights[k] == f {
		delete(c.flights, k)
		if f.err == nil {
			c.held.Set(k, f.value)
		}
	}
	c.mu.Unlock()
	close(f.done)
}

// Peek returns the value of k if it is there, without loading it.
func (c *Cache[K, V]) Peek(k K) (V, bool) { return c.held.GetIfPresent(k) }

// Drop forgets k. Whoever asks from now on gets a value loaded from now on.
func (c *Cache[K, V]) Drop(k K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flights, k)
	c.held.Invalidate(k)
}

// DropAll forgets everything, as Drop does.
func (c *Cache[K, V]) DropAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.flights)
	c.held.InvalidateAll()
}
