package jose

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	freshFor   = 10 * time.Minute // keys are asked for anew when they are older
	usableFor  = 24 * time.Hour   // while their server does not answer, its last keys count for so long
	retryPause = 30 * time.Second // between two attempts while there is no answer
	missPause  = time.Minute      // between two attempts because a key was not among them, whatever strangers ask for
)

// A remote holds the keys that somebody publishes.
type remote struct {
	issuer, uri string
	flight      singleflight.Group

	mu      sync.Mutex // guards what follows
	keys    []key
	fetched time.Time // when keys were
	tried   time.Time // when that was last attempted
	missed  time.Time // when that was last attempted because a key was not among them
	err     error     // what came of the last attempt
}

// verify holds signed text against the keys. Those that are known and a little old are used at once and fetched anew
// meanwhile. If none made the signature their owner may have changed them: then they are asked for at once, but not again
// soon, so that strangers cannot have this server call others as often as they like.
func (r *remote) verify(ctx context.Context, s *Sets, t *Token, try func([]key) bool) error {
	keys, usable := r.current(s.now())
	if !usable {
		if r.due(s.now(), false) {
			r.refresh(ctx, s, false)
			keys, usable = r.current(s.now())
		}
		if !usable {
			return r.away()
		}
	} else if r.old(s.now()) && r.due(s.now(), false) {
		go r.refresh(context.WithoutCancel(ctx), s, false) // ends with the fetch, which is bounded in time
	}
	found := choose(keys, t)
	if try(found) {
		return nil
	}
	if r.due(s.now(), true) {
		r.refresh(ctx, s, true)
		keys, _ = r.current(s.now())
		if found = choose(keys, t); try(found) {
			return nil
		}
	}
	return fmt.Errorf("%w: by any of the %d keys of %s%s that could be meant", ErrSignature, len(found), r.issuer, r.uri)
}

// current returns the keys, and whether they may be used.
func (r *remote) current(now time.Time) ([]key, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys, !r.fetched.IsZero() && now.Sub(r.fetched) < usableFor
}

func (r *remote) old(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Sub(r.fetched) >= freshFor
}

// away says why there are no keys.
func (r *remote) away() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.err
	if err == nil {
		err = errors.New("they were not fetched in time")
	}
	return fmt.Errorf("%w: %w", ErrKeys, err)
}

// due reports whether the keys may be asked for: because they are old or not there, or because one is missing among them.
func (r *remote) due(now time.Time, missing bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if missing {
		return r.missed.IsZero() || now.Sub(r.missed) >= missPause
	}
	return r.tried.IsZero() || now.Sub(r.tried) >= retryPause
}

// refresh asks for the keys if that is still due. Those who want it at the same time share one attempt.
func (r *remote) refresh(ctx context.Context, s *Sets, missing bool) {
	why := "old"
	if missing {
		why = "missing"
	}
	done := r.flight.DoChan(why, func() (any, error) {
		if !r.due(s.now(), missing) {
			return nil, nil // somebody was faster
		}
		keys, err := r.get(context.WithoutCancel(ctx), s.fetch)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.tried, r.err = s.now(), err
		if missing {
			r.missed = r.tried
		}
		if err == nil {
			r.keys, r.fetched = keys, r.tried
		}
		return nil, nil
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}
