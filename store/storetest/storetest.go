// Package storetest is the conformance suite of package store: what every database must do, written once and run on each.
//
// It refuses to look inside: a test opens a store, calls methods of the nouns' interfaces, and compares.
package storetest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/realm"
	"sallyport/store"
)

// A Database is one empty database for one test, which may be opened many times over.
type Database struct {
	// URL addresses it.
	URL string
	// CutOff breaks every connection of every store that has it open, as a restart of the server would. Nil: it cannot be.
	CutOff func(t *testing.T)
}

// Run runs the suite. fresh makes a Database, and skips the test where it cannot.
func Run(t *testing.T, fresh func(t *testing.T) Database) {
	for _, group := range []struct {
		name  string
		tests map[string]func(*testing.T, Database)
	}{
		{"config", configTests()},
		{"commit", commitTests()},
		{"grants", grantTests()},
		{"advance", advanceTests()},
		{"revocations", revocationTests()},
		{"expiry", expiryTests()},
		{"records", recordTests()},
		{"tickets", ticketTests()},
		{"sessions", sessionTests()},
		{"consents", consentTests()},
		{"factors", factorTests()},
		{"edits", editTests()},
		{"registration", registrationTests()},
		{"removal", removalTests()},
		{"usage", usageTests()},
		{"acme", acmeTests()},
		{"credentials", credentialTests()},
		{"feed", feedTests()},
		{"database", databaseTests()},
	} {
		t.Run(group.name, func(t *testing.T) {
			for name, test := range group.tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, fresh(t))
				})
			}
		})
	}
}

// now is the moment at which most tests take place, to the microsecond, which is what a store keeps.
var now = time.Date(2026, 3, 1, 12, 30, 15, 123456000, time.UTC)

// awkward is text that breaks careless quoting, escaping and decoding.
const awkward = "O'Brien \"q\" %s $1 ? \\ \n\t名前 🔑 é"

func open(t *testing.T, d Database) *store.Store {
	t.Helper()
	return openWith(t, d, nil)
}

func openWith(t *testing.T, d Database, hub *feed.Hub) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: d.URL, Hub: hub, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// withRealms commits empty realms, to put things into.
func withRealms(t *testing.T, s *store.Store, names ...string) {
	t.Helper()
	var c deployment.ChangeSet
	for _, n := range names {
		c.Realms = append(c.Realms, &realm.Realm{Name: n})
	}
	commit(t, s, c)
}

func commit(t *testing.T, s *store.Store, c deployment.ChangeSet) {
	t.Helper()
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// must is for calls that cannot fail here.
func must[V any](v V, err error) func(t *testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// contest lets many goroutines do something at once, each through one of the stores, and returns how many of them won.
func contest(t *testing.T, many int, stores []*store.Store, try func(n int, s *store.Store) (won bool, err error)) int {
	t.Helper()
	var won atomic.Int32
	var all sync.WaitGroup
	start := make(chan struct{})
	for n := range many {
		all.Go(func() {
			<-start
			first, err := try(n, stores[n%len(stores)])
			if err != nil {
				t.Errorf("racer %d: %v", n, err)
			}
			if first {
				won.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	return int(won.Load())
}

// eventually waits for something that happens in the background, far longer than it should take.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("never happened: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
