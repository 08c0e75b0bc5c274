// Package concurrency is the policy that bounds how many calls are on their way at the same time. A call over the limit is
// refused with 429 and may come again at once; nobody waits here, which is what package priority is for. Each node counts
// for itself. A call leaves its place however it ends: answered, refused further on, broken off, or given up.
package concurrency

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"sallyport/policy"
)

// Source is settings.go: the manual of the policy.
//
//go:embed settings.go
var Source string

// Kind returns the policy.
func Kind() policy.Kind {
	return policy.Kind{Rank: policy.RankConcurrency, Source: Source, New: func(_ policy.Site, settings json.RawMessage) (policy.Policy, error) {
		s := Settings{By: "api", Name: "concurrency"}
		if err := policy.Decode(settings, &s); err != nil {
			return nil, err
		}
		by, err := policy.ParseBy(s.By)
		if err != nil {
			return nil, err
		}
		switch {
		case s.Most < 1:
			return nil, errors.New("most: not a number of calls; write how many there may be at the same time, at least 1")
		case !policy.ValidLimitName(s.Name):
			return nil, errors.New("name: not a name for a limit; use at most 40 letters, digits, hyphens, dots and underscores")
		}
		return &concurrency{by: by, most: s.Most, name: s.Name}, nil
	}}
}

type concurrency struct {
	by     policy.By
	most   int
	name   string
	places places
}

// BeforeAuth implements policy.Early.
func (p *concurrency) BeforeAuth() bool { return p.by.Early() }

// Request implements policy.Policy.
func (p *concurrency) Request(_ context.Context, c *policy.Call) error {
	key, err := p.by.Key(c)
	if err != nil {
		return err
	}
	g := p.places.enter(key, p.most)
	if g != nil {
		c.Keep(p, g)
		return nil
	}
	return &policy.Refusal{
		Status: 429, Reason: policy.ConcurrencyReached, RetryAfter: time.Second, Subject: p.name,
		Detail: "Too many calls are on their way at the same time.",
		Facts: []policy.Fact{
			{Name: "limit", Value: p.name, Public: true},
			{Name: "allowed", Value: strconv.Itoa(p.most) + " calls at the same time", Public: true},
			{Name: "counted by", Value: p.by.String(), Public: key.Public()},
			{Name: "counted for", Value: key.String(), Public: key.Public()},
		},
		Fix: "Wait for the answer to one call before you send another.",
	}
}

// Done implements policy.Finisher. Calls that were refused here have kept nothing.
func (p *concurrency) Done(c *policy.Call) {
	if g, ok := c.Kept(p).(*gauge); ok {
		g.leave()
	}
}
