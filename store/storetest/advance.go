package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
	"sallyport/token"
)

func advanceTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"rotation":            rotation,
		"replay":              replay,
		"limited uses":        limitedUses,
		"without rotation":    withoutRotation,
		"reference with it":   referenceWithIt,
		"all or nothing":      advanceAllOrNothing,
		"race":                advanceRace,
		"race of two stores":  advanceRaceOfTwoStores,
		"race without repeat": advanceRaceWithoutGrace,
		"race for last use":   advanceRaceForLastUse,
		"race uncounted":      advanceRaceUncounted,
	}
}

// rotate is the use of generation g of a family at a moment after now.
func rotate(f *token.Family, g uint32, after time.Duration) token.Advance {
	return token.Advance{
		Realm: f.Realm, Family: f.ID, ExpiresAt: f.ExpiresAt, Presented: g, Now: now.Add(after), Rotate: true, Grace: 30 * time.Second,
		OnReplay: token.Revocation{Realm: f.Realm, Kind: token.RevokeFamily, Key: f.ID.String(), Bound: token.WholeFamily, Until: f.ExpiresAt},
	}
}

func advance(t *testing.T, s *store.Store, a token.Advance, want token.Outcome) {
	t.Helper()
	if got := must(s.AdvanceFamily(t.Context(), a))(t); got != want {
		t.Fatalf("generation %d: %s, want %s", a.Presented, got, want)
	}
}

func rotation(t *testing.T, d Database) {
	s := open(t, d)
	f := family(1, "dory")
	create(t, s, f, nil)
	advance(t, s, rotate(f, 1, time.Minute), token.Advanced)
	want := *f
	want.Generation, want.RotatedAt = 2, now.Add(time.Minute)
	if diff := cmp.Diff(&want, getFamily(t, s, f)); diff != "" {
		t.Error(diff)
	}
	advance(t, s, rotate(f, 1, time.Minute), token.Repeated)
	advance(t, s, rotate(f, 1, time.Minute+30*time.Second), token.Repeated)
	if diff := cmp.Diff(&want, getFamily(t, s, f)); diff != "" {
		t.Errorf("a repetition changed the family: %s", diff)
	}
	advance(t, s, rotate(f, 3, time.Minute), token.Gone) // never issued
	advance(t, s, rotate(f, 2, time.Hour), token.Advanced)
	advance(t, s, rotate(f, 3, time.Hour), token.Advanced)
	if g := getFamily(t, s, f).Generation; g != 4 {
		t.Errorf("generation %d, want 4", g)
	}
	advance(t, s, rotate(family(2, ""), 1, 0), token.Gone)
	other := rotate(f, 4, time.Hour)
	other.Realm = "other"
	advance(t, s, other, token.Gone)
}

func replay(t *testing.T, d Database) {
	s := open(t, d)
	for n, c := range map[int]struct {
		presented uint32
		after     time.Duration
		grace     time.Duration
	}{
		1: {2, 30*time.Second + time.Microsecond, 30 * time.Second}, // the predecessor, too late
		2: {1, 0, 30 * time.Second},                                 // not the predecessor
		3: {2, time.Microsecond, 0},                                 // no grace
		4: {0, 0, time.Hour},
	} {
		f := family(n, "dory")
		f.Generation = 3
		create(t, s, f, nil)
		a := rotate(f, c.presented, c.after)
		a.Grace = c.grace
		a.Reference = reference(n, "dory")
		if n%2 == 0 { // both ways through the store
			a.Reference = nil
		}
		a.Revocations = []token.Revocation{}
		advance(t, s, a, token.Replayed)
		if getFamily(t, s, f) != nil {
			t.Errorf("case %d: the family survived a replay", n)
		}
		if a.Reference != nil && getReference(t, s, a.Reference) != nil {
			t.Errorf("case %d: a replay got a token", n)
		}
		advance(t, s, rotate(f, 3, 0), token.Gone)
		found := false
		for _, r := range must(s.Revocations(t.Context(), now))(t) {
			found = found || cmp.Equal(r, a.OnReplay)
		}
		if !found {
			t.Errorf("case %d: the revocation is not recorded", n)
		}
	}
}

func limitedUses(t *testing.T, d Database) {
	s := open(t, d)
	f := family(1, "dory")
	f.Generation = 7 // uses are counted, not generations
	create(t, s, f, nil)
	use := func(g uint32, want token.Outcome) {
		t.Helper()
		a := rotate(f, g, 0)
		a.MaxUses = 2
		advance(t, s, a, want)
	}
	use(7, token.Advanced)
	use(7, token.Repeated)
	use(8, token.Advanced)
	use(8, token.Repeated)
	use(9, token.Exhausted)
	use(8, token.Repeated)
	if g := getFamily(t, s, f).Generation; g != 9 {
		t.Errorf("generation %d, want 9", g)
	}
}

func withoutRotation(t *testing.T, d Database) {
	s := open(t, d)
	f := family(1, "dory")
	create(t, s, f, nil)
	a := rotate(f, 1, time.Hour)
	a.Rotate = false
	for range 3 {
		advance(t, s, a, token.Advanced)
	}
	want := *f
	want.Generation, want.RotatedAt = 4, now.Add(time.Hour) // an idle limit counts from the last use
	if diff := cmp.Diff(&want, getFamily(t, s, f)); diff != "" {
		t.Error(diff)
	}
	a.MaxUses = 4
	advance(t, s, a, token.Advanced)
	advance(t, s, a, token.Exhausted)
	a.Family = token.ID{1}
	advance(t, s, a, token.Gone)
}

