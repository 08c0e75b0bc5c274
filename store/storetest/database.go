package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/oauth"
	"sallyport/store"
	"sallyport/ticket"
)

func databaseTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"opened by eight":   openedByEight,
		"closed":            closed,
		"closed under load": closedUnderLoad,
		"cut off":           cutOff,
		"caller leaves":     callerLeaves,
		"ping and size":     pingAndSize,
	}
}

// openedByEight: instances that start at the same moment migrate an empty database once.
func openedByEight(t *testing.T, d Database) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for n := range 8 {
		all.Go(func() {
			<-start
			s, err := store.Open(t.Context(), store.Options{URL: d.URL, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Errorf("instance %d: %v", n, err)
				return
			}
			if err := s.CreateGrant(t.Context(), family(n, "dory"), nil); err != nil {
				t.Errorf("instance %d: %v", n, err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("instance %d: %v", n, err)
			}
		})
	}
	close(start)
	all.Wait()
	s := open(t, d)
	if n := len(must(s.Families(t.Context(), "default", "dory", "", now))(t)); n != 8 {
		t.Errorf("%d grants, want 8", n)
	}
}

func unavailable(err error) bool {
	var e *oauth.Error
	return errors.As(err, &e) && e.Reason == oauth.Unavailable && e.Err != nil
}

func closed(t *testing.T, d Database) {
	s := open(t, d)
	ok(t, s.Close())
	ok(t, s.Close())
	_, read := s.Client(t.Context(), "default", "app")
	_, take := s.TakeTicket(t.Context(), "default", "code", [32]byte{}, now)
	_, size := s.Size(t.Context())
	for name, err := range map[string]error{
		"a read": read, "a statement": take, "the size": size,
		"a transaction": s.Commit(t.Context(), oneOfEach("default")),
		"a ping":        s.Ping(t.Context()),
	} {
		if !unavailable(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// closedUnderLoad: every write is either stored or refused, never lost and never left without an answer.
func closedUnderLoad(t *testing.T, d Database) {
	s := open(t, d)
	var all sync.WaitGroup
	var stored sync.Map
	var many atomic.Int32
	for worker := range 16 {
		all.Go(func() {
			for n := worker; ; n += 16 {
				if err := s.CreateGrant(t.Context(), family(n, "dory"), nil); err != nil {
					if !unavailable(err) {
						t.Errorf("grant %d: %v", n, err)
					}
					return
				}
				stored.Store(n, true)
				many.Add(1)
			}
		})
	}
	eventually(t, "some writes", func() bool { return many.Load() > 50 })
	ok(t, s.Close())
	all.Wait()
	s = open(t, d)
	stored.Range(func(n, _ any) bool {
		if getFamily(t, s, family(n.(int), "")) == nil {
			t.Errorf("grant %d was acknowledged and is lost", n)
		}
		return true
	})
}

// cutOff: a database that went away is an error of its own kind, and its return needs no help.
func cutOff(t *testing.T, d Database) {
	if d.CutOff == nil {
		return // a database that runs in this process has no connections to lose
	}
	s := open(t, d)
	var all sync.WaitGroup
	var stored sync.Map
	var many atomic.Int32
	ctx, stop := context.WithCancel(t.Context())
	for worker := range 8 {
		all.Go(func() {
			for n := worker; ctx.Err() == nil; n += 8 {
				switch err := s.CreateGrant(t.Context(), family(n, "dory"), nil); {
				case err == nil:
					stored.Store(n, true)
					many.Add(1)
				case !unavailable(err):
					t.Errorf("grant %d: %v", n, err)
				}
			}
		})
	}
	for range 3 {
		before := many.Load()
		eventually(t, "writes", func() bool { return many.Load() > before+20 })
		d.CutOff(t)
	}
	before := many.Load()
	eventually(t, "writes after the last cut", func() bool { return many.Load() > before+20 })
	stop()
	all.Wait()
	stored.Range(func(n, _ any) bool {
		if getFamily(t, s, family(n.(int), "")) == nil {
			t.Errorf("grant %d was acknowledged and is lost", n)
		}
		return true
	})
}

// callerLeaves: whoever leaves gets no lie; what was acknowledged is there, what was refused may be there as a whole.
func callerLeaves(t *testing.T, d Database) {
	s := open(t, d)
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n%20)*100*time.Microsecond)
			defer cancel()
			f, r := family(n, "dory"), reference(n, "dory")
			err := s.CreateGrant(ctx, f, r)
			both := must(s.Family(t.Context(), f.Realm, f.ID, f.ExpiresAt))(t) != nil
			if other := getReference(t, s, r) != nil; other != both {
				t.Errorf("grant %d: half of it is there", n)
			}
			if err == nil && !both {
				t.Errorf("grant %d was acknowledged and is lost", n)
			}
			if err != nil && !errors.Is(err, context.DeadlineExceeded) && !unavailable(err) {
				t.Errorf("grant %d: %v", n, err)
			}
		})
	}
	all.Wait()
	ok(t, s.Ping(t.Context()))
}

func pingAndSize(t *testing.T, d Database) {
	s := open(t, d)
	ok(t, s.Ping(t.Context()))
	empty := must(s.Size(t.Context()))(t)
	for n := range 200 {
		body := make([]byte, 4000)
		must(rand.Read(body))(t) // a database may compress
		ok(t, s.PutTicket(t.Context(), ticket.Ticket{Realm: "default", Kind: "code", Hash: [32]byte{byte(n)}, Body: body, ExpiresAt: now.Add(time.Hour)}))
	}
	if full := must(s.Size(t.Context()))(t); empty <= 0 || full < empty+200*1000 {
		t.Errorf("%d bytes empty, %d bytes with 800 kB in it", empty, full)
	}
	must(s.DropExpired(t.Context(), now.Add(10*time.Hour), 1000))(t)
	if n := len(must(s.Revocations(t.Context(), time.Time{}))(t)); n != 0 {
		t.Errorf("%d revocations", n)
	}
}
