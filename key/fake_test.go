package key_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/feed"
	"sallyport/key"
)

// memStore is a key.Store in memory. Several rings may share it, as nodes share a database.
type memStore struct {
	mu      sync.Mutex
	records []key.Record
	hubs    []*feed.Hub
	down    error
	reads   atomic.Int64
}

func (s *memStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *memStore) Keys(_ context.Context, realm string) ([]key.Record, error) {
	s.reads.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return nil, s.down
	}
	var out []key.Record
	for _, r := range s.records {
		if r.Realm == realm {
			out = append(out, r)
		}
	}
	return out, nil
}

func (s *memStore) AddKey(_ context.Context, k key.Record, retireAt time.Time) (bool, error) {
	added, err := s.add(k, retireAt)
	if added {
		for _, h := range s.hubs {
			h.Publish(feed.Change{Kind: feed.Key, Realm: k.Realm, ID: k.ID})
		}
	}
	return added, err
}

func (s *memStore) add(k key.Record, retireAt time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return false, s.down
	}
	for i := range s.records {
		r := &s.records[i]
		if r.Realm == k.Realm && r.Alg == k.Alg && r.Serial == k.Serial {
			return false, nil
		}
	}
	for i := range s.records {
		r := &s.records[i]
		if r.Realm == k.Realm && r.Alg == k.Alg && r.ExpiresAt.IsZero() && !retireAt.IsZero() {
			r.ExpiresAt = retireAt
		}
	}
	s.records = append(s.records, k)
	return true, nil
}

func (s *memStore) DeleteExpiredKeys(_ context.Context, now time.Time) error {
	var gone []feed.Change
	s.mu.Lock()
	down := s.down
	s.records = slices.DeleteFunc(s.records, func(r key.Record) bool {
		over := down == nil && !r.ExpiresAt.IsZero() && r.ExpiresAt.Before(now)
		if over {
			gone = append(gone, feed.Change{Kind: feed.Key, Realm: r.Realm, ID: r.ID})
		}
		return over
	})
	s.mu.Unlock()
	for _, h := range s.hubs {
		h.Publish(gone...)
	}
	return down
}

// clock is a clock that a test sets.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()) }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }
