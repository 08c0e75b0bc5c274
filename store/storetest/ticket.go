package storetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
	"sallyport/ticket"
)

func ticketTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"taken":       tickets,
		"read":        ticketsAreRead,
		"swapped":     ticketsAreSwapped,
		"spent":       ticketsAreSpent,
		"claimed":     ticketsAreClaimed,
		"taken once":  takenOnce,
		"spent once":  spentOnce,
		"swap race":   swapRace,
		"claim race":  claimRace,
		"take or use": takeOrSpend,
	}
}

// racers is how many use one thing at once.
const racers = 200

func codeTicket(n int) ticket.Ticket {
	return ticket.Ticket{Realm: "default", Kind: ticket.Code, Hash: [32]byte{byte(n), 1}, Body: []byte("\x00{\xff"), ExpiresAt: now.Add(time.Minute)}
}

func tickets(t *testing.T, d Database) {
	s := open(t, d)
	want := &ticket.Ticket{Realm: "default", Kind: "code", Hash: [32]byte{31: 1}, Body: []byte("\x00{\xff"), ExpiresAt: now.Add(time.Minute)}
	ok(t, s.PutTicket(t.Context(), *want))
	if err := s.PutTicket(t.Context(), *want); err == nil {
		t.Error("a ticket was stored twice")
	}
	take := func(realm, kind string, at time.Time) *ticket.Ticket {
		t.Helper()
		return must(s.TakeTicket(t.Context(), realm, kind, want.Hash, at))(t)
	}
	if take("other", "code", now) != nil || take("default", "device", now) != nil {
		t.Error("taken as what it is not")
	}
	if diff := cmp.Diff(want, take("default", "code", now)); diff != "" {
		t.Error(diff)
	}
	if take("default", "code", now) != nil {
		t.Error("taken twice")
	}
	// One that is over is gone, and not given.
	ok(t, s.PutTicket(t.Context(), *want))
	if take("default", "code", want.ExpiresAt.Add(time.Microsecond)) != nil || take("default", "code", now) != nil {
		t.Error("taken although it was over")
	}
	bare := ticket.Ticket{Realm: "default", Kind: "code", Hash: want.Hash, ExpiresAt: want.ExpiresAt}
	ok(t, s.PutTicket(t.Context(), bare))
	if diff := cmp.Diff(&bare, take("default", "code", now)); diff != "" {
		t.Error(diff)
	}
}

func ticketsAreRead(t *testing.T, d Database) {
	s := open(t, d)
	want := codeTicket(1)
	ok(t, s.PutTicket(t.Context(), want))
	for _, c := range []struct {
		realm, kind string
		hash        [32]byte
		at          time.Time
		want        *ticket.Ticket
	}{
		{"default", ticket.Code, want.Hash, now, &want},
		{"default", ticket.Code, want.Hash, want.ExpiresAt.Add(-time.Microsecond), &want}, // it is still there
		{"default", ticket.Code, want.Hash, want.ExpiresAt, nil},
		{"other", ticket.Code, want.Hash, now, nil},
		{"default", ticket.Push, want.Hash, now, nil},
		{"default", ticket.Code, [32]byte{9}, now, nil},
		{"default", "a\x00b", want.Hash, now, nil},
	} {
		got := must(s.ReadTicket(t.Context(), c.realm, c.kind, c.hash, c.at))(t)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q %q %x at %s: %s", c.realm, c.kind, c.hash[:2], c.at, diff)
		}
	}
}

func ticketsAreSwapped(t *testing.T, d Database) {
	s := open(t, d)
	tk := codeTicket(1)
	ok(t, s.PutTicket(t.Context(), tk))
	old := tk.Body
	swap := func(what string, next ticket.Ticket, old []byte, want bool) {
		t.Helper()
		if got := must(s.SwapTicket(t.Context(), next, old))(t); got != want {
			t.Errorf("%s: swapped = %v, want %v", what, got, want)
		}
	}
	next := tk
	next.Body = []byte("next")
	other := next
	other.Realm = "other"
	swap("in another realm", other, old, false)
	other = next
	other.Kind = ticket.Flow
	swap("as another kind", other, old, false)
	swap("with another body", next, []byte("wrong"), false)
	swap("as it is", next, old, true)
	swap("again", next, old, false)
	empty := tk
	empty.Body = nil
	swap("for nothing", empty, next.Body, true)
	swap("from nothing", next, nil, true)
	if diff := cmp.Diff(&next, must(s.ReadTicket(t.Context(), "default", ticket.Code, tk.Hash, now))(t)); diff != "" {
		t.Error(diff)
	}
}

