package concurrency

import (
	"sync"

	"sallyport/policy"
)

const (
	parts     = 16
	mostSpare = 64 // of each part
)

// places count calls that are on their way. Only who has some takes any memory.
type places struct{ parts [parts]part }

type part struct {
	mu     sync.Mutex
	gauges map[policy.Key]*gauge
	spare  *gauge // to be used again
	spares int
}

// A gauge counts the calls of one key. It belongs to its part.
type gauge struct {
	key  policy.Key
	n    int
	next *gauge // of the spare ones
}

func (p *places) part(key *policy.Key) *part { return &p.parts[key.Hash()%parts] }

// enter takes a place, unless as many as most are taken.
func (p *places) enter(key policy.Key, most int) *gauge {
	part := p.part(&key)
	part.mu.Lock()
	defer part.mu.Unlock()
	g := part.gauges[key]
	if g == nil {
		g = part.take()
		g.key = key
		if part.gauges == nil {
			part.gauges = map[policy.Key]*gauge{}
		}
		part.gauges[key] = g
	}
	if g.n >= most {
		return nil
	}
	g.n++
	return g
}

// leave gives a place back.
func (p *places) leave(g *gauge) {
	part := p.part(&g.key)
	part.mu.Lock()
	defer part.mu.Unlock()
	if g.n--; g.n > 0 {
		return
	}
	delete(part.gauges, g.key)
	g.key = policy.Key{}
	if part.spares < mostSpare {
		g.next, part.spare = part.spare, g
		part.spares++
	}
}

func (p *part) take() *gauge {
	g := p.spare
	if g == nil {
		return &gauge{}
	}
	p.spare, g.next = g.next, nil
	p.spares--
	return g
}
