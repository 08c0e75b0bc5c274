package usage

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"
)

// Config is what a Leaser is made of.
type Config struct {
	Store Store            // required
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: slog.Default()
}

const (
	shards = 64
	// Every shard is swept once in shards × sweepEvery; what was idle for as long gives its lease back.
	sweepEvery = 250 * time.Millisecond
	returning  = 32 // leases on their way back at the same time when the leaser closes
)

// A Leaser gives out counts of which it holds leases. One is enough for a process. It works in the background until Close.
type Leaser struct {
	store Store
	now   func() time.Time
	log   *slog.Logger
	seed  maphash.Seed
	parts [shards]shard

	mu     sync.Mutex
	closed bool
	flying sync.WaitGroup // store calls for leases

	stop  chan struct{} // closed by Close
	swept chan struct{} // closed when the sweeper has ended
}

// A shard is some of the counts that this node has to do with.
type shard struct {
	mu     sync.Mutex
	counts map[identity]*Count
}

// An identity is a Counter as the key of a map.
type identity struct {
	realm, subject string
	from           int64
}

func (c Counter) identity() identity {
	id := identity{realm: c.Realm, subject: c.Subject}
	if !c.From.IsZero() {
		id.from = c.From.UnixMicro()
	}
	return id
}

// NewLeaser starts a leaser.
func NewLeaser(c Config) *Leaser {
	l := &Leaser{
		store: c.Store, now: c.Now, log: c.Log, seed: maphash.MakeSeed(),
		stop: make(chan struct{}), swept: make(chan struct{}),
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.log == nil {
		l.log = slog.Default()
	}
	for i := range l.parts {
		l.parts[i].counts = map[identity]*Count{}
	}
	go l.sweep()
	return l
}

// Take counts one unless the count would exceed most, and returns how many are left after it. An error says that the
// store could not be asked; nothing was counted then.
func (l *Leaser) Take(ctx context.Context, c Counter, most int64) (ok bool, remaining int64, err error) {
	return l.Count(c).Take(ctx, most)
}

// Refund takes one back that Take counted and that was not used.
func (l *Leaser) Refund(c Counter) { l.Count(c).Refund() }

// Count finds the count of a counter, to be held on to.
func (l *Leaser) Count(c Counter) *Count {
	id := c.identity()
	s := l.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if count := s.counts[id]; count != nil {
		return count
	}
	count := &Count{leaser: l, counter: c}
	s.counts[id] = count
	return count
}

func (l *Leaser) shard(id identity) *shard {
	return &l.parts[maphash.String(l.seed, id.subject)%shards]
}

// revive puts a Count back that was swept away, unless another one has taken its place, and returns the one that stands
// for the counter; nil when the leaser is closed.
func (l *Leaser) revive(c *Count) *Count {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return nil
	}
	id := c.counter.identity()
	s := l.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if live := s.counts[id]; live != nil {
		return live
	}
	s.counts[id] = c
	c.mu.Lock()
	c.gone = false
	c.mu.Unlock()
	return c
}

// begin enters a store call, unless all is over.
func (l *Leaser) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.flying.Add(1)
	}
	return !l.closed
}

// sweep returns the leases of counts that nobody uses, a shard at a time, until the leaser is closed.
func (l *Leaser) sweep() {
	defer close(l.swept)
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		for _, u := range l.parts[n%shards].clear(true) {
			if err := l.giveBack(ctx, u); err != nil {
				l.log.Warn("A part of a quota could not be returned and is lost to its period.", "subject", u.counter.Subject, "error", err)
			}
		}
		cancel()
	}
}

// An unused is what a count had left of its lease.
type unused struct {
	counter Counter
	n       int64
}

// clear removes the counts, with idle those that nobody uses.
func (s *shard) clear(idle bool) (all []unused) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, c := range s.counts {
		n, settled := c.settle(idle)
		if !settled {
			continue
		}
		delete(s.counts, id)
		if n > 0 {
			all = append(all, unused{c.counter, n})
		}
	}
	return all
}

func (l *Leaser) giveBack(ctx context.Context, u unused) error {
	if !u.counter.Until.IsZero() && !l.now().Before(u.counter.Until) {
		return nil // nobody will ask for that period any more
	}
	return l.store.ReturnUsage(ctx, u.counter, u.n)
}

// Close returns every lease. Nothing is given out from then on.
func (l *Leaser) Close(ctx context.Context) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	<-l.swept
	l.flying.Wait()
	var all []unused
	for i := range l.parts {
		all = append(all, l.parts[i].clear(false)...)
	}
	var group sync.WaitGroup
	errs := make([]error, returning)
	for worker := range returning {
		group.Go(func() {
			for i := worker; i < len(all); i += returning {
				errs[worker] = errors.Join(errs[worker], l.giveBack(ctx, all[i]))
				if ctx.Err() != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}
