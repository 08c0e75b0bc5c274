package ratelimit

import (
	"math"
	"sync"
	"sync/atomic"

	"sallyport/policy"
)

// A limiter is what is remembered of those who count together: a theoretical arrival time.
type limiter struct{ tat atomic.Int64 }

// dead marks a limiter that its table has dropped; whoever still holds it looks for the new one.
const dead = math.MinInt64

// take decides on a call. gone says that the limiter was dropped and decides nothing. tat is what is remembered then.
func (l *limiter) take(limit Limit, now int64) (tat int64, ok, gone bool) {
	for {
		old := l.tat.Load()
		if old == dead {
			return 0, false, true
		}
		next, ok := limit.Next(old, now)
		if next == old || l.tat.CompareAndSwap(old, next) {
			return next, ok, false
		}
	}
}

const (
	parts   = 8
	atMost  = 1 << 21 // limiters in one table
	looksAt = 4       // when one is added, so many are looked at whether they can go
)

// A table finds limiters. One whose owner has been still for long enough is as good as a new one and can be dropped: some
// are looked at whenever one is added, so about as many stay as are in use, and nothing has to run in the background.
type table struct {
	parts [parts]part
	most  int // limiters in one part
}

type part struct {
	mu       sync.RWMutex
	limiters map[policy.Key]*limiter
	_        [32]byte // its own cache line
}

func newTable() *table { return &table{most: atMost / parts} }

// find returns the limiter of a key.
func (t *table) find(key *policy.Key, now int64) *limiter {
	p := &t.parts[key.Hash()%parts]
	p.mu.RLock()
	l := p.limiters[*key]
	p.mu.RUnlock()
	if l != nil {
		return l
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.limiters[*key]; l != nil {
		return l
	}
	if p.limiters == nil {
		p.limiters = map[policy.Key]*limiter{}
	}
	p.prune(now, len(p.limiters) >= t.most)
	l = &limiter{}
	p.limiters[*key] = l
	return l
}

// prune drops some limiters that say no more than a new one would. If it must and there are none, it drops the one among
// those it looks at that says least. The map gives them in random order.
func (p *part) prune(now int64, must bool) {
	var least policy.Key
	lowest := int64(math.MaxInt64)
	looked, dropped := 0, 0
	for key, l := range p.limiters {
		tat := l.tat.Load()
		if tat <= now && l.tat.CompareAndSwap(tat, dead) {
			delete(p.limiters, key)
			dropped++
		} else if tat < lowest {
			least, lowest = key, tat
		}
		if looked++; looked == looksAt {
			break
		}
	}
	if must && dropped == 0 {
		p.limiters[least].tat.Store(dead)
		delete(p.limiters, least)
	}
}

// size counts the limiters.
func (t *table) size() (n int) {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.RLock()
		n += len(p.limiters)
		p.mu.RUnlock()
	}
	return n
}
