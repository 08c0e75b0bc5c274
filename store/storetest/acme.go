package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
)

func acmeTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"items":       acmeItems,
		"lock":        acmeLocks,
		"lock race":   acmeLockRace,
		"lock is old": acmeOldLock,
	}
}

func acmeItems(t *testing.T, d Database) {
	s := open(t, d)
	put := func(name string, value string, at time.Time) {
		t.Helper()
		ok(t, s.PutACMEItem(t.Context(), name, []byte(value), at))
	}
	names := func(under string) (list []string) {
		t.Helper()
		for _, i := range must(s.ACMEItems(t.Context(), under))(t) {
			list = append(list, fmt.Sprint(i.Name, " ", i.Size, " ", i.ChangedAt.Sub(now)))
		}
		return list
	}
	put("certificates/ca/example.org/a.crt", "\x00\xff1", now)
	put("certificates/ca/example.org/a.key", "", now)
	put("certificates/ca/example.org.evil/a.key", "12", now)
	put("certificates/ca", "directory as well", now)
	put("accounts/"+awkward, "x", now)
	put("certificates/ca/example.org/a.crt", "new", now.Add(time.Hour))

	value, at, found, err := s.ACMEItem(t.Context(), "certificates/ca/example.org/a.crt")
	if err != nil || !found || string(value) != "new" || !at.Equal(now.Add(time.Hour)) {
		t.Errorf("%q %v %v %v", value, at, found, err)
	}
	if value, _, found, err := s.ACMEItem(t.Context(), "certificates/ca/example.org/a.key"); err != nil || !found || len(value) != 0 {
		t.Errorf("the empty value: %q %v %v", value, found, err)
	}
	for _, absent := range []string{"certificates", "certificates/ca/example.org", "", "a\x00b", "a\xff"} {
		if _, _, found, err := s.ACMEItem(t.Context(), absent); err != nil || found {
			t.Errorf("%q: %v %v", absent, found, err)
		}
	}
	if diff := cmp.Diff([]string{"certificates/ca/example.org/a.crt 3 1h0m0s", "certificates/ca/example.org/a.key 0 0s"}, names("certificates/ca/example.org")); diff != "" {
		t.Error(diff)
	}
	if n := len(names("")); n != 5 {
		t.Errorf("%d items in all", n)
	}
	ok(t, s.DeleteACMEItem(t.Context(), "certificates/ca/example.org"))
	if diff := cmp.Diff([]string{"certificates/ca/example.org.evil/a.key 2 0s"}, names("certificates/ca")); diff != "" {
		t.Error(diff)
	}
	ok(t, s.DeleteACMEItem(t.Context(), "certificates/ca"))
	ok(t, s.DeleteACMEItem(t.Context(), "certificates/ca"))
	if got := names(""); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
}

func acmeLocks(t *testing.T, d Database) {
	s, other := open(t, d), open(t, d)
	until := now.Add(time.Minute)
	for _, step := range []struct {
		name string
		do   func() (bool, error)
		want bool
	}{
		{"take", func() (bool, error) { return s.LockACME(t.Context(), "l", "a", now, until) }, true},
		{"take again", func() (bool, error) { return s.LockACME(t.Context(), "l", "a", now, until) }, false},
		{"another takes it", func() (bool, error) { return other.LockACME(t.Context(), "l", "b", now, until) }, false},
		{"another takes another", func() (bool, error) { return other.LockACME(t.Context(), "m", "b", now, until) }, true},
		{"another renews it", func() (bool, error) { return other.RenewACME(t.Context(), "l", "b", until) }, false},
		{"another gives it back", func() (bool, error) { return other.UnlockACME(t.Context(), "l", "b") }, false},
		{"renew", func() (bool, error) { return s.RenewACME(t.Context(), "l", "a", until.Add(time.Minute)) }, true},
		{"another takes it when it would have been over", func() (bool, error) { return other.LockACME(t.Context(), "l", "b", until, until) }, false},
		{"give it back", func() (bool, error) { return s.UnlockACME(t.Context(), "l", "a") }, true},
		{"give it back again", func() (bool, error) { return s.UnlockACME(t.Context(), "l", "a") }, false},
		{"now another has it", func() (bool, error) { return other.LockACME(t.Context(), "l", "b", now, until) }, true},
	} {
		if got, err := step.do(); err != nil || got != step.want {
			t.Errorf("%s: %v %v", step.name, got, err)
		}
	}
}

func acmeLockRace(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	for round := range 10 {
		var all sync.WaitGroup
		var winners atomic.Int32
		for n := range 8 {
			all.Go(func() {
				got, err := stores[n%2].LockACME(t.Context(), fmt.Sprint(round), fmt.Sprint(n), now, now.Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				if got {
					winners.Add(1)
				}
			})
		}
		all.Wait()
		if winners.Load() != 1 {
			t.Errorf("round %d: %d have the lock", round, winners.Load())
		}
	}
}

// acmeOldLock: whoever died with a lock does not keep it, and cannot take it back from its successor.
func acmeOldLock(t *testing.T, d Database) {
	s := open(t, d)
	until := now.Add(time.Minute)
	must(s.LockACME(t.Context(), "l", "dead", now, until))(t)
	if !must(s.LockACME(t.Context(), "l", "next", until, until.Add(time.Minute)))(t) {
		t.Error("the lock is kept for ever")
	}
	if must(s.RenewACME(t.Context(), "l", "dead", until.Add(time.Hour)))(t) || must(s.UnlockACME(t.Context(), "l", "dead"))(t) {
		t.Error("who lost the lock still has it")
	}
}
