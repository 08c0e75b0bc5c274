package concurrency

import (
	"sync"

	"sallyport/policy"
)

const (
	parts   = 16
	looksAt = 4 // when a gauge is added, so many are looked at whether they can go
)

// places count calls that are on their way.
type places struct{ parts [parts]part }

// A part has the gauges of some keys. One that is at 0 is kept for the next call, until it is in the way: some are looked
// at whenever one is added, so not many more stay than are in use.
type part struct {
	mu     sync.Mutex
	gauges map[policy.Key]*gauge
}

// A gauge counts the calls of one key. It belongs to its part.
type gauge struct {
	part *part
	n    int
}

// enter takes a place, unless as many as most are taken.
func (p *places) enter(key policy.Key, most int) *gauge {
	part := &p.parts[key.Hash()%parts]
	part.mu.Lock()
	defer part.mu.Unlock()
	g := part.gauges[key]
	if g == nil {
		g = part.add(key)
	}
	if g.n >= most {
		return nil
	}
	g.n++
	return g
}

func (p *part) add(key policy.Key) *gauge {
	if p.gauges == nil {
		p.gauges = map[policy.Key]*gauge{}
	}
	looked := 0
	for old, g := range p.gauges { // in random order
		if g.n == 0 {
			delete(p.gauges, old)
		}
		if looked++; looked == looksAt {
			break
		}
	}
	g := &gauge{part: p}
	p.gauges[key] = g
	return g
}

// leave gives a place back.
func (g *gauge) leave() {
	g.part.mu.Lock()
	defer g.part.mu.Unlock()
	g.n--
}

// size counts the gauges.
func (p *places) size() (n int) {
	for i := range p.parts {
		p.parts[i].mu.Lock()
		n += len(p.parts[i].gauges)
		p.parts[i].mu.Unlock()
	}
	return n
}
