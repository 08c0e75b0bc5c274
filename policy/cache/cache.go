// Package cache is the policy that answers calls from stored answers of the upstream, as a shared cache does: RFC 9111,
// with the extensions for stale answers (RFC 5861) and the Cache-Status field (RFC 9211).
//
//	request ─▶ find ─┬─ fresh ─────────────────────────────▶ answer, with Age
//	                 ├─ stale ─▶ ask with its validator ─┬─ 304 ─▶ freshen, answer
//	                 │                                   ├─ 200 ─▶ replace
//	                 │                                   └─ failed ─▶ stale, if that is allowed
//	                 └─ none ──▶ upstream ─▶ judge ─▶ copy while it passes ─▶ store at its end
//
// An answer is stored only if the upstream says that it may be, and given only to the caller that it was for: the same
// client, user, scopes and credentials. An API may be set to share; then answers that are marked for all ("public" or
// "s-maxage") are given to all, and others stay their caller's own. Answers with Set-Cookie, parts of answers, answers
// that did not come to their end and errors that an odd request can bring about are never stored. What is stored is found
// by host, scheme, path, query, method and the fields of Vary; calls with a body or with a field that overrides their
// method are passed on. Every call is authorised before the cache sees it.
//
// An unsafe method that succeeds makes the cache forget its target, for everybody, and also what is on its way from there.
// What is stored is in memory, on this node alone, and bounded in bytes together with what is being copied.
//
// What this cache does not do: guess lifetimes, join parts, or fetch anything on its own account.
package cache

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"sallyport/policy"
)

//go:embed settings.go
var source string

// Defaults.
const (
	DefaultSize    = 64 << 20 // bytes of all that is stored
	defaultLargest = 1 << 20
	maxLargest     = 256 << 20
	maxMinutes     = 7 * 24 * 60
)

type cache struct {
	Settings
	store *store
	id    uint64 // sets the keys of a policy apart from those of all others
}

// Kind returns the policy. All policies of the kind share size bytes of memory; 0: DefaultSize.
func Kind(size int64) policy.Kind {
	if size <= 0 {
		size = DefaultSize
	}
	all := newStore(size)
	made := new(atomic.Uint64)
	return policy.Kind{Rank: policy.RankCache, Source: source, New: func(_ policy.Site, settings json.RawMessage) (policy.Policy, error) {
		p := &cache{store: all, id: made.Add(1)}
		if err := policy.Decode(settings, &p.Settings); err != nil {
			return nil, err
		}
		return p, p.check()
	}}
}

// check completes the settings.
func (p *cache) check() error {
	switch {
	case p.Mode != "" && p.Mode != "standard" && p.Mode != "fixed":
		return errors.New("mode: is neither standard nor fixed; leave it out for standard")
	case !p.fixed() && (p.Minutes != 0 || len(p.Methods) > 0 || p.Anything):
		return errors.New("minutes, methods and anything: belong to mode fixed; set mode: fixed or take them out")
	case p.Minutes < 0 || p.Minutes > maxMinutes:
		return fmt.Errorf("minutes: is not a number from 1 to %d; correct it", maxMinutes)
	case p.Anything && p.Shared:
		return errors.New("anything: cannot be together with shared, since private answers would be shared; take one out")
	case p.Largest < 0 || p.Largest > maxLargest:
		return fmt.Errorf("largest: is not a number from 1 to %d; correct it", maxLargest)
	case p.fixed() && p.StaleIfError+p.StaleWhileRevalidate > 0:
		return errors.New("stale_if_error and stale_while_revalidate: do not go with mode fixed, which gives old copies anyway; take them out")
	}
	for _, name := range p.Vary {
		if err := policy.CheckFieldName(name); err != nil {
			return fmt.Errorf("vary: %w", err)
		}
	}
	for _, name := range p.Methods {
		if err := policy.CheckMethod(name); err != nil {
			return fmt.Errorf("methods: %w", err)
		}
	}
	if p.Largest == 0 {
		p.Largest = defaultLargest
	}
	p.Largest = min(p.Largest, p.store.most/4) // the server may have less room than an API wants
	if len(p.Methods) == 0 {
		p.Methods = []string{"GET", "HEAD"}
	}
	return nil
}

func (p *cache) fixed() bool { return p.Mode == "fixed" }

func (p *cache) minutes() time.Duration { return time.Duration(max(p.Minutes, 1)) * time.Minute }

// A flight is a call that goes on to the upstream and whose answer may be stored.
type flight struct {
	uri     *uri
	own     key
	shared  key
	why     string     // it goes on
	asked   directives // by the caller
	old     *entry     // stored, but not good enough as it is; nil: none
	askedUp bool       // the upstream was asked whether old still stands
	turn    bool       // old is marked as asked for, by this call
	had     conditions // of the caller
	copying *capture
}

// Request implements policy.Policy.
func (p *cache) Request(_ context.Context, c *policy.Call) error {
	body, ok, err := p.cacheable(c)
	if err != nil || !ok {
		return err
	}
	asked := parseDirectives(c.Header.Values("Cache-Control"))
	switch {
	case p.fixed():
		asked = parseDirectives(nil)
	case asked.noStore: // RFC 9111 section 5.2.1.5
		return nil
	}
	target := p.uri(c.Host, c.Peer.Secure, c.Path, c.Query)
	own, shared := p.keys(c, target, body)
	fits := func(e *entry) bool { return e.fits(c.Header) }
	e, known := p.store.find(own, fits)
	if e == nil && p.Shared {
		var more bool
		e, more = p.store.find(shared, fits)
		known = known || more
	}
	why, turn := forTarget, false
	switch {
	case e != nil:
		var detail string
		if why, detail, turn = e.use(asked, c.Time); why == "" {
			c.Answer = e.answer(c, detail)
			return nil
		}
	case known:
		why = forVariant
	}
	if asked.onlyIfCached { // RFC 9111 section 5.2.1.7
		if turn {
			e.asked.Store(false)
		}
		return notStored()
	}
	f := &flight{uri: p.store.pin(target), own: own, shared: shared, why: why, asked: asked, old: e, turn: turn}
	if e != nil {
		f.had = conditionsOf(c)
		f.askedUp = e.validate(c)
	}
	c.Keep(p, f)
	return nil
}

func notStored() *policy.Refusal {
	return &policy.Refusal{
		Status: 504, Reason: policy.NotStored,
		Detail: "No stored answer is good enough, and the call asks for nothing else (Cache-Control: only-if-cached).",
		Fix:    "Leave out only-if-cached, so that the call goes to the upstream.",
	}
}

// Done implements policy.Finisher.
func (p *cache) Done(c *policy.Call) {
	f, _ := c.Kept(p).(*flight)
	if f == nil {
		return
	}
	if f.copying != nil {
		f.copying.giveUp()
	}
	if f.turn {
		f.old.asked.Store(false)
	}
	p.store.unpin(f.uri)
}
