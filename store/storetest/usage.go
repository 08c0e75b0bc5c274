package storetest

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/store"
	"sallyport/usage"
)

func usageTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"lease up to the cap":      leaseUpToTheCap,
		"counts are apart":         countsAreApart,
		"returned":                 returnedUsage,
		"leased at the same time":  leasedAtTheSameTime,
		"one by one by two nodes":  oneByOneByTwoNodes,
		"counted by two leasers":   countedByTwoLeasers,
		"node that was killed":     nodeThatWasKilled,
		"counts end with a period": countsEndWithAPeriod,
		"counts end with a realm":  countsEndWithARealm,
	}
}

func counter(subject string) usage.Counter {
	day := now.Truncate(24 * time.Hour)
	return usage.Counter{Realm: "default", Subject: subject, From: day, Until: day.Add(24 * time.Hour)}
}

// leaseOf leases and returns what was granted and the count after it.
func leaseOf(t *testing.T, s *store.Store, c usage.Counter, want, most int64) [2]int64 {
	t.Helper()
	granted, used, err := s.LeaseUsage(t.Context(), c, want, most)
	ok(t, err)
	return [2]int64{granted, used}
}

func leaseUpToTheCap(t *testing.T, d Database) {
	s := open(t, d)
	c := counter(awkward)
	if n := must(s.Usage(t.Context(), c))(t); n != 0 {
		t.Errorf("%d before anything was counted", n)
	}
	for _, step := range []struct {
		want, most int64
		result     [2]int64
	}{
		{5, 0, [2]int64{0, 0}},
		{5, -1, [2]int64{0, 0}},
		{0, 10, [2]int64{0, 0}},
		{4, 10, [2]int64{4, 4}},
		{-3, 10, [2]int64{0, 4}},
		{4, 10, [2]int64{4, 8}},
		{4, 10, [2]int64{2, 10}},
		{4, 10, [2]int64{0, 10}},
		{1, 7, [2]int64{0, 10}}, // the cap was lowered below the count
		{3, 12, [2]int64{2, 12}},
		{math.MaxInt64, math.MaxInt64, [2]int64{math.MaxInt64 - 12, math.MaxInt64}},
		{1, math.MaxInt64, [2]int64{0, math.MaxInt64}},
	} {
		if got := leaseOf(t, s, c, step.want, step.most); got != step.result {
			t.Errorf("%d up to %d: granted and used %v, want %v", step.want, step.most, got, step.result)
		}
		if n := must(s.Usage(t.Context(), c))(t); n != step.result[1] {
			t.Errorf("%d up to %d: %d are stored", step.want, step.most, n)
		}
	}
	if got := leaseOf(t, s, counter("more than all"), 100, 7); got != [2]int64{7, 7} {
		t.Errorf("the first lease of more than the cap: %v", got)
	}
}

func countsAreApart(t *testing.T, d Database) {
	s := open(t, d)
	c := counter("a")
	leaseOf(t, s, c, 3, 10)
	other, next, always := c, c, c
	other.Realm = "other"
	next.From, next.Until = c.Until, c.Until.Add(24*time.Hour)
	always.From, always.Until = time.Time{}, time.Time{}
	for _, o := range []usage.Counter{other, next, always, counter("A"), counter("")} {
		if n := must(s.Usage(t.Context(), o))(t); n != 0 {
			t.Errorf("%v has %d of another's", o, n)
		}
		if got := leaseOf(t, s, o, 1, 10); got != [2]int64{1, 1} {
			t.Errorf("%v: %v", o, got)
		}
	}
	if n := must(s.Usage(t.Context(), c))(t); n != 3 {
		t.Errorf("%d, want 3", n)
	}
}

func returnedUsage(t *testing.T, d Database) {
	s := open(t, d)
	c := counter("a")
	leaseOf(t, s, c, 10, 10)
	for _, step := range []struct{ unused, left int64 }{{4, 6}, {0, 6}, {-5, 6}, {7, 6}, {6, 0}, {1, 0}} {
		ok(t, s.ReturnUsage(t.Context(), c, step.unused))
		if n := must(s.Usage(t.Context(), c))(t); n != step.left {
			t.Errorf("%d returned: %d are counted, want %d", step.unused, n, step.left)
		}
	}
	ok(t, s.ReturnUsage(t.Context(), counter("unknown"), 1))
	if got := leaseOf(t, s, c, 99, 10); got != [2]int64{10, 10} {
		t.Errorf("after the return: %v", got)
	}
}

// leasedAtTheSameTime: what many lease at once adds up to the cap.
func leasedAtTheSameTime(t *testing.T, d Database) {
	nodes := []*store.Store{open(t, d), open(t, d)}
	const most = 1000
	var all sync.WaitGroup
	var sum atomic.Int64
	for worker := range 16 {
		all.Go(func() {
			for want := int64(worker + 1); ; {
				granted, used, err := nodes[worker%2].LeaseUsage(t.Context(), counter("a"), want, most)
				if err != nil {
					t.Error(err)
				}
				if err != nil || granted == 0 {
					return
				}
				if granted > want || used > most {
					t.Errorf("%d granted of %d, %d used", granted, want, used)
				}
				sum.Add(granted)
			}
		})
	}
	all.Wait()
	if n := must(nodes[0].Usage(t.Context(), counter("a")))(t); sum.Load() != most || n != most {
		t.Errorf("%d granted, %d stored, want %d", sum.Load(), n, most)
	}
}

