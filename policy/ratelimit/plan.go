package ratelimit

import (
	"strconv"
	"sync/atomic"
	"time"

	"sallyport/policy"
)

// A plan is a limit and how callers are told of it.
type plan struct {
	Limit
	name  string
	about string        // in words: "100 calls per second, at most 200 at once"
	quota *[1]string    // item of the RateLimit-Policy field
	told  []told        // items of the RateLimit field by how many calls are left, as far as they have been needed; nil: made each time
	limit string        // X-RateLimit-Limit
	per   time.Duration // the time of the rate
}

type told = atomic.Pointer[[1]string]

// mostTold bounds what is kept of one plan: 16 bytes and the text, about 50, for each number of calls left.
const mostTold = 4096

// newPlan makes a plan. The policy item has what is let through at once and the time in which it comes back, if that is
// whole seconds, which is all the field can say; otherwise it has the rate as it was written.
func newPlan(name string, calls int64, per time.Duration, burst int64) *plan {
	p := &plan{Limit: newLimit(calls, per, burst), name: name, per: per}
	p.about = strconv.FormatInt(calls, 10) + " calls per " + unit(per) + ", at most " + strconv.FormatInt(burst, 10) + " at once"
	q, window := calls, per
	if whole := per * time.Duration(burst) / time.Duration(calls); whole%time.Second == 0 && per%time.Duration(calls) == 0 && whole > 0 {
		q, window = burst, whole
	}
	p.quota = policy.LimitPolicy(name, q, int64(window/time.Second))
	p.limit = strconv.FormatInt(q, 10)
	// When calls come back within a second, which is the least the field can say, only the number left makes a difference.
	if p.Interval <= int64(time.Second) && burst < mostTold {
		p.told = make([]told, burst+1)
	}
	return p
}

func unit(per time.Duration) string {
	switch per {
	case time.Minute:
		return "minute"
	case time.Hour:
		return "hour"
	}
	return "second"
}

// now is the item of the RateLimit field.
func (p *plan) now(tat, now int64) *[1]string {
	left := p.Left(tat, now)
	if left >= int64(len(p.told)) {
		return policy.LimitNow(p.name, left, seconds(p.Wait(tat, now)))
	}
	item := p.told[left].Load()
	if item == nil {
		item = policy.LimitNow(p.name, left, 1)
		p.told[left].Store(item)
	}
	return item
}

// legacy tells of the limit in the fields that were in use before there was a draft.
func (p *plan) legacy(h policy.Header, tat, now int64) {
	h.Set("X-Ratelimit-Limit", p.limit)
	h.Set("X-Ratelimit-Remaining", strconv.FormatInt(p.Left(tat, now), 10))
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(seconds(max(0, tat-now)), 10))
}

// seconds rounds up.
func seconds(nanoseconds int64) int64 {
	return (nanoseconds + int64(time.Second) - 1) / int64(time.Second)
}
