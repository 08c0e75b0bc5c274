// Package throttle slows down the guessing of secrets and passwords without ever locking anybody out.
//
// Failures are counted per name and source address. The first few are free; from then on each failure makes that source
// wait longer before its next attempt at that name, and a success starts it over. Attempts that are refused count for
// nothing. An administrator's lock is a status of the client or user and has nothing to do with this package.
//
// Attempts under way are counted like failures until their outcome is known: of many guesses sent at once no more are
// looked at than one after another would have been, and the others wait for the outcome.
//
//	attempt ──▶ source still has to wait? ──▶ too many under way? ──▶ (users) many sources guessing? ──▶ go on
//	              429, Retry-After              wait for outcomes       429 once, then go on
//
// A password can also be guessed from many addresses, a few times from each. When failures at one user name come from
// everywhere, a source that has not signed that user in lately must come back after a delay of at most half a minute
// before each attempt. The delay belongs to that source: nobody can use it up for somebody else, and a source known to be
// good does not notice.
//
// What is remembered is bounded. Entries that are used least go first (W-TinyLFU), so a flood of names that are tried once
// does not displace those under attack; a flood that repeats each of a hundred thousand names as often can, and buys a
// handful of free guesses with it. Nothing is stored: a restart forgets.
package throttle

import (
	"context"
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"

	"sallyport/oauth"
)

// Config sets the limits. Zero fields take the default in the comment.
type Config struct {
	Now func() time.Time // time.Now

	Free   int           // 3: failures of one source at one name that cost nothing
	First  time.Duration // 1 s: wait after the next one; doubles with each further
	Max    time.Duration // 5 min: longest wait of one source for one name
	Forget time.Duration // 12 h without a failure, and they are forgotten

	UserFree int           // 10: failures at one user from all sources that cost nothing
	UserMax  time.Duration // 30 s: longest wait of a source for a user whom others guess at
	Trust    time.Duration // 7 days: a source that signed a user in is known to be good for so long

	Size int // 100000: names and sources remembered, and half as many users
}

// A Throttle admits attempts to prove a secret or password.
type Throttle struct {
	c     Config
	seeds [2]maphash.Seed
	pairs *otter.Cache[key, *pair]
	users *otter.Cache[key, *account]
}

// New returns a throttle that has seen nothing.
func New(c Config) *Throttle {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Free = or(c.Free, 3)
	c.First = or(c.First, time.Second)
	c.Max = or(c.Max, 5*time.Minute)
	c.Forget = or(c.Forget, 12*time.Hour)
	c.UserFree = or(c.UserFree, 10)
	c.UserMax = or(c.UserMax, 30*time.Second)
	c.Trust = or(c.Trust, 7*24*time.Hour)
	c.Size = or(c.Size, 100_000)
	return &Throttle{
		c:     c,
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		pairs: otter.Must(&otter.Options[key, *pair]{MaximumSize: c.Size}),
		users: otter.Must(&otter.Options[key, *account]{MaximumSize: max(1, c.Size/2)}),
	}
}

func or[T int | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// An Outcome is what came of an attempt.
type Outcome int

// The outcomes.
const (
	Undecided Outcome = iota // nothing was proved or disproved: the store was away, the caller hung up, no secret was needed
	Failed                   // a wrong secret, or no such name
	Succeeded                // the right secret
)

// An Attempt was admitted and must be ended, by one call of End.
type Attempt struct {
	t       *Throttle
	pair    *pair
	user    *account // nil for a client
	source  netip.Prefix
	counted bool // user counts it as under way
}

// Client admits an attempt to authenticate as a client. It may wait for other attempts of the same source at the same
// client. The error is of reason TooManyFailures, with RetryAfter, or the context's.
func (t *Throttle) Client(ctx context.Context, realm, id string, source netip.Addr) (Attempt, error) {
	p := t.pair(t.key(kindClient, realm, id, network(source)))
	if err := p.enter(ctx, t); err != nil {
		return Attempt{}, err
	}
	return Attempt{t: t, pair: p}, nil
}

// User admits an attempt to sign in as a user, as Client does.
func (t *Throttle) User(ctx context.Context, realm, name string, source netip.Addr) (Attempt, error) {
	from := network(source)
	p := t.pair(t.key(kindUser, realm, name, from))
	if err := p.enter(ctx, t); err != nil {
		return Attempt{}, err
	}
	u := t.account(t.key(kindUser, realm, name, netip.Prefix{}))
	siege, counted := u.enter(t, from)
	a := Attempt{t: t, pair: p, user: u, source: from, counted: counted}
	if siege > 0 {
		if wait := p.queue(t, siege); wait > 0 {
			a.End(Undecided)
			return Attempt{}, refuse(wait)
		}
	}
	return a, nil
}

// End says what came of the attempt.
func (a Attempt) End(o Outcome) {
	own := a.pair.leave(a.t, o)
	if a.user != nil {
		a.user.leave(a.t, a.source, a.counted, o, own)
	}
}

func refuse(wait time.Duration) error {
	e := oauth.Fail(oauth.TooManyFailures, "")
	e.RetryAfter = wait
	return e
}

// wait is how long n failures in excess of the free ones make one wait.
func wait(n int, first, limit time.Duration) time.Duration {
	d := first
	for ; n > 1 && d < limit; n-- {
		d *= 2
	}
	return min(d, limit)
}
