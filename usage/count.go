package usage

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/oauth"
)

const (
	recheck  = time.Second            // how often a count at its cap is looked at again
	pause    = 250 * time.Millisecond // how long a store that failed is left alone
	patience = 2 * time.Second        // how long the store may take to answer
)

var errClosed = errors.New("usage: the leaser is closed")

// A Count is one counter as this node sees it: its lease, and what is known of the rest. Hold on to it to count without
// a search; it stays good however long it is not used.
type Count struct {
	leaser  *Leaser
	counter Counter

	lease   atomic.Pointer[lease]   // what may be given out from memory; nil: nothing. Replaced under mu
	verdict atomic.Pointer[verdict] // why nothing is given out although the lease is empty; nil: ask the store
	waiting atomic.Int64            // callers in wait

	mu      sync.Mutex
	flight  *flight   // the store call on its way; nil: none
	gone    bool      // swept away: not in the leaser's map, and without a lease
	end     int64     // the stored count after the last lease
	known   bool      // end has been heard from the store
	last    int64     // size of the last lease
	leased  time.Time // when it was got
	visited bool      // the sweeper came by, and saw
	seen    *lease    // this lease
	hadLeft int64     // and so much left of it
}

// A lease is a part of the count that is this node's to give out. A lease that reaches up to end never exceeds a cap of
// end or more.
type lease struct {
	left atomic.Int64
	end  int64
	low  int64 // with so much left the next lease is asked for, so that nobody waits for it; -1: never
}

// take takes one and returns how many are left, -1 if there was none.
func (l *lease) take() int64 {
	for {
		left := l.left.Load()
		if left <= 0 {
			return -1
		}
		if l.left.CompareAndSwap(left, left-1) {
			return left - 1
		}
	}
}

// A verdict stands until a moment: nobody with this cap, or a lower one, gets any (err nil), or the store is away.
type verdict struct {
	most  int64
	until time.Time
	err   error
}

// A flight is one store call and those who wait for it.
type flight struct {
	done chan struct{} // closed when it is over
}

// Take counts one if that does not exceed the cap, and returns how many are left after it. While the lease lasts it
// allocates nothing and asks nobody. An error says that the store could not be asked; nothing is counted then.
func (c *Count) Take(ctx context.Context, most int64) (ok bool, remaining int64, err error) {
	if remaining = c.try(most); remaining >= 0 {
		return true, remaining, nil
	}
	return c.wait(ctx, most)
}

// try takes one from the lease and returns how many are left below the cap, -1 if there was none to take.
func (c *Count) try(most int64) int64 {
	l := c.lease.Load()
	if l == nil || l.end > most {
		return -1
	}
	left := l.take()
	if left < 0 {
		return -1
	}
	if left == l.low {
		c.fly(most)
	}
	return most - l.end + left
}

// wait takes one once the store has given a lease. A cap that is known to be reached, and a store that is known to be
// away, keep nobody waiting.
func (c *Count) wait(ctx context.Context, most int64) (bool, int64, error) {
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	for {
		// The verdict is looked up first: the lease that came with it is there by then.
		v := c.verdict.Load()
		if remaining := c.try(most); remaining >= 0 {
			return true, remaining, nil
		}
		if v != nil && most <= v.most {
			now := c.leaser.now()
			// When the time has come, one looks again; the others go by what was true a moment ago.
			if now.Before(v.until) || !c.verdict.CompareAndSwap(v, &verdict{v.most, now.Add(recheck), v.err}) {
				return false, 0, v.err
			}
		}
		live, f := c.fly(most)
		switch {
		case f == nil:
			return false, 0, oauth.Because(oauth.Unavailable, errClosed)
		case live != c:
			return live.wait(ctx, most)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return false, 0, ctx.Err()
		}
	}
}

