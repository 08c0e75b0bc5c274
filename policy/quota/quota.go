// Package quota is the policy that bounds how many calls there are in a period of the calendar. The count is durable and
// the same for all nodes, and it never goes over the cap: each node counts from a lease (package usage). A call that never
// reached the upstream is given back. It refuses to forget: when a call cannot be counted it does not pass, unless the
// settings say otherwise.
package quota

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/usage"
)

// Source is settings.go: the manual of the policy.
//
//go:embed settings.go
var Source string

// Kind returns the policy, which counts with a leaser.
func Kind(leaser *usage.Leaser) policy.Kind {
	return policy.Kind{Rank: policy.RankQuota, Source: Source, New: func(at policy.Site, settings json.RawMessage) (policy.Policy, error) {
		return newQuota(leaser, at, settings)
	}}
}

type quota struct {
	leaser    *usage.Leaser
	by        policy.By
	plan      *plan // nil: each client's own
	place     string
	name      string
	tokenUses bool
	open      bool
	fields    bool
}

// A plan is a number of calls in a period.
type plan struct {
	calls  int64
	period usage.Period
}

func newQuota(leaser *usage.Leaser, at policy.Site, settings json.RawMessage) (policy.Policy, error) {
	s := Settings{Name: "quota"}
	if err := policy.Decode(settings, &s); err != nil {
		return nil, err
	}
	by, err := policy.ParseBy(s.By)
	if err != nil {
		return nil, err
	}
	q := &quota{leaser: leaser, by: by, name: s.Name, tokenUses: s.TokenUses, open: s.WhenAway == "open", fields: s.Fields == nil || *s.Fields}
	switch {
	case !policy.ValidLimitName(s.Name):
		return nil, errors.New("name: not a name for a quota; use at most 40 letters, digits, hyphens, dots and underscores")
	case s.Shared != "" && !policy.ValidLimitName(s.Shared):
		return nil, errors.New("shared: not a name for a quota; use at most 40 letters, digits, hyphens, dots and underscores")
	case s.WhenAway != "" && s.WhenAway != "open" && s.WhenAway != "refuse":
		return nil, errors.New("when_away: not something to do; write refuse or open")
	case s.Calls < 0:
		return nil, errors.New("calls: a quota cannot be negative; write a number of calls, or leave it out for each client's own")
	case s.Calls == 0 && (s.Per != "" || s.Zone != ""):
		return nil, errors.New("calls: a period without a number of calls; write the number, or leave out per and zone for each client's own quota")
	}
	switch {
	case s.Shared != "":
		q.place = "shared/" + s.Shared
	case s.Calls == 0: // what a client may do is what it may do anywhere
		q.place = "own"
	default:
		q.place = "api/" + at.API
	}
	if s.Calls > 0 {
		period, err := usage.ParsePeriod(s.Per, s.Zone)
		if err != nil {
			return nil, err
		}
		q.plan = &plan{s.Calls, period}
	}
	return q, nil
}

// planOf is the plan for a client's calls, nil if there is no limit.
func (q *quota) planOf(record *client.Client) (*plan, error) {
	if q.plan != nil || record == nil || record.Quota.Calls <= 0 {
		return q.plan, nil
	}
	period, err := usage.ParsePeriod(record.Quota.Per, record.Quota.Zone)
	if err != nil {
		return nil, fmt.Errorf("quota of client %s: %w", record.ID, err)
	}
	return &plan{record.Quota.Calls, period}, nil
}

// uncounted is kept with a call that passed without being counted, so that nothing is given back for it.
type uncounted struct{}

// Request implements policy.Policy.
func (q *quota) Request(ctx context.Context, c *policy.Call) error {
	h, err := q.find(c)
	if err != nil || h == nil {
		return err
	}
	if h.uses != nil {
		ok, _, err := h.uses.Take(ctx, h.usesMost)
		if err != nil {
			return q.away(ctx, c, err)
		}
		if !ok {
			return refuseToken(c, h.usesMost)
		}
	}
	if h.count == nil {
		return nil
	}
	if !q.by.Sticky(c) {
		c.Keep(q, h) // policies that come behind may change what it was counted by
	}
	ok, remaining, err := h.count.Take(ctx, h.plan.calls)
	if err != nil || !ok {
		if h.uses != nil {
			h.uses.Refund()
		}
		if err != nil {
			return q.away(ctx, c, err)
		}
		return q.refuse(c, h)
	}
	if q.fields {
		policy.TellLimit(c.Reply, h.told, policy.LimitNow(q.name, remaining, h.rest(c.Time)))
	}
	return nil
}

// Response implements policy.Responder: what did not reach the upstream was no use to the caller. When the upstream took too
// long the work may have been done.
func (q *quota) Response(_ context.Context, c *policy.Call, r *policy.Response) error {
	if r.Failure == nil || r.Failure.Reason == policy.UpstreamTimeout {
		return nil
	}
	var h *held
	switch kept := c.Kept(q).(type) {
	case uncounted:
		return nil
	case *held:
		h = kept
	default:
		var err error
		if h, err = q.find(c); err != nil || h == nil {
			return err
		}
	}
	if h.uses != nil {
		h.uses.Refund()
	}
	if h.count != nil {
		h.count.Refund()
	}
	return nil
}

// away decides on a call that could not be counted.
func (q *quota) away(ctx context.Context, c *policy.Call, err error) error {
	if ctx.Err() != nil {
		return ctx.Err() // the caller has left
	}
	if q.open {
		c.Keep(q, uncounted{})
		return nil
	}
	return oauth.Because(oauth.Unavailable, fmt.Errorf("a call could not be counted: %w", err))
}

func (q *quota) refuse(c *policy.Call, h *held) error {
	rest := h.rest(c.Time)
	if q.fields {
		policy.TellLimit(c.Reply, h.told, policy.LimitNow(q.name, 0, rest))
	}
	key, err := q.by.Key(c)
	if err != nil {
		return err
	}
	r := &policy.Refusal{
		Status: 429, Reason: policy.QuotaExceeded, RetryAfter: time.Duration(max(rest, 0)) * time.Second, Subject: q.name,
		Detail: "The calls of this period are used up.",
		Facts: []policy.Fact{
			{Name: "quota", Value: q.name, Public: true},
			{Name: "allowed", Value: h.plan.String(), Public: true},
			{Name: "counted by", Value: q.by.String(), Public: key.Public()},
			{Name: "counted for", Value: key.String(), Public: key.Public()},
		},
		Fix: "Wait for the next period, or ask an administrator for a larger quota.",
	}
	if h.until.IsZero() {
		r.Detail, r.Fix = "The calls are used up.", "Ask an administrator for a larger quota."
	} else {
		r.Facts = append(r.Facts, policy.Fact{Name: "next period", Value: h.until.UTC().Format(time.RFC3339), Public: true})
	}
	return r
}

func refuseToken(c *policy.Call, most int64) error {
	return &policy.Refusal{
		Status: 403, Reason: policy.TokenUsesExceeded, Subject: c.Caller.Client, Scheme: c.Caller.Scheme,
		Detail: "The access token has been used as often as it may be.",
		Facts: []policy.Fact{
			{Name: "calls it is good for", Value: fmt.Sprint(most), Public: true}, {Name: "token", Value: c.Caller.Credential, Public: true},
		},
		Fix: "Get a new access token.",
	}
}
