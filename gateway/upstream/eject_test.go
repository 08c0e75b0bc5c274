package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/gateway/upstream"
	"sallyport/policy"
	"sallyport/realm"
)

// end is one call to a target.
func end(g *upstream.Group, target *upstream.Target, status int, err error) {
	g.Begin(target)
	g.End(target, status, err)
}

// ejecting returns a group with targets of the same weight that are ejected after fails failures.
func ejecting(t *testing.T, c *clock, targets, fails, most int) *upstream.Group {
	t.Helper()
	a := balanced(api.BalanceRoundRobin, make([]int, targets)...)
	a.Eject = api.Eject{Fails: fails, For: realm.Duration(time.Minute), Most: most}
	return group(t, newManager(t, upstream.Config{Now: c.now, Rand: seeded(1)}), a)
}

// targetsOf returns the targets of a group in the order in which they were registered.
func targetsOf(t *testing.T, g *upstream.Group) []*upstream.Target {
	t.Helper()
	states := g.States()
	all := make([]*upstream.Target, len(states))
	for range 100 {
		target := pick(t, g, fmt.Sprint(rand.Uint64()))
		for i, s := range states {
			if s.URL == target.String() {
				all[i] = target
			}
		}
	}
	return all
}

func TestWhatCountsAsFailure(t *testing.T) {
	for _, test := range []struct {
		name    string
		calls   []any // statuses and errors
		ejected bool
	}{
		{"three in a row", []any{500, 503, 599}, true},
		{"errors too", []any{errors.New("refused"), context.DeadlineExceeded, 502}, true},
		{"two", []any{500, 500}, false},
		{"an answer between", []any{500, 500, 200, 500}, false},
		{"a client's error is an answer", []any{500, 500, 404, 500}, false},
		{"callers who give up are nothing", []any{500, context.Canceled, 500, fmt.Errorf("copy: %w", context.Canceled), 500}, true},
		{"callers who give up are no failure", []any{context.Canceled, context.Canceled, context.Canceled, context.Canceled}, false},
		{"nothing is nothing", []any{nil, nil, nil, nil, 500, 500}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := ejecting(t, newClock(), 2, 3, 0)
			first := pick(t, g, "")
			for _, call := range test.calls {
				status, _ := call.(int)
				err, _ := call.(error)
				end(g, first, status, err)
			}
			state := g.States()[0]
			if state.Up == test.ejected || state.Ejected.IsZero() == test.ejected {
				t.Errorf("state %+v, want ejected: %v", state, test.ejected)
			}
			for range 4 {
				if got := pick(t, g, ""); test.ejected && got == first {
					t.Errorf("an ejected target was picked: %v", got)
				}
			}
			if state.InFlight != 0 {
				t.Errorf("%d calls under way after all have ended", state.InFlight)
			}
		})
	}
}

func TestNobodyIsEjectedUnlessAsked(t *testing.T) {
	g := group(t, newManager(t, upstream.Config{}), balanced("", 1, 1))
	first := pick(t, g, "")
	for range 100 {
		end(g, first, 500, nil)
	}
	if s := g.States(); !s[0].Up || !s[1].Up {
		t.Errorf("states %+v", s)
	}
}

func TestEjectionsGrow(t *testing.T) {
	c := newClock()
	g := ejecting(t, c, 2, 1, 0)
	target := targetsOf(t, g)[0]
	for _, want := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10} {
		end(g, target, 500, nil)
		length := time.Duration(want) * time.Minute
		if got := g.States()[0].Ejected.Sub(c.now()); got != length {
			t.Fatalf("ejected for %v, want %v", got, length)
		}
		c.pass(length - 1)
		if g.States()[0].Up {
			t.Fatalf("back before %v have passed", length)
		}
		c.pass(1)
		if s := g.States()[0]; !s.Up || !s.Ejected.IsZero() {
			t.Fatalf("not back after %v: %+v", length, s)
		}
	}
	// It holds out for three times the unit, so the next is three less and one more.
	c.pass(3 * time.Minute)
	end(g, target, 500, nil)
	if got := g.States()[0].Ejected.Sub(c.now()); got != 8*time.Minute {
		t.Errorf("ejected for %v after three good minutes, want 8m", got)
	}
	c.pass(time.Hour)
	end(g, target, 500, nil)
	if got := g.States()[0].Ejected.Sub(c.now()); got != time.Minute {
		t.Errorf("ejected for %v after a good hour, want 1m", got)
	}
	if got := g.States()[0].Ejections; got != 14 {
		t.Errorf("%d ejections counted, want 14", got)
	}
}

