package throttle

import (
	"context"
	"sync"
	"time"
)

// A pair is one source at one name.
type pair struct {
	mu       sync.Mutex      // guards what follows
	failures int             // since the last success
	last     time.Time       // the latest of them
	underway int             // attempts admitted and not ended
	waiting  []chan struct{} // attempts that wait for the outcome of others, longest first; closed to wake one
	turn     time.Time       // from then on the source may pass a siege; zero: it has not asked
}

// enter admits an attempt, waits, or refuses.
func (p *pair) enter(ctx context.Context, t *Throttle) error {
	for {
		p.mu.Lock()
		if d := p.delay(t); d > 0 {
			p.mu.Unlock()
			return refuse(d)
		}
		if p.underway < p.room(t) {
			p.underway++
			p.mu.Unlock()
			return nil
		}
		woken := make(chan struct{})
		p.waiting = append(p.waiting, woken)
		p.mu.Unlock()
		select {
		case <-woken:
		case <-ctx.Done():
			p.giveUp(t, woken)
			return ctx.Err()
		}
	}
}

// room is how many attempts may be under way: so many that, should all fail, no more were looked at than the free ones
// and the one that a wait was paid for.
func (p *pair) room(t *Throttle) int { return max(1, t.c.Free+1-p.failures) }

// delay is how long the source still has to wait. A clock that went back does not make it longer than it was to be.
func (p *pair) delay(t *Throttle) time.Duration {
	if p.failures == 0 {
		return 0
	}
	since := max(0, t.c.Now().Sub(p.last))
	if since >= t.c.Forget {
		p.failures = 0
		return 0
	}
	if p.failures <= t.c.Free {
		return 0
	}
	whole := wait(p.failures-t.c.Free, t.c.First, t.c.Max)
	if since == 0 {
		p.last = t.c.Now() // where a clock that went back counts from
	}
	return whole - since
}

// leave ends an attempt, wakes those whom the outcome concerns, and returns how many failures there had been before.
func (p *pair) leave(t *Throttle, o Outcome) (before int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before = p.failures
	p.underway--
	switch o {
	case Failed:
		p.failures++
		p.last = t.c.Now()
	case Succeeded:
		p.failures = 0
		p.turn = time.Time{}
	}
	p.wake(t)
	return before
}

// wake lets as many go on as there is room for, or everybody when all are to be refused.
func (p *pair) wake(t *Throttle) {
	n := p.room(t) - p.underway
	if p.delay(t) > 0 {
		n = len(p.waiting)
	}
	for ; n > 0 && len(p.waiting) > 0; n-- {
		close(p.waiting[0])
		p.waiting = p.waiting[1:]
	}
	if len(p.waiting) == 0 {
		p.waiting = nil
	}
}

// giveUp takes a waiting attempt out. If it was woken at the same moment, the next is woken in its place.
func (p *pair) giveUp(t *Throttle, woken chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range p.waiting {
		if w == woken {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return
		}
	}
	p.wake(t)
}

// queue says how long the source has to wait to pass a siege of the name: the whole delay when it asks first, nothing when
// it comes back in time. It passes once.
func (p *pair) queue(t *Throttle, siege time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := t.c.Now()
	left := p.turn.Sub(now)
	switch {
	case p.turn.IsZero(), left < -t.c.Max, left > t.c.UserMax: // it never asked, or long ago, or the clock jumped
		p.turn = now.Add(siege)
		return siege
	case left > 0:
		return left
	}
	p.turn = time.Time{}
	return 0
}
