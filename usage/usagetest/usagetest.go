// Package usagetest is a usage.Store in memory, for tests of what counts with one.
package usagetest

import (
	"context"
	"sync"
	"time"

	"sallyport/usage"
)

// A Store keeps counts in memory. The zero value is empty.
type Store struct {
	Delay time.Duration // of each call

	mu     sync.Mutex
	err    error
	counts map[key]int64
	leases int // calls of LeaseUsage
	reads  int // calls of Usage
	puts   int // calls of ReturnUsage
}

type key struct {
	realm, subject string
	from           int64
}

var _ usage.Store = (*Store)(nil)

func of(c usage.Counter) key { return key{c.Realm, c.Subject, c.From.UnixNano()} }

// Fail has every call fail from now on; nil ends that.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Calls returns how often each method was called.
func (s *Store) Calls() (leases, reads, returns int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leases, s.reads, s.puts
}

// Subjects returns what has been counted, with its counts.
func (s *Store) Subjects() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]int64{}
	for k, n := range s.counts {
		all[k.subject] += n
	}
	return all
}

func (s *Store) begin(ctx context.Context) error {
	if s.Delay > 0 {
		select {
		case <-time.After(s.Delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// LeaseUsage implements usage.Store.
func (s *Store) LeaseUsage(ctx context.Context, c usage.Counter, want, most int64) (granted, used int64, err error) {
	if err := s.begin(ctx); err != nil {
		return 0, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases++
	if s.err != nil {
		return 0, 0, s.err
	}
	if s.counts == nil {
		s.counts = map[key]int64{}
	}
	granted = max(0, min(want, most-s.counts[of(c)]))
	s.counts[of(c)] += granted
	return granted, s.counts[of(c)], nil
}

// ReturnUsage implements usage.Store.
func (s *Store) ReturnUsage(ctx context.Context, c usage.Counter, unused int64) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	if s.err == nil && s.counts[of(c)] >= unused {
		s.counts[of(c)] -= unused
	}
	return s.err
}

// Usage implements usage.Store.
func (s *Store) Usage(ctx context.Context, c usage.Counter) (int64, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return s.counts[of(c)], s.err
}
