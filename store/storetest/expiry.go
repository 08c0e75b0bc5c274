package storetest

import (
	"testing"
	"time"

	"sallyport/store"
	"sallyport/ticket"
	"sallyport/token"
)

func expiryTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"drops what is over": dropsWhatIsOver,
		"in steps":           dropsInSteps,
		"empty":              dropsNothing,
	}
}

// expiringAt stores one row of each kind that ends then.
func expiringAt(t *testing.T, s *store.Store, n int, at time.Time) {
	t.Helper()
	f, r := family(n, "dory"), reference(n, "dory")
	f.ExpiresAt, r.ExpiresAt = at, at
	create(t, s, f, r)
	ok(t, s.PutTicket(t.Context(), ticket.Ticket{Realm: "default", Kind: "code", Hash: r.Hash, ExpiresAt: at}))
	ok(t, s.Revoke(t.Context(), [32]byte{}, 0, token.Revocation{Realm: "default", Kind: token.RevokeToken, Key: r.ID, Until: at}))
}

func alive(t *testing.T, s *store.Store, n int, at time.Time) (rows int) {
	t.Helper()
	f, r := family(n, ""), reference(n, "")
	if must(s.Family(t.Context(), "default", f.ID, at))(t) != nil {
		rows++
	}
	if must(s.Reference(t.Context(), r.Hash, token.Bucket(at)))(t) != nil {
		rows++
	}
	for _, x := range must(s.Revocations(t.Context(), time.Unix(0, 0)))(t) {
		if x.Key == r.ID {
			rows++
		}
	}
	return rows
}

func dropsWhatIsOver(t *testing.T, d Database) {
	s := open(t, d)
	hour := now.Truncate(time.Hour)
	ends := []time.Time{hour.Add(-100 * time.Hour), hour.Add(-time.Microsecond), hour, now, now.Add(time.Hour)}
	for n, at := range ends {
		expiringAt(t, s, n, at)
	}
	if n := must(s.DropExpired(t.Context(), now, 1000))(t); n != 8 {
		t.Errorf("dropped %d rows, want 4 of each of two hours", n)
	}
	for n, at := range ends {
		want := 3
		if n < 2 {
			want = 0
		}
		if got := alive(t, s, n, at); got != want {
			t.Errorf("ending at %s: %d rows left, want %d", at, got, want)
		}
	}
	if x := must(s.TakeTicket(t.Context(), "default", "code", reference(4, "").Hash, now))(t); x == nil {
		t.Error("a live ticket was dropped")
	}
}

func dropsInSteps(t *testing.T, d Database) {
	s := open(t, d)
	for n := range 10 {
		expiringAt(t, s, n, now.Add(time.Duration(n-20)*time.Hour))
	}
	expiringAt(t, s, 10, now.Add(time.Hour))
	var steps []int
	total := 0
	for n := -1; n != 0; {
		n = must(s.DropExpired(t.Context(), now, 7))(t)
		steps = append(steps, n)
		total += n
		if n > 7 {
			t.Fatalf("%d rows in one step of 7", n)
		}
	}
	if total != 40 || len(steps) != 7 {
		t.Errorf("steps %v, want 40 rows by sevens", steps)
	}
	if alive(t, s, 10, now.Add(time.Hour)) != 3 {
		t.Error("live rows were dropped")
	}
}

func dropsNothing(t *testing.T, d Database) {
	s := open(t, d)
	if n := must(s.DropExpired(t.Context(), now, 100))(t); n != 0 {
		t.Errorf("dropped %d rows of nothing", n)
	}
	expiringAt(t, s, 1, now.Add(-time.Hour*5))
	if n := must(s.DropExpired(t.Context(), now, 0))(t); n != 0 {
		t.Errorf("dropped %d rows, allowed none", n)
	}
}
