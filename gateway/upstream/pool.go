package upstream

import (
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"sync"

	"sallyport/api"
)

// A pool is targets of which any may serve a call.
type pool struct {
	m        *Manager
	from     []string       // addresses that it is for, as registered
	prefixes []netip.Prefix // and read; nil: for everybody
	targets  []*Target
	by       string
	total    uint64 // of the weights
	equal    bool   // all targets that get calls have the same weight
	allOut   bool   // all may be ejected at once

	mu   sync.Mutex
	turn []int64 // smooth weighted round robin: how far each target is behind; under mu
}

func (g *Group) newPool(field string, targets []api.Target) (*pool, error) {
	if len(targets) == 0 {
		return nil, fmt.Errorf("%stargets: there are none; give at least one, like {url: http://127.0.0.1:9000}", field)
	}
	var all []*Target
	for i, a := range targets {
		t, err := newTarget(fmt.Sprintf("%stargets[%d]", field, i), a)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return g.poolOf(all), nil
}

func (g *Group) poolOf(targets []*Target) *pool {
	p := &pool{m: g.m, targets: targets, by: g.spec.upstreams.Balance.By, equal: true, allOut: g.eject.most >= 100}
	p.turn = make([]int64, len(targets))
	var first int64
	for _, t := range targets {
		p.total += uint64(t.weight)
		if t.weight > 0 && first == 0 {
			first = t.weight
		}
		p.equal = p.equal && (t.weight == 0 || t.weight == first)
	}
	return p
}

// pick returns a target that is usable and has not been tried, then one that has been, then the one that is back first
// from its ejection, if that is allowed; nil if there is none.
func (p *pool) pick(from netip.Addr, key string, tried []*Target) *Target {
	t := p.choose(from, key, tried)
	if t == nil && len(tried) > 0 {
		t = p.choose(from, key, nil)
	}
	if t == nil && !p.allOut {
		t = p.leastBad()
	}
	return t
}

func (p *pool) choose(from netip.Addr, key string, tried []*Target) *Target {
	switch p.by {
	case api.BalanceRoundRobin:
		return p.inTurn(tried)
	case api.BalanceLeast:
		return p.leastBusy(tried)
	case api.BalanceTwo:
		return p.ofTwo(tried)
	case api.BalanceHash:
		return p.byHash(hashKey(from, key), tried)
	}
	return p.draw(tried, nil)
}

// free reports whether a call that has tried some targets may be given to this one.
func (t *Target) free(tried []*Target) bool {
	return t.usable() && !slices.Contains(tried, t)
}

// leastBad returns the ejected target that is back first; nil if the servers of all are down.
func (p *pool) leastBad() *Target {
	var found *Target
	var soonest int64
	for _, t := range p.targets {
		if t.weight == 0 || t.down() {
			continue
		}
		if until := t.node.until.Load(); found == nil || until < soonest {
			found, soonest = t, until
		}
	}
	return found
}

// below returns a random number from 0 to n-1. The bias is below n/2^64.
func (m *Manager) below(n uint64) uint64 {
	high, _ := bits.Mul64(m.rand(), n)
	return high
}