// Calls that were under way when a target was ejected do not eject it again as soon as it is back.
func TestStragglersDoNotCount(t *testing.T) {
	c := newClock()
	g := ejecting(t, c, 2, 3, 0)
	target := pick(t, g, "")
	for range 50 {
		g.Begin(target)
	}
	for range 50 {
		g.End(target, 0, errors.New("reset"))
	}
	c.pass(time.Minute)
	end(g, target, 500, nil)
	if s := g.States()[0]; !s.Up || s.Fails != 1 || s.Ejections != 1 {
		t.Errorf("after one failure since it is back: %+v", s)
	}
}

// Whatever fails, no more than the share that is allowed is ever out, and there is always a target.
func TestShareThatMayBeOut(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 100 {
		c := newClock()
		n, fails, most := 1+r.IntN(8), 1+r.IntN(3), 1+r.IntN(99)
		g := ejecting(t, c, n, fails, most)
		targets := targetsOf(t, g)
		for range 300 {
			status := 200
			if r.IntN(3) > 0 {
				status = 500
			}
			end(g, targets[r.IntN(n)], status, nil)
			c.pass(time.Duration(r.IntN(10)) * time.Second)
			out := 0
			for _, s := range g.States() {
				if !s.Up {
					out++
				}
			}
			if out*100 > most*n {
				t.Fatalf("%d of %d targets are out, with at most %d percent", out, n, most)
			}
			pick(t, g, "")
		}
	}
}

func TestTargetsWithoutCallsDoNotWiden(t *testing.T) {
	a := balanced(api.BalanceRoundRobin, 1, -1, -1, -1)
	a.Eject = api.Eject{Fails: 1, Most: 50}
	g := group(t, newManager(t, upstream.Config{}), a)
	target := pick(t, g, "")
	end(g, target, 500, nil)
	if !g.States()[0].Up {
		t.Error("the only target that gets calls was ejected, with at most half of them")
	}
}

func TestAllEjected(t *testing.T) {
	c := newClock()
	g := ejecting(t, c, 2, 1, 100)
	targets := targetsOf(t, g)
	end(g, targets[0], 500, nil)
	c.pass(10 * time.Second)
	end(g, targets[1], 500, nil)
	_, err := g.Pick(caller, "", nil)
	r := wantRefusal(t, err, 503, policy.Refusal{Reason: policy.NoHealthyTarget})
	if r.RetryAfter != 50*time.Second {
		t.Errorf("try again after %v, want when the first is back: 50s", r.RetryAfter)
	}
	if len(r.Facts) != 2 || r.Facts[0].Public || r.Facts[0].Name != "http://h0" {
		t.Errorf("facts %+v", r.Facts)
	}
	c.pass(50 * time.Second)
	if got := pick(t, g, ""); got != targets[0] {
		t.Errorf("picked %v, want the one that is back", got)
	}
}

func TestDefaultsOfEjection(t *testing.T) {
	c := newClock()
	a := balanced(api.BalanceRoundRobin, 1, 1, 1, 1)
	a.Eject.Fails = 1
	g := group(t, newManager(t, upstream.Config{Now: c.now}), a)
	for _, target := range targetsOf(t, g) {
		end(g, target, 500, nil)
	}
	out := 0
	for _, s := range g.States() {
		if !s.Up {
			out++
			if got := s.Ejected.Sub(c.now()); got != 30*time.Second {
				t.Errorf("ejected for %v, want 30s", got)
			}
		}
	}
	if out != 2 {
		t.Errorf("%d of 4 are out, want half", out)
	}
}
