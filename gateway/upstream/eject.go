package upstream

import (
	"time"

	"sallyport/api"
)

const (
	defaultEjectFor  = 30 * time.Second
	defaultEjectMost = 50
	maxEjectTimes    = 10 // the longest ejection, in units of the first
)

// ejection is api.Eject with the defaults filled in.
type ejection struct {
	fails int64 // 0: never
	unit  time.Duration
	most  int // percent
}

func newEjection(e api.Eject) ejection {
	out := ejection{fails: int64(max(e.Fails, 0)), unit: e.For.Std(), most: e.Most}
	if out.unit <= 0 {
		out.unit = defaultEjectFor
	}
	if out.most <= 0 {
		out.most = defaultEjectMost
	}
	return out
}

// failed counts a failed call and ejects the target if it was one too many, and enough others are left.
func (g *Group) failed(t *Target) {
	if t.ejected() {
		return // calls that began before say nothing of how it is when it comes back
	}
	if t.node.fails.Add(1) < g.eject.fails {
		return
	}
	p := g.poolOfTarget(t)
	if p == nil {
		return
	}
	g.owner.mu.Lock()
	defer g.owner.mu.Unlock()
	if t.node.until.Load() != 0 || t.node.fails.Load() < g.eject.fails {
		return // somebody was faster
	}
	// What the active check has taken out counts too: it is about how many are left.
	out, all := 1, 0
	for _, other := range p.targets {
		if other.weight == 0 {
			continue
		}
		all++
		if other != t && (other.down() || other.ejected()) {
			out++
		}
	}
	if out*100 > g.eject.most*all {
		return
	}
	now := g.m.now()
	until := now.Add(t.node.sentence(now, g.eject.unit))
	t.node.back = until
	t.node.fails.Store(0)
	t.node.ejections.Add(1)
	t.node.until.Store(until.UnixNano())
	g.m.log.Warn("an upstream target is ejected: it fails calls", "target", t.name, "until", until)
}

// sentence returns how long the next ejection is: one unit more than the last, and one less for every unit of time that
// the target has held out since.
func (n *node) sentence(now time.Time, unit time.Duration) time.Duration {
	if !n.back.IsZero() {
		n.times -= int(min(max(now.Sub(n.back)/unit, 0), maxEjectTimes))
	}
	n.times = min(max(n.times, 0)+1, maxEjectTimes)
	return time.Duration(n.times) * unit
}

// poolOfTarget returns the pool a target is in; nil if it is of another group.
func (g *Group) poolOfTarget(t *Target) *pool {
	for _, p := range g.pools {
		for _, other := range p.targets {
			if other == t {
				return p
			}
		}
	}
	return nil
}