// fly joins the store call that is on its way, or begins one. The call belongs to nobody: a caller who leaves takes
// nothing of the count away. If meanwhile another Count stands for this counter, that one flies. No flight: all is over.
func (c *Count) fly(most int64) (*Count, *flight) {
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		live := c.leaser.revive(c)
		if live == nil {
			return c, nil
		}
		return live.fly(most)
	}
	defer c.mu.Unlock()
	if c.flight == nil {
		if !c.leaser.begin() {
			return c, nil
		}
		c.flight = &flight{done: make(chan struct{})}
		go c.ask(c.flight, most)
	}
	return c, c.flight
}

// ask asks the store for a lease. It runs for one flight at a time.
func (c *Count) ask(f *flight, most int64) {
	defer c.leaser.flying.Done()
	defer close(f.done)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	granted, used, err := c.request(ctx, most)
	now := c.leaser.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flight = nil
	if err != nil {
		// What the store may have granted all the same is lost to the period, which is the safe side.
		c.verdict.Store(&verdict{math.MaxInt64, now.Add(pause), err})
		return
	}
	c.end, c.known = used, true
	if granted > 0 {
		c.last, c.leased = granted, now
		c.put(granted, used, most)
	}
	if granted == 0 || used >= most {
		c.verdict.Store(&verdict{most, now.Add(recheck), nil})
	} else {
		c.verdict.Store(nil)
	}
}

// put adds to the lease, which then reaches up to end. The caller holds mu.
func (c *Count) put(more, end, most int64) {
	next := &lease{end: end, low: -1}
	if old := c.lease.Load(); old != nil {
		more += old.left.Swap(0)
		next.end = max(end, old.end)
	}
	if more >= 8 && !scarce(most-next.end, most) {
		next.low = more / 4
	}
	next.left.Store(more)
	c.lease.Store(next)
}

// request is the store call of a flight.
func (c *Count) request(ctx context.Context, most int64) (granted, used int64, err error) {
	store := c.leaser.store
	if v := c.verdict.Load(); v != nil && v.err == nil && most <= v.most {
		// The cap was reached a second ago. To read is cheaper than to write nothing.
		if used, err = store.Usage(ctx, c.counter); err != nil || used >= most {
			return 0, used, err
		}
	}
	c.mu.Lock()
	var over int64
	if l := c.lease.Load(); l != nil && l.end > most {
		// The cap was lowered, or another one counts here as well: what was leased under the higher one goes back.
		over = l.left.Swap(0)
		c.lease.Store(nil)
	}
	want := c.want(c.leaser.now(), most)
	c.mu.Unlock()
	if over > 0 {
		if err := store.ReturnUsage(ctx, c.counter, over); err != nil {
			return 0, 0, err
		}
	}
	return store.LeaseUsage(ctx, c.counter, want, most)
}

// want is the size of the next lease. The caller holds mu.
func (c *Count) want(now time.Time, most int64) int64 {
	rest := most
	if c.known {
		rest = most - c.end
	}
	return leaseSize(max(1, c.waiting.Load()), c.last, now.Sub(c.leased), rest, most)
}

// Refund takes one back that was taken and not used.
func (c *Count) Refund() {
	c.mu.Lock()
	if !c.gone {
		defer c.mu.Unlock()
		if l := c.lease.Load(); l != nil {
			l.left.Add(1)
			return
		}
		c.put(1, c.end, c.end)
		return
	}
	c.mu.Unlock()
	if live := c.leaser.revive(c); live != nil {
		live.Refund()
	}
}

// settle gives up the lease and returns what was left of it. With idle it does so only if nothing was taken since it was
// last asked and the store is not being asked.
func (c *Count) settle(idle bool) (unused int64, settled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lease.Load()
	if idle {
		var left int64
		if l != nil {
			left = l.left.Load()
		}
		if c.flight != nil || c.waiting.Load() > 0 || !c.visited || c.seen != l || c.hadLeft != left {
			c.visited, c.seen, c.hadLeft = true, l, left
			return 0, false
		}
	}
	c.gone = true
	c.lease.Store(nil)
	c.verdict.Store(nil)
	c.known, c.visited, c.seen = false, false, nil
	if l == nil {
		return 0, true
	}
	return l.left.Swap(0), true
}