func oneByOneByTwoNodes(t *testing.T, d Database) {
	a, b := open(t, d), open(t, d)
	for n := int64(1); n <= 6; n++ {
		s := a
		if n%2 == 0 {
			s = b
		}
		want := [2]int64{1, n}
		if n == 6 {
			want = [2]int64{0, 5}
		}
		if got := leaseOf(t, s, counter("a"), 1, 5); got != want {
			t.Errorf("call %d: %v, want %v", n, got, want)
		}
	}
}

func leaser(t *testing.T, s *store.Store) *usage.Leaser {
	t.Helper()
	l := usage.NewLeaser(usage.Config{Store: s, Now: func() time.Time { return now }})
	t.Cleanup(func() {
		if err := l.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return l
}

// takeAll has 200 callers count at the nodes until each is refused, and returns how many were served.
func takeAll(t *testing.T, nodes []*usage.Leaser, c usage.Counter, most int64) (served int64) {
	t.Helper()
	var all sync.WaitGroup
	var sum atomic.Int64
	for worker := range 200 {
		all.Go(func() {
			for {
				taken, remaining, err := nodes[worker%len(nodes)].Take(t.Context(), c, most)
				if err != nil {
					t.Error(err)
				}
				if err != nil || !taken {
					return
				}
				if remaining < 0 || remaining >= most {
					t.Errorf("%d are said to remain of %d", remaining, most)
				}
				sum.Add(1)
			}
		})
	}
	all.Wait()
	return sum.Load()
}

// countedByTwoLeasers: of 200 callers at two nodes exactly 1,000 calls are served, round after round.
func countedByTwoLeasers(t *testing.T, d Database) {
	nodes := []*usage.Leaser{leaser(t, open(t, d)), leaser(t, open(t, d))}
	for round := range 5 {
		if served := takeAll(t, nodes, counter(fmt.Sprint("round ", round)), 1000); served != 1000 {
			t.Errorf("round %d: %d served, want 1000", round, served)
		}
	}
	if served := takeAll(t, nodes[:1], counter("one node"), 1000); served != 1000 {
		t.Errorf("one node: %d served, want 1000", served)
	}
}

// nodeThatWasKilled: what it had leased is lost, and nothing is served twice.
func nodeThatWasKilled(t *testing.T, d Database) {
	s := open(t, d)
	c := counter("a")
	killed := leaser(t, s)
	var served int64
	for range 300 {
		if taken, _, err := killed.Take(t.Context(), c, 1000); err != nil || !taken {
			t.Fatal(taken, err)
		}
		served++
	}
	if leased := must(s.Usage(t.Context(), c))(t); leased <= served {
		t.Fatalf("%d leased after %d calls: nothing is lost, so this shows nothing", leased, served)
	}
	rest := takeAll(t, []*usage.Leaser{leaser(t, open(t, d))}, c, 1000)
	// It may have held one lease and been about to get another, each of a twentieth at most.
	if served+rest > 1000 || served+rest < 1000-2*1000/20 {
		t.Errorf("%d served before the kill and %d after it", served, rest)
	}
	// Had it been closed in good order, nothing would be lost.
	ok(t, killed.Close(t.Context()))
	if more := takeAll(t, []*usage.Leaser{leaser(t, open(t, d))}, c, 1000); served+rest+more != 1000 {
		t.Errorf("%d served in all after an orderly end, want 1000", served+rest+more)
	}
}

func countsEndWithAPeriod(t *testing.T, d Database) {
	s := open(t, d)
	c := counter("a")
	always := usage.Counter{Realm: "default", Subject: "a"}
	for _, x := range []usage.Counter{c, always} {
		leaseOf(t, s, x, 3, 10)
	}
	if n := must(s.DropExpired(t.Context(), c.Until.Add(59*time.Minute), 100))(t); n != 0 {
		t.Errorf("%d dropped in the hour of the end", n)
	}
	if n := must(s.DropExpired(t.Context(), c.Until.Add(time.Hour), 100))(t); n != 1 {
		t.Errorf("%d dropped, want 1", n)
	}
	if n := must(s.DropExpired(t.Context(), now.AddDate(1000, 0, 0), 100))(t); n != 0 {
		t.Errorf("%d dropped of a count without an end", n)
	}
	if n := must(s.Usage(t.Context(), c))(t); n != 0 {
		t.Errorf("%d after the end", n)
	}
	if n := must(s.Usage(t.Context(), always))(t); n != 3 {
		t.Errorf("%d of the count without an end, want 3", n)
	}
	for n := range 10 { // dropped in steps as well
		leaseOf(t, s, counter(fmt.Sprint(n)), 1, 1)
	}
	if n := must(s.DropExpired(t.Context(), c.Until.Add(5*time.Hour), 7))(t); n != 7 {
		t.Errorf("%d dropped in a step of 7", n)
	}
	if n := must(s.DropExpired(t.Context(), c.Until.Add(5*time.Hour), 7))(t); n != 3 {
		t.Errorf("%d dropped in the second step, want 3", n)
	}
}

func countsEndWithARealm(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default", "other")
	other := counter("a")
	other.Realm = "other"
	leaseOf(t, s, counter("a"), 3, 10)
	leaseOf(t, s, other, 4, 10)
	commit(t, s, deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.Realm, ID: "default"}}})
	if n := must(s.Usage(t.Context(), counter("a")))(t); n != 0 {
		t.Errorf("%d left in the deleted realm", n)
	}
	if n := must(s.Usage(t.Context(), other))(t); n != 4 {
		t.Errorf("%d in the other realm, want 4", n)
	}
}
