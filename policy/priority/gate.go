package priority

import (
	"context"
	"sync"
	"time"
)

const lowest = 9

// A gate lets calls pass while there is room, and lines up the others.
type gate struct {
	mu      sync.Mutex
	passing int                // calls that have entered and not left
	lines   [lowest + 1]waiter // by priority: the ring of those who wait; each is the head of its own
	waiting int
}

// A waiter is a call in line. Its fields belong to the gate's mutex, but for ready.
type waiter struct {
	prev, next *waiter
	under      int // it may enter while fewer than these are passing
	outcome    outcomes
	ready      chan struct{} // closed when outcome is set
}

// outcomes are how a call came out of the gate.
type outcomes int

const (
	inLine    outcomes = iota
	entered            // it may go on, and has to leave
	full               // there was no room in line
	displaced          // another one took its room
	late               // it waited too long
	left               // the caller has gone
)

// enter lets a call pass as soon as fewer than under are, or says why it does not.
func (g *gate) enter(ctx context.Context, under, level, queue int, wait time.Duration) outcomes {
	g.mu.Lock()
	if g.passing < under {
		// Nobody who could enter is in line: they are let in when somebody leaves.
		g.passing++
		g.mu.Unlock()
		return entered
	}
	if g.waiting >= queue && !g.displace(level) {
		g.mu.Unlock()
		return full
	}
	w := &waiter{under: under, ready: make(chan struct{})}
	g.append(level, w)
	g.mu.Unlock()

	timer := time.NewTimer(wait)
	defer timer.Stop()
	why := late
	select {
	case <-w.ready:
		return w.outcome
	case <-timer.C:
	case <-ctx.Done():
		why = left
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.outcome == inLine {
		g.remove(w, why)
	} else if w.outcome == entered && why == left { // just then
		g.release()
		return left
	}
	return w.outcome
}

// leave ends what enter allowed.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.release()
}

// release makes room for one and lets in who can use it.
func (g *gate) release() {
	g.passing--
	for level := range g.lines {
		head := &g.lines[level]
		for head.next != nil && head.next != head && g.passing < head.next.under {
			g.passing++
			g.remove(head.next, entered)
		}
	}
}

// displace makes room in line at the cost of the last one of the lowest priority, if that is below level.
func (g *gate) displace(level int) bool {
	for l := lowest; l > level; l-- {
		if head := &g.lines[l]; head.prev != nil && head.prev != head {
			g.remove(head.prev, displaced)
			return true
		}
	}
	return false
}

func (g *gate) append(level int, w *waiter) {
	head := &g.lines[level]
	if head.next == nil {
		head.prev, head.next = head, head
	}
	w.prev, w.next = head.prev, head
	w.prev.next, head.prev = w, w
	g.waiting++
}

// remove takes a call out of line and tells it how it came out.
func (g *gate) remove(w *waiter, outcome outcomes) {
	w.prev.next, w.next.prev = w.next, w.prev
	w.outcome = outcome
	g.waiting--
	close(w.ready)
}
