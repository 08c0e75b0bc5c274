package quota

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/client"
	"sallyport/policy"
	"sallyport/usage"
)

// held is what is remembered with a credential: its counts, for as long as the period lasts.
type held struct {
	record      *client.Client // as it was when this was made
	plan        *plan
	count       *usage.Count // nil: no quota
	from, until time.Time    // zero: without end
	told        *[1]string   // item of the RateLimit-Policy field
	uses        *usage.Count // of the token; nil: not counted
	usesMost    int64
}

// good reports whether it still says what is so.
func (h *held) good(c *policy.Call) bool {
	return h.record == c.Caller.Record && (h.until.IsZero() || !c.Time.Before(h.from) && c.Time.Before(h.until))
}

// rest is how many seconds of the period are left, rounded up; -1 if it does not end.
func (h *held) rest(now time.Time) int64 {
	if h.until.IsZero() {
		return -1
	}
	return int64((h.until.Sub(now) + time.Second - 1) / time.Second)
}

// String writes a plan in words.
func (p *plan) String() string {
	if p.period.String() == "ever" {
		return fmt.Sprintf("%d calls", p.calls)
	}
	return fmt.Sprintf("%d calls per %s (%s)", p.calls, p.period, p.period.Zone())
}

// find returns what a call is counted by, nil if it is not counted.
func (q *quota) find(c *policy.Call) (*held, error) {
	// A token, and what does not change from call to call with the same credential, is found where it was left.
	sticky := q.by.Sticky(c)
	if sticky {
		if h, ok := c.Caller.Slots.Get(q).(*held); ok && h.good(c) {
			return h, nil
		}
	}
	h := &held{record: c.Caller.Record}
	var err error
	if h.plan, err = q.planOf(c.Caller.Record); err != nil {
		return nil, err
	}
	if h.plan != nil {
		key, err := q.by.Key(c)
		if err != nil {
			return nil, err
		}
		h.from, h.until = h.plan.period.Around(c.Time)
		h.count = q.leaser.Count(usage.Counter{Realm: c.Realm.Name, Subject: q.subject(h.plan, key), From: h.from, Until: h.until})
		h.told = policy.LimitPolicy(q.name, h.plan.calls, int64(h.until.Sub(h.from)/time.Second))
	}
	if t := c.Caller.Token; q.tokenUses && t != nil && t.ID != "" && h.record != nil && h.record.TokenUses > 0 {
		h.uses = q.leaser.Count(usage.Counter{Realm: c.Realm.Name, Subject: storable("token/" + t.ID), Until: t.ExpiresAt})
		h.usesMost = h.record.TokenUses
	}
	if sticky {
		c.Caller.Slots.Put(q, h)
	}
	if h.count == nil && h.uses == nil {
		return nil, nil
	}
	return h, nil
}

// subject is what a count is stored under. The key comes last, because only it may have slashes of its own.
func (q *quota) subject(p *plan, key policy.Key) string {
	return storable("quota/" + p.period.String() + "/" + q.place + "/" + q.name + "/" + key.String())
}

// storable keeps bytes out of the store that not every database takes.
func storable(text string) string {
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return "sha256/" + hex.EncodeToString(sum[:])
}
