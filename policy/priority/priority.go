// Package priority is the policy that has calls wait their turn when there are more than can be served, the important ones
// in front: digiRunner's "VIP" traffic. The queue is bounded in length and in time; a call that waited in vain is refused
// with 503 and told to come again. Each node has one queue for all its calls.
package priority

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"sallyport/policy"
	"sallyport/realm"
)

// Source is settings.go: the manual of the policy.
//
//go:embed settings.go
var Source string

const (
	normal      = 5 // priority of those who have none
	longestWait = time.Minute
)

// Kind returns the policy. All policies that it makes share one queue.
func Kind() policy.Kind {
	shared := &gate{}
	return policy.Kind{Rank: policy.RankPriority, Source: Source, New: func(_ policy.Site, settings json.RawMessage) (policy.Policy, error) {
		s := Settings{Wait: realm.Duration(2 * time.Second), Queue: 1000}
		if err := policy.Decode(settings, &s); err != nil {
			return nil, err
		}
		switch {
		case s.Under < 1:
			return nil, errors.New("under: not a number of calls; write how many may be on their way before others wait, at least 1")
		case s.Wait == 0 || s.Wait.Std() > longestWait:
			return nil, errors.New("wait: not a time to wait; write one like 500ms or 2s, at most 1m")
		case s.Queue < 1:
			return nil, errors.New("queue: not a number of calls; write how many may wait, at least 1")
		}
		return &priority{gate: shared, under: s.Under, wait: s.Wait.Std(), queue: s.Queue}, nil
	}}
}

type priority struct {
	gate  *gate
	under int
	wait  time.Duration
	queue int
}

// Request implements policy.Policy.
func (p *priority) Request(ctx context.Context, c *policy.Call) error {
	level := normal
	if r := c.Caller.Record; r != nil && r.Priority > 0 {
		level = min(r.Priority, lowest)
	}
	outcome := p.gate.enter(ctx, p.under, level, p.queue, p.wait)
	if outcome == entered {
		c.Keep(p, p.gate)
		return nil
	}
	if outcome == left {
		return ctx.Err()
	}
	why := map[outcomes]string{full: "the queue was full", displaced: "calls with a higher priority needed the place", late: "it waited too long"}[outcome]
	return &policy.Refusal{
		Status: 503, Reason: policy.PressureShed, RetryAfter: time.Second, Subject: "priority",
		Detail: "There are more calls than can be served at the moment.",
		Facts: []policy.Fact{
			{Name: "why", Value: why, Public: true},
			{Name: "priority", Value: strconv.Itoa(level), Public: true},
			{Name: "served at the same time", Value: strconv.Itoa(p.under), Public: false},
			{Name: "longest wait", Value: p.wait.String(), Public: false},
			{Name: "longest queue", Value: strconv.Itoa(p.queue), Public: false},
		},
		Fix: "Try again, after a moment and with growing pauses.",
	}
}

// Done implements policy.Finisher. Calls that were refused here have kept nothing.
func (p *priority) Done(c *policy.Call) {
	if c.Kept(p) != nil {
		p.gate.leave()
	}
}
