// Package ratelimit is the policy that bounds how fast calls come, by the generic cell rate algorithm: exact, without
// windows at whose edges twice as many pass, and with one number to remember for each caller. A call over the limit is
// refused with 429 (RFC 6585 section 4) and told when to come again. It refuses to count across processes: each node has
// limits of its own; what must hold for all of them together is a quota.
package ratelimit

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"sallyport/client"
	"sallyport/policy"
)

// Source is settings.go: the manual of the policy.
//
//go:embed settings.go
var Source string

// Kind returns the policy.
func Kind() policy.Kind {
	shared := &tables{byName: map[site]*table{}}
	return policy.Kind{Rank: policy.RankRateLimit, Source: Source, New: func(at policy.Site, settings json.RawMessage) (policy.Policy, error) {
		return newRateLimit(at, settings, shared)
	}}
}

// tables are those that several APIs share. They last as long as the process.
type tables struct {
	mu     sync.Mutex
	byName map[site]*table
}

type site struct{ realm, name string }

func (t *tables) get(s site) *table {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byName[s] == nil {
		t.byName[s] = newTable()
	}
	return t.byName[s]
}

type rateLimit struct {
	by     policy.By
	plan   *plan // nil: each client's own
	name   string
	burst  int64
	fields bool
	legacy bool

	table func() *table

	mu  sync.RWMutex
	own map[int]*plan // of clients, by their rate
}

// held is what is remembered with a credential.
type held struct {
	plan    *plan
	limiter *limiter
	record  *client.Client // whose rate is in plan
}

func newRateLimit(at policy.Site, settings json.RawMessage, shared *tables) (policy.Policy, error) {
	s := Settings{Name: "rate"}
	if err := policy.Decode(settings, &s); err != nil {
		return nil, err
	}
	by, err := policy.ParseBy(s.By)
	if err != nil {
		return nil, err
	}
	if !policy.ValidLimitName(s.Name) {
		return nil, errors.New("name: not a name for a limit; use at most 40 letters, digits, hyphens, dots and underscores")
	}
	if s.Shared != "" && !policy.ValidLimitName(s.Shared) {
		return nil, errors.New("shared: not a name for a limit; use at most 40 letters, digits, hyphens, dots and underscores")
	}
	if s.Burst < 0 || s.Burst > mostBurst {
		return nil, fmt.Errorf("burst: %d is out of range; write 1 to %d", s.Burst, mostBurst)
	}
	r := &rateLimit{by: by, name: s.Name, burst: s.Burst, fields: s.Fields == nil || *s.Fields, legacy: s.Legacy, own: map[int]*plan{}}
	r.table = sync.OnceValue(newTable)
	if s.Shared != "" || s.Rate == "" { // what a client may do is what it may do anywhere
		// Not before there is a call: settings are only checked most of the time.
		r.table = sync.OnceValue(func() *table { return shared.get(site{at.Realm, s.Shared}) })
	}
	if s.Rate == "" {
		if by.Early() {
			return nil, errors.New("rate: none is given, and by address there is no client yet that could have one; write one, like 100/s")
		}
		return r, nil
	}
	calls, per, err := parseRate(s.Rate)
	if err != nil {
		return nil, err
	}
	burst := s.Burst
	if burst == 0 {
		burst = min(calls, mostBurst)
	}
	r.plan = newPlan(s.Name, calls, per, burst)
	return r, nil
}

// BeforeAuth implements policy.Early.
func (r *rateLimit) BeforeAuth() bool { return r.by.Early() }

// Request implements policy.Policy.
func (r *rateLimit) Request(_ context.Context, c *policy.Call) error {
	now := c.Time.UnixNano()
	for {
		plan, l, err := r.find(c, now)
		if plan == nil {
			return err
		}
		tat, ok, gone := l.take(plan.Limit, now)
		if gone {
			continue
		}
		if r.legacy {
			plan.legacy(c.Reply, tat, now)
		}
		if !ok {
			return r.refuse(c, plan, tat, now)
		}
		if r.fields {
			policy.TellLimit(c.Reply, plan.quota, plan.now(tat, now))
		}
		return nil
	}
}

// find returns the plan and the limiter of a call; no plan: no limit.
func (r *rateLimit) find(c *policy.Call, now int64) (*plan, *limiter, error) {
	sticky := r.by.Sticky(c)
	if sticky {
		if h, ok := c.Caller.Slots.Get(r).(*held); ok && h.record == c.Caller.Record && h.limiter.tat.Load() != dead {
			return h.plan, h.limiter, nil
		}
	}
	plan := r.planOf(c.Caller.Record)
	if plan == nil {
		return nil, nil, nil
	}
	key, err := r.by.Key(c)
	if err != nil {
		return nil, nil, err
	}
	l := r.table().find(&key, now)
	if sticky {
		c.Caller.Slots.Put(r, &held{plan, l, c.Caller.Record})
	}
	return plan, l, nil
}

// planOf is the plan for a client's calls.
func (r *rateLimit) planOf(record *client.Client) *plan {
	if r.plan != nil {
		return r.plan
	}
	if record == nil || record.Rate <= 0 {
		return nil
	}
	r.mu.RLock()
	p := r.own[record.Rate]
	r.mu.RUnlock()
	if p != nil {
		return p
	}
	calls := min(int64(record.Rate), int64(time.Second/fastest))
	burst := r.burst
	if burst == 0 {
		burst = min(calls, mostBurst)
	}
	p = newPlan(r.name, calls, time.Second, burst)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.own) >= 1000 {
		clear(r.own)
	}
	r.own[record.Rate] = p
	return p
}

func (r *rateLimit) refuse(c *policy.Call, plan *plan, tat, now int64) error {
	// Section 6 of the RateLimit draft: one is not told to come again before the window is over.
	wait := time.Duration(seconds(plan.Wait(tat, now))) * time.Second
	wait = max(wait, time.Second)
	if r.fields {
		policy.TellLimit(c.Reply, plan.quota, policy.LimitNow(plan.name, 0, int64(wait/time.Second)))
	}
	key, err := r.by.Key(c)
	if err != nil {
		return err
	}
	return &policy.Refusal{
		Status: 429, Reason: policy.RateExceeded, RetryAfter: wait, Subject: plan.name,
		Detail: "These are more calls than may come in this time.",
		Facts: []policy.Fact{
			{Name: "limit", Value: plan.name, Public: true},
			{Name: "allowed", Value: plan.about, Public: true},
			{Name: "counted by", Value: r.by.String(), Public: key.Public()},
			{Name: "counted for", Value: key.String(), Public: key.Public()},
		},
		Fix: "Spread the calls, and wait as long as Retry-After says. If the limit is too low, ask an administrator to raise it.",
	}
}