func ticketsAreSpent(t *testing.T, d Database) {
	s := open(t, d)
	tk := codeTicket(1)
	ok(t, s.PutTicket(t.Context(), tk))
	until := now.Add(24 * time.Hour)
	spend := func(realm, kind string, at time.Time) (*ticket.Ticket, bool) {
		t.Helper()
		got, spent, err := s.SpendTicket(t.Context(), realm, kind, tk.Hash, at, until)
		ok(t, err)
		return got, spent
	}
	for what, c := range map[string]struct {
		realm, kind string
		at          time.Time
	}{
		"another realm": {"other", ticket.Code, now},
		"another kind":  {"default", ticket.Push, now},
		"too late":      {"default", ticket.Code, tk.ExpiresAt},
		"no such text":  {"default\x00", ticket.Code, now},
	} {
		if got, spent := spend(c.realm, c.kind, c.at); got != nil || spent {
			t.Errorf("%s: %+v, %v", what, got, spent)
		}
	}
	want := tk
	want.ExpiresAt = until
	got, spent := spend("default", ticket.Code, now)
	if diff := cmp.Diff(&want, got); diff != "" || spent {
		t.Errorf("spent = %v: %s", spent, diff)
	}
	// Long after it would have expired, a second use is seen for what it is, and it is good for nothing else.
	for _, at := range []time.Time{now, until.Add(-time.Microsecond)} {
		if got, spent = spend("default", ticket.Code, at); !cmp.Equal(&want, got) || !spent {
			t.Errorf("at %s: %+v, spent = %v", at, got, spent)
		}
		must(s.DropExpired(t.Context(), at, 100))(t)
	}
	if x := must(s.ReadTicket(t.Context(), "default", ticket.Code, tk.Hash, now))(t); x != nil {
		t.Error("a spent ticket was read")
	}
	if must(s.SwapTicket(t.Context(), tk, tk.Body))(t) {
		t.Error("a spent ticket was swapped")
	}
	if x := must(s.TakeTicket(t.Context(), "default", ticket.Code, tk.Hash, now))(t); x != nil {
		t.Error("a spent ticket was taken")
	}
	if _, spent = spend("default", ticket.Code, now); !spent {
		t.Error("the attempts removed it")
	}
	if got, spent = spend("default", ticket.Code, until); got != nil || spent {
		t.Errorf("kept too long: %+v, %v", got, spent)
	}
	if n := must(s.DropExpired(t.Context(), until.Add(time.Hour), 100))(t); n != 1 {
		t.Errorf("%d rows dropped", n)
	}
}

func ticketsAreClaimed(t *testing.T, d Database) {
	s := open(t, d)
	tk := codeTicket(1)
	for _, want := range []bool{true, false} {
		if got := must(s.ClaimTicket(t.Context(), tk))(t); got != want {
			t.Errorf("claimed = %v, want %v", got, want)
		}
	}
	other := tk
	other.Kind, other.Realm, other.Body = ticket.Assertion, "other", []byte("later")
	if must(s.ClaimTicket(t.Context(), other))(t) {
		t.Error("claimed under a hash that is taken")
	}
	if diff := cmp.Diff(&tk, must(s.ReadTicket(t.Context(), "default", ticket.Code, tk.Hash, now))(t)); diff != "" {
		t.Error(diff)
	}
}

func takenOnce(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	for round := range 5 {
		tk := codeTicket(round)
		ok(t, stores[0].PutTicket(t.Context(), tk))
		if n := contest(t, racers, stores, func(_ int, s *store.Store) (bool, error) {
			x, err := s.TakeTicket(t.Context(), "default", ticket.Code, tk.Hash, now)
			return x != nil, err
		}); n != 1 {
			t.Fatalf("round %d: %d racers got the ticket", round, n)
		}
	}
}

// spentOnce: of all racers one spends it, and every other learns that somebody did and whose it was.
func spentOnce(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	for round := range 5 {
		tk := codeTicket(round)
		ok(t, stores[0].PutTicket(t.Context(), tk))
		if n := contest(t, racers, stores, func(_ int, s *store.Store) (bool, error) {
			x, spent, err := s.SpendTicket(t.Context(), "default", ticket.Code, tk.Hash, now, now.Add(time.Hour))
			if err == nil && (x == nil || !bytes.Equal(x.Body, tk.Body)) {
				err = fmt.Errorf("the ticket is not told: %+v", x)
			}
			return !spent, err
		}); n != 1 {
			t.Fatalf("round %d: %d racers spent the ticket", round, n)
		}
	}
}

func swapRace(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	for round := range 5 {
		tk := codeTicket(round)
		ok(t, stores[0].PutTicket(t.Context(), tk))
		if n := contest(t, racers, stores, func(n int, s *store.Store) (bool, error) {
			next := tk
			next.Body = fmt.Append(nil, "racer ", n)
			return s.SwapTicket(t.Context(), next, tk.Body)
		}); n != 1 {
			t.Fatalf("round %d: %d racers swapped", round, n)
		}
	}
}

func claimRace(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	for round := range 5 {
		if n := contest(t, racers, stores, func(_ int, s *store.Store) (bool, error) {
			return s.ClaimTicket(t.Context(), codeTicket(round))
		}); n != 1 {
			t.Fatalf("round %d: %d racers were the first", round, n)
		}
	}
}

// takeOrSpend: whichever way a ticket is used, it is used once.
func takeOrSpend(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	for round := range 5 {
		tk := codeTicket(round)
		ok(t, stores[0].PutTicket(t.Context(), tk))
		if n := contest(t, 32, stores, func(n int, s *store.Store) (bool, error) {
			if n/2%2 == 0 {
				x, err := s.TakeTicket(t.Context(), "default", ticket.Code, tk.Hash, now)
				return x != nil, err
			}
			x, spent, err := s.SpendTicket(t.Context(), "default", ticket.Code, tk.Hash, now, now.Add(time.Hour))
			return x != nil && !spent, err
		}); n != 1 {
			t.Fatalf("round %d: %d racers used the ticket", round, n)
		}
	}
}
