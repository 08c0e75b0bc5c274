package throttle

import (
	"net/netip"
	"sync"
	"time"
)

// maxGood is how many sources are known to be good for one user.
const maxGood = 16

// An account is one user name, from everywhere.
type account struct {
	mu       sync.Mutex // guards what follows
	failures int        // from sources not known to be good
	last     time.Time  // the latest of them
	underway int        // attempts of such sources admitted and not ended
	good     []goodSource
}

type goodSource struct {
	from netip.Prefix
	at   time.Time // of its latest success
}

// enter counts an attempt of a source that is not known to be good, and returns how long it should be held up: 0 unless
// others have been guessing.
func (u *account) enter(t *Throttle, from netip.Prefix) (siege time.Duration, counted bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := t.c.Now()
	if u.knows(t, from, now) {
		return 0, false
	}
	if u.failures > 0 && now.Sub(u.last) >= t.c.Forget {
		u.failures = 0
	}
	expected := u.failures + u.underway // as if all under way failed
	u.underway++
	if expected < t.c.UserFree {
		return 0, true
	}
	return wait(expected-t.c.UserFree+1, t.c.First, t.c.UserMax), true
}

// leave ends an attempt, which enter counted or not. A success takes back the source's own failures: they were slips of
// somebody who knows the password, and the others were not.
func (u *account) leave(t *Throttle, from netip.Prefix, counted bool, o Outcome, own int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if counted {
		u.underway--
	}
	switch {
	case o == Succeeded:
		u.remember(from, t.c.Now())
		u.failures = max(0, u.failures-own)
	case o == Failed && counted:
		u.failures++
		u.last = t.c.Now()
	}
}

func (u *account) knows(t *Throttle, from netip.Prefix, now time.Time) bool {
	for _, g := range u.good {
		if g.from == from {
			return now.Sub(g.at) < t.c.Trust
		}
	}
	return false
}

// remember notes a source as good, in the place of the one whose success is longest ago if there are too many.
func (u *account) remember(from netip.Prefix, now time.Time) {
	oldest := 0
	for i, g := range u.good {
		if g.from == from {
			u.good[i].at = now
			return
		}
		if g.at.Before(u.good[oldest].at) {
			oldest = i
		}
	}
	if len(u.good) < maxGood {
		u.good = append(u.good, goodSource{from, now})
		return
	}
	u.good[oldest] = goodSource{from, now}
}
