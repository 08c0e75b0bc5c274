package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/factor"
	"sallyport/feed"
	"sallyport/store"
)

func factorTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"kept":        factorsAreKept,
		"swapped":     factorsAreSwapped,
		"deleted":     factorsAreDeleted,
		"swap race":   factorSwapRace,
		"add race":    factorAddRace,
		"other realm": factorsOfAnotherRealm,
	}
}

func proof(n int, who string) *factor.Factor {
	return &factor.Factor{
		Realm: "default", User: who, ID: fmt.Sprint("f", n), Kind: factor.TOTP, Name: "phone", Doc: []byte(`{"step":1}`),
		CreatedAt: now.Add(time.Duration(n) * time.Minute),
	}
}

// toldOfFactor is what everybody hears when factors of dory changed.
func toldOfFactor() []feed.Change {
	return []feed.Change{{Kind: feed.Factor, Realm: "default", ID: "dory"}}
}

func addFactor(t *testing.T, s *store.Store, f *factor.Factor) {
	t.Helper()
	if !must(s.AddFactor(t.Context(), f))(t) {
		t.Fatalf("factor %q is taken", f.ID)
	}
}

func getFactor(t *testing.T, s *store.Store, id string) *factor.Factor {
	t.Helper()
	return must(s.FactorByID(t.Context(), "default", id))(t)
}

func factorsAreKept(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withPeople(t, s)
	e.take()
	full := &factor.Factor{
		Realm: "default", User: "dory", ID: awkward, Kind: factor.Passkey, Name: awkward, Doc: []byte(`{"name":"` + "名" + `"}`),
		CreatedAt: now, UsedAt: now.Add(time.Hour),
	}
	bare := &factor.Factor{Realm: "default", User: "nemo", ID: "bare"}
	for _, want := range []*factor.Factor{full, bare} {
		addFactor(t, s, want)
		if diff := cmp.Diff(want, getFactor(t, s, want.ID)); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	}
	newer, older := proof(2, "dory"), proof(-2, "dory")
	addFactor(t, s, newer)
	addFactor(t, s, older)
	if diff := cmp.Diff([]*factor.Factor{older, full, newer}, must(s.Factors(t.Context(), "default", "dory"))(t)); diff != "" {
		t.Error(diff)
	}
	e.take()
	// One passkey is one user's, whoever else brings it.
	taken := *full
	taken.User = "nemo"
	if must(s.AddFactor(t.Context(), &taken))(t) {
		t.Error("an id was taken twice")
	}
	if _, err := s.AddFactor(t.Context(), proof(9, "nobody")); err == nil {
		t.Error("a factor of nobody was stored")
	}
	if told := e.take(); told != nil {
		t.Errorf("told of what did not happen: %v", told)
	}
	addFactor(t, s, proof(10, "dory"))
	if diff := cmp.Diff(toldOfFactor(), e.take()); diff != "" {
		t.Error(diff)
	}
	if all := must(s.Factors(t.Context(), "default", "do_y"))(t); all != nil {
		t.Errorf("%v", all)
	}
	if f := getFactor(t, s, "a\x00b"); f != nil {
		t.Errorf("%+v", f)
	}
}

func factorsAreSwapped(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withPeople(t, s)
	f := proof(1, "dory")
	addFactor(t, s, f)
	e.take()
	next := *f
	next.Name, next.Doc, next.UsedAt = "new phone", []byte(`{"step":2}`), now.Add(time.Hour)
	swap := func(what string, f factor.Factor, old string, want bool) {
		t.Helper()
		if got := must(s.SwapFactor(t.Context(), &f, []byte(old)))(t); got != want {
			t.Errorf("%s: swapped = %v, want %v", what, got, want)
		}
		var news []feed.Change
		if want {
			news = toldOfFactor()
		}
		if diff := cmp.Diff(news, e.take()); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	other := next
	other.User = "nemo"
	swap("of another user", other, `{"step":1}`, false)
	other = next
	other.Realm = "other"
	swap("of another realm", other, `{"step":1}`, false)
	swap("of another document", next, `{"step":0}`, false)
	swap("as it is", next, `{"step":1}`, true)
	swap("again", next, `{"step":1}`, false)
	if diff := cmp.Diff(&next, getFactor(t, s, f.ID)); diff != "" {
		t.Error(diff)
	}
	// What it is and when it was made stay.
	other = next
	other.Kind, other.CreatedAt = factor.Passkey, now.Add(5*time.Hour)
	swap("in what stays", other, string(next.Doc), true)
	if diff := cmp.Diff(&next, getFactor(t, s, f.ID)); diff != "" {
		t.Error(diff)
	}
}

func factorsAreDeleted(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withPeople(t, s)
	addFactor(t, s, proof(1, "dory"))
	addFactor(t, s, proof(2, "dory"))
	e.take()
	for _, c := range []struct {
		realm, user, id string
		want            bool
	}{
		{"default", "nemo", "f1", false}, {"other", "dory", "f1", false}, {"default", "dory", "f9", false},
		{"default", "dory", "f\x00", false}, {"default", "dory", "f1", true}, {"default", "dory", "f1", false},
	} {
		if got := must(s.DeleteFactor(t.Context(), c.realm, c.user, c.id))(t); got != c.want {
			t.Errorf("%+v: deleted = %v", c, got)
		}
	}
	if diff := cmp.Diff(toldOfFactor(), e.take()); diff != "" {
		t.Error(diff)
	}
	if all := must(s.Factors(t.Context(), "default", "dory"))(t); len(all) != 1 || all[0].ID != "f2" {
		t.Errorf("left: %v", all)
	}
}

// factorSwapRace: a code, or a step of a counter, is good once.
func factorSwapRace(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	withPeople(t, stores[0])
	for round := range 3 {
		f := proof(round, "dory")
		addFactor(t, stores[0], f)
		if n := contest(t, racers, stores, func(n int, s *store.Store) (bool, error) {
			next := *f
			next.Doc = []byte(`{"step":2}`)
			return s.SwapFactor(t.Context(), &next, f.Doc)
		}); n != 1 {
			t.Fatalf("round %d: %d racers swapped", round, n)
		}
	}
}

func factorAddRace(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	withPeople(t, stores[0])
	if n := contest(t, 50, stores, func(n int, s *store.Store) (bool, error) {
		return s.AddFactor(t.Context(), proof(1, []string{"dory", "nemo"}[n/2%2]))
	}); n != 1 {
		t.Fatalf("%d racers added it", n)
	}
}

func factorsOfAnotherRealm(t *testing.T, d Database) {
	s := open(t, d)
	withPeople(t, s)
	here, there := proof(1, "dory"), proof(1, "dory")
	there.Realm = "other"
	addFactor(t, s, here)
	addFactor(t, s, there) // an id is taken in its realm alone
	must(s.DeleteFactor(t.Context(), "other", "dory", "f1"))(t)
	if diff := cmp.Diff(here, getFactor(t, s, "f1")); diff != "" {
		t.Error(diff)
	}
	if f := must(s.FactorByID(t.Context(), "other", "f1"))(t); f != nil {
		t.Errorf("%+v", f)
	}
}
