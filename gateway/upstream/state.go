package upstream

import "time"

// A State is what is known of a target at the moment: for metrics, and for those who ask why a call went where.
type State struct {
	URL       string    `json:"url"`
	From      []string  `json:"from,omitempty"` // addresses that it is for, of a diversion; nil: everybody
	Mirror    bool      `json:"mirror,omitempty"`
	Weight    int       `json:"weight"`           // 0: it gets no calls
	Up        bool      `json:"up"`               // it may get calls
	Checked   bool      `json:"checked"`          // somebody asks for its health,
	Healthy   bool      `json:"healthy"`          // and it is well; true if nobody asks
	Cause     string    `json:"cause,omitempty"`  // why the last health request failed; "" if it did not
	Ejected   time.Time `json:"ejected,omitzero"` // for failing calls, until then; zero: it is not
	Ejections int64     `json:"ejections"`        // so far
	Fails     int64     `json:"fails"`            // calls in a row
	InFlight  int64     `json:"in_flight"`        // calls under way
}

// States returns what is known of the targets, in the order in which they were registered; diversions come one after the
// other, the mirror last.
func (g *Group) States() []State {
	var all []State
	for s := range g.states {
		all = append(all, s)
	}
	return all
}

func (g *Group) states(yield func(State) bool) {
	for _, p := range g.pools {
		for _, t := range p.targets {
			if !yield(t.state(p.from)) {
				return
			}
		}
	}
	if g.mirror != nil {
		s := g.mirror.state(nil)
		s.Mirror = true
		yield(s)
	}
}

func (t *Target) state(from []string) State {
	s := State{
		URL: t.name, From: from, Weight: int(t.weight), Up: t.usable(), Healthy: !t.down(),
		Ejections: t.node.ejections.Load(), Fails: t.node.fails.Load(), InFlight: t.node.inFlight.Load(),
	}
	if until := t.node.until.Load(); until != 0 {
		s.Ejected = time.Unix(0, until)
	}
	if t.check != nil {
		s.Checked = true
		if cause := t.check.cause.Load(); cause != nil {
			s.Cause = *cause
		}
	}
	return s
}