func referenceWithIt(t *testing.T, d Database) {
	s := open(t, d)
	f := family(1, "dory")
	create(t, s, f, nil)
	for n, want := range []token.Outcome{token.Advanced, token.Repeated} {
		a := rotate(f, 1, 0)
		a.Reference = reference(n, "dory")
		a.Revocations = []token.Revocation{{Realm: "default", Kind: token.RevokeFamily, Key: f.ID.String(), Bound: 2, Until: f.ExpiresAt}}
		advance(t, s, a, want)
		if diff := cmp.Diff(a.Reference, getReference(t, s, a.Reference)); diff != "" {
			t.Errorf("%s: %s", want, diff)
		}
		if diff := cmp.Diff(a.Revocations, must(s.Revocations(t.Context(), now))(t)); diff != "" {
			t.Errorf("%s: %s", want, diff)
		}
	}
}

func advanceAllOrNothing(t *testing.T, d Database) {
	s := open(t, d)
	f, r := family(1, "dory"), reference(1, "dory")
	create(t, s, f, r)
	a := rotate(f, 1, 0)
	a.Reference = r // is there already
	if outcome, err := s.AdvanceFamily(t.Context(), a); err == nil {
		t.Fatalf("%s with a token that exists", outcome)
	}
	if diff := cmp.Diff(f, getFamily(t, s, f)); diff != "" {
		t.Errorf("half of a use was stored: %s", diff)
	}
}

func advanceRace(t *testing.T, d Database) {
	s := open(t, d)
	raceFor(t, 1, s, s)
}

func advanceRaceOfTwoStores(t *testing.T, d Database) {
	raceFor(t, 1, open(t, d), open(t, d))
}

// raceFor has 32 racers present each generation at the same moment: one is Advanced, the others repeat what it did.
func raceFor(t *testing.T, n int, stores ...*store.Store) {
	t.Helper()
	f := family(n, "dory")
	create(t, stores[0], f, nil)
	for g := uint32(1); g <= 10; g++ {
		counts := race(t, 32, func(i int) token.Advance {
			a := rotate(f, g, 0)
			if i%2 == 0 {
				a.Reference = reference(int(g)*100+i, "dory")
			}
			return a
		}, stores...)
		if diff := cmp.Diff(map[token.Outcome]int{token.Advanced: 1, token.Repeated: 31}, counts); diff != "" {
			t.Fatalf("generation %d: %s", g, diff)
		}
	}
	all := must(stores[0].Families(t.Context(), "default", "dory", "", now))(t)
	if len(all) != 1 || all[0].Generation != 11 {
		t.Errorf("after the race: %+v", all)
	}
	if n := len(must(stores[0].References(t.Context(), "default", "dory", "", now))(t)); n != 160 {
		t.Errorf("%d tokens, want 160", n)
	}
}

func race(t *testing.T, racers int, use func(i int) token.Advance, stores ...*store.Store) map[token.Outcome]int {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	counts := map[token.Outcome]int{}
	start := make(chan struct{})
	for i := range racers {
		all.Go(func() {
			<-start
			outcome, err := stores[i%len(stores)].AdvanceFamily(t.Context(), use(i))
			if err != nil {
				outcome = token.Outcome(fmt.Sprint("error: ", err))
			}
			mu.Lock()
			defer mu.Unlock()
			counts[outcome]++
		})
	}
	close(start)
	all.Wait()
	return counts
}

func advanceRaceWithoutGrace(t *testing.T, d Database) {
	s := open(t, d)
	f := family(1, "dory")
	create(t, s, f, nil)
	counts := race(t, 32, func(i int) token.Advance {
		a := rotate(f, 1, time.Duration(i)*time.Microsecond)
		a.Grace = -time.Hour
		if i == 0 {
			a.Reference = reference(i, "dory")
		}
		return a
	}, s)
	// Whoever comes after the winner and at a later moment is a replay, and then the family is gone.
	if counts[token.Advanced] != 1 || counts[token.Advanced]+counts[token.Repeated]+counts[token.Replayed]+counts[token.Gone] != 32 {
		t.Errorf("outcomes: %v", counts)
	}
}

func advanceRaceForLastUse(t *testing.T, d Database) {
	s := open(t, d)
	f := family(1, "dory")
	create(t, s, f, nil)
	counts := race(t, 32, func(int) token.Advance {
		a := rotate(f, 1, 0)
		a.Rotate, a.MaxUses = false, 5
		return a
	}, s)
	if diff := cmp.Diff(map[token.Outcome]int{token.Advanced: 5, token.Exhausted: 27}, counts); diff != "" {
		t.Error(diff)
	}
}

func advanceRaceUncounted(t *testing.T, d Database) {
	s := open(t, d)
	f := family(1, "dory")
	create(t, s, f, nil)
	counts := race(t, 32, func(int) token.Advance {
		a := rotate(f, 1, 0)
		a.Rotate = false
		return a
	}, s)
	if diff := cmp.Diff(map[token.Outcome]int{token.Advanced: 32}, counts); diff != "" {
		t.Error(diff)
	}
	if g := getFamily(t, s, f).Generation; g != 33 {
		t.Errorf("generation %d, want 33: uses were lost", g)
	}
}
