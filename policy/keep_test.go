package policy_test

import (
	"context"
	"testing"

	"sallyport/policy"
)

type keeper struct{ int }

func (*keeper) Request(context.Context, *policy.Call) error { return nil }

// However many policies an API has, each finds what it kept.
func TestKeep(t *testing.T) {
	var c policy.Call
	var owners []*keeper
	for i := range 12 {
		owners = append(owners, &keeper{i})
	}
	for round := range 2 {
		for i, o := range owners {
			if round == 0 && c.Kept(o) != nil {
				t.Errorf("%d finds something before it kept anything", i)
			}
			c.Keep(o, i+100*round)
		}
		for i, o := range owners {
			if got := c.Kept(o); got != i+100*round {
				t.Errorf("round %d: %d finds %v", round, i, got)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { c.Keep(owners[0], owners[0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
