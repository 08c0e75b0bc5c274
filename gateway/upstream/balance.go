package upstream

import (
	"math"
	"net/netip"
)

// draw returns a free target other than except, by weight. It draws from all first, and from the free ones only if the
// one drawn is not: the outcome has the same distribution as if the second draw were the only one, at the cost of the
// first.
func (p *pool) draw(tried []*Target, except *Target) *Target {
	if p.total == 0 {
		return nil
	}
	n := p.m.below(p.total)
	for _, t := range p.targets {
		if w := uint64(t.weight); n >= w {
			n -= w
			continue
		}
		if t != except && t.free(tried) {
			return t
		}
		break
	}
	var left uint64
	for _, t := range p.targets {
		if t != except && t.free(tried) {
			left += uint64(t.weight)
		}
	}
	if left == 0 {
		return nil
	}
	n = p.m.below(left)
	var last *Target // stays if one of them went away since they were counted
	for _, t := range p.targets {
		if t == except || !t.free(tried) {
			continue
		}
		last = t
		if w := uint64(t.weight); n >= w {
			n -= w
			continue
		}
		break
	}
	return last
}

// inTurn returns the free target that is furthest behind its share: smooth weighted round robin. In every run of as many
// calls as the weights add up to, each target gets as many as its weight, evenly spread.
func (p *pool) inTurn(tried []*Target) *Target {
	p.mu.Lock()
	defer p.mu.Unlock()
	best, total := -1, int64(0)
	for i, t := range p.targets {
		if !t.free(tried) {
			continue
		}
		p.turn[i] += t.weight
		total += t.weight
		if best < 0 || p.turn[i] > p.turn[best] {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	p.turn[best] -= total
	return p.targets[best]
}

// leastBusy returns the free target with the fewest calls under way for its weight. Among equals, it draws by weight.
func (p *pool) leastBusy(tried []*Target) *Target {
	var best *Target
	var bestLoad, tied int64
	for _, t := range p.targets {
		if !t.free(tried) {
			continue
		}
		load := t.InFlight()
		switch {
		case best == nil || load*best.weight < bestLoad*t.weight:
			best, bestLoad, tied = t, load, t.weight
		case load*best.weight == bestLoad*t.weight:
			// Each of those tied so far is the best with a probability of its share of their weights.
			if tied += t.weight; p.m.below(uint64(tied)) < uint64(t.weight) {
				best, bestLoad = t, load
			}
		}
	}
	return best
}

// ofTwo returns the less busy of two different free targets, both drawn by weight.
func (p *pool) ofTwo(tried []*Target) *Target {
	a := p.draw(tried, nil)
	if a == nil {
		return nil
	}
	b := p.draw(tried, a)
	if b == nil || a.InFlight()*b.weight <= b.InFlight()*a.weight {
		return a
	}
	return b
}

// byHash returns the free target with the highest score for a key: weighted rendezvous hashing. When a target leaves or
// comes, only the keys that it had or gets move; when its weight changes, only as many as its share does. Every node of
// a cluster finds the same target, whatever the order in which targets are registered.
func (p *pool) byHash(key uint64, tried []*Target) *Target {
	if p.equal {
		return p.byEqualHash(key, tried)
	}
	var best *Target
	bestScore := math.Inf(-1)
	for _, t := range p.targets {
		if !t.free(tried) {
			continue
		}
		// 53 bits make a number in (0, 1). -weight/ln of it is what makes shares proportional to weights.
		unit := (float64(mix(key^t.seed)>>11) + 0.5) / (1 << 53)
		if score := -float64(t.weight) / math.Log(unit); score > bestScore {
			best, bestScore = t, score
		}
	}
	return best
}

// byEqualHash does without the logarithm, which does not change the order of equal weights.
func (p *pool) byEqualHash(key uint64, tried []*Target) *Target {
	var best *Target
	var bestScore uint64
	for _, t := range p.targets {
		if !t.free(tried) {
			continue
		}
		if score := mix(key ^ t.seed); best == nil || score > bestScore {
			best, bestScore = t, score
		}
	}
	return best
}

// hashKey hashes the key of a call; without one, the caller's address, of which no text has to be made.
func hashKey(from netip.Addr, key string) uint64 {
	if key != "" {
		return mix(hashString(key))
	}
	bytes := from.As16()
	h := uint64(fnvOffset)
	for _, c := range bytes {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return mix(h)
}

// FNV-1a, 64 bits. The hash must be the same on every node and after every start, so it has no secret; who chooses keys
// that go to one target chooses that target, which its address or a cookie lets it do anyway.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func hashString(s string) uint64 {
	h := uint64(fnvOffset)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

// mix spreads the bits of a hash over all of it (the finalizer of splitmix64); FNV alone leaves the high ones alike.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
