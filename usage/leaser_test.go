package usage_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/oauth"
	"sallyport/usage"
	"sallyport/usage/usagetest"
)

var calls = usage.Counter{Realm: "default", Subject: "calls"}

// in runs a test in a bubble with a clock of its own, with a leaser that is closed at its end.
func in(t *testing.T, delay time.Duration, test func(t *testing.T, s *usagetest.Store, l *usage.Leaser)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &usagetest.Store{Delay: delay}
		l := usage.NewLeaser(usage.Config{Store: s})
		defer func() {
			if err := l.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		test(t, s, l)
	})
}

func take(t *testing.T, l *usage.Leaser, most int64) (bool, int64) {
	t.Helper()
	ok, remaining, err := l.Take(t.Context(), calls, most)
	if err != nil {
		t.Fatal(err)
	}
	return ok, remaining
}

func stored(t *testing.T, s *usagetest.Store) int64 {
	t.Helper()
	n, err := s.Usage(t.Context(), calls)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCountsDown(t *testing.T) {
	in(t, 0, func(t *testing.T, _ *usagetest.Store, l *usage.Leaser) {
		for left := int64(99); left >= 0; left-- {
			if ok, remaining := take(t, l, 100); !ok || remaining != left {
				t.Fatalf("%v with %d remaining, want %d", ok, remaining, left)
			}
		}
		for range 3 {
			if ok, remaining := take(t, l, 100); ok || remaining != 0 {
				t.Fatalf("over the cap: %v, %d", ok, remaining)
			}
		}
		if ok, _ := take(t, l, 0); ok {
			t.Error("a cap of 0 let one pass")
		}
	})
}

func TestExactlyTheCap(t *testing.T) {
	for _, most := range []int64{1, 7, 200, 1000, 5000} {
		in(t, time.Millisecond, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
			nodes := []*usage.Leaser{l, usage.NewLeaser(usage.Config{Store: s})}
			var all sync.WaitGroup
			var served atomic.Int64
			for worker := range 200 {
				all.Go(func() {
					for {
						ok, _, err := nodes[worker%2].Take(t.Context(), calls, most)
						if err != nil {
							t.Error(err)
						}
						if err != nil || !ok {
							return
						}
						served.Add(1)
						time.Sleep(time.Duration(worker) * time.Microsecond)
					}
				})
			}
			all.Wait()
			if served.Load() != most || stored(t, s) != most {
				t.Errorf("%d served and %d stored, want %d", served.Load(), stored(t, s), most)
			}
			if err := nodes[1].Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Callers who come fast cost few store calls.
func TestLeasesGrow(t *testing.T) {
	in(t, time.Millisecond, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		var waited time.Duration
		for range 10_000 {
			before := time.Now()
			if ok, _ := take(t, l, 1_000_000); !ok {
				t.Fatal("refused")
			}
			waited += time.Since(before)
			time.Sleep(100 * time.Microsecond)
		}
		leases, _, _ := s.Calls()
		if leases > 20 {
			t.Errorf("%d store calls in a second with 10,000 calls", leases)
		}
		if waited > 10*time.Millisecond {
			t.Errorf("callers waited for %s in all: leases should be asked for before they are over", waited)
		}
	})
}

// Who comes seldom gets no more than one at a time, so that nothing has to be returned.
func TestSeldom(t *testing.T) {
	in(t, 0, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		for n := range int64(20) {
			take(t, l, 1000)
			synctest.Wait()
			if got := stored(t, s); got != n+1 {
				t.Fatalf("%d stored after %d calls", got, n+1)
			}
			time.Sleep(5 * time.Second)
		}
	})
}

// What an idle node holds goes back, so that others can have it.
func TestIdleLeaseGoesBack(t *testing.T) {
	in(t, 0, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		held := l.Count(calls)
		for range 100 {
			take(t, l, 10_000)
		}
		synctest.Wait()
		if stored(t, s) <= 100 {
			t.Fatal("no lease is left, so this shows nothing")
		}
		time.Sleep(time.Minute)
		if n := stored(t, s); n != 100 {
			t.Errorf("%d stored after a minute of rest, want 100", n)
		}
		// A Count that somebody held on to goes on counting, together with the one that others find.
		for n := range 50 {
			c := held
			if n%2 == 0 {
				c = l.Count(calls)
			}
			if ok, remaining, err := c.Take(t.Context(), 10_000); !ok || err != nil || remaining != int64(9899-n) {
				t.Fatalf("call %d: %v, %d remaining, %v", n, ok, remaining, err)
			}
		}
		held.Refund()
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := stored(t, s); n != 149 {
			t.Errorf("%d stored, want 149", n)
		}
	})
}

// A cap that is reached is known, and looked at again each second.
func TestDenialsAskNobody(t *testing.T) {
	in(t, time.Millisecond, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		for range 5 {
			take(t, l, 5)
		}
		leases, reads, _ := s.Calls()
		for range 10_000 {
			before := time.Now()
			if ok, _ := take(t, l, 5); ok {
				t.Fatal("over the cap")
			}
			if time.Since(before) > time.Millisecond {
				t.Fatal("a denial had to wait longer than a look at the store")
			}
			time.Sleep(time.Millisecond)
		}
		l2, r2, _ := s.Calls()
		if l2 != leases || r2-reads > 11 {
			t.Errorf("%d leases and %d reads in 10 s of denials", l2-leases, r2-reads)
		}
	})
}

// While one looks again, the others are not kept waiting.
func TestDenialsDoNotWait(t *testing.T) {
	in(t, 500*time.Millisecond, func(t *testing.T, _ *usagetest.Store, l *usage.Leaser) {
		take(t, l, 1)
		time.Sleep(2 * time.Second)
		go func() { _, _, _ = l.Take(t.Context(), calls, 1) }() // looks
		synctest.Wait()
		before := time.Now()
		if ok, _ := take(t, l, 1); ok || time.Since(before) > 0 {
			t.Errorf("%v after %s", ok, time.Since(before))
		}
	})
}

func TestCapChanges(t *testing.T) {
	in(t, 0, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		for range 10 {
			take(t, l, 10)
		}
		if ok, _ := take(t, l, 10); ok {
			t.Fatal("over the cap")
		}
		for left := int64(9); left >= 0; left-- { // raised
			if ok, remaining := take(t, l, 20); !ok || remaining != left {
				t.Fatalf("%v, %d remaining, want %d", ok, remaining, left)
			}
		}
		for range 100 {
			take(t, l, 10_000)
		}
		synctest.Wait()
		before := stored(t, s)
		if before <= 120 {
			t.Fatal("no lease is left, so this shows nothing")
		}
		if ok, _ := take(t, l, 50); ok { // lowered, although there is a lease
			t.Error("over a cap that was lowered")
		}
		if n := stored(t, s); n != 120 {
			t.Errorf("%d stored, want 120: the lease goes back", n)
		}
		if ok, remaining := take(t, l, 130); !ok || remaining != 9 {
			t.Errorf("%v, %d remaining of what is between", ok, remaining)
		}
	})
}

// Two caps for one count, at the same time: neither is exceeded.
func TestTwoCaps(t *testing.T) {
	in(t, time.Millisecond, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		var all sync.WaitGroup
		for worker := range 20 {
			most := int64(100 + 200*(worker%2))
			all.Go(func() {
				for {
					ok, remaining, err := l.Take(t.Context(), calls, most)
					if err != nil || !ok {
						return
					}
					if remaining < 0 || remaining >= most {
						t.Errorf("%d remaining of %d", remaining, most)
					}
				}
			})
		}
		all.Wait()
		if n := stored(t, s); n != 300 {
			t.Errorf("%d stored, want 300", n)
		}
	})
}

func TestRefund(t *testing.T) {
	in(t, 0, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		for range 5 {
			take(t, l, 5)
		}
		l.Refund(calls)
		if ok, remaining := take(t, l, 5); !ok || remaining != 0 {
			t.Errorf("what was given back is not given out: %v, %d", ok, remaining)
		}
		if ok, _ := take(t, l, 5); ok {
			t.Error("given out twice")
		}
		l.Refund(calls)
		l.Refund(calls)
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := stored(t, s); n != 3 {
			t.Errorf("%d stored, want 3", n)
		}
		l.Refund(calls) // too late, and harmless
	})
}

func TestStoreAway(t *testing.T) {
	in(t, 0, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		away := errors.New("away")
		s.Fail(away)
		for range 100 {
			if ok, _, err := l.Take(t.Context(), calls, 5); ok || !errors.Is(err, away) {
				t.Fatalf("%v, %v", ok, err)
			}
		}
		if leases, _, _ := s.Calls(); leases != 1 {
			t.Errorf("a store that is away was asked %d times at once", leases)
		}
		s.Fail(nil)
		time.Sleep(time.Second)
		if ok, remaining := take(t, l, 5); !ok || remaining != 4 {
			t.Errorf("after its return: %v, %d", ok, remaining)
		}
	})
}

// A lease lasts while the store is away.
func TestLeaseOutlastsOutage(t *testing.T) {
	in(t, 0, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		for range 60 {
			take(t, l, 100_000)
		}
		synctest.Wait()
		left := stored(t, s) - 60
		s.Fail(errors.New("away"))
		for n := range left {
			if ok, _, err := l.Take(t.Context(), calls, 100_000); !ok || err != nil {
				t.Fatalf("call %d of %d: %v, %v", n, left, ok, err)
			}
		}
		if ok, _, err := l.Take(t.Context(), calls, 100_000); ok || err == nil {
			t.Errorf("after the lease: %v, %v", ok, err)
		}
		s.Fail(nil)
	})
}

// A caller who leaves does not take the lease along that was asked for on his behalf.
func TestCallerLeaves(t *testing.T) {
	in(t, 100*time.Millisecond, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if ok, _, err := l.Take(ctx, calls, 1); ok || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, %v", ok, err)
		}
		if ok, remaining := take(t, l, 1); !ok || remaining != 0 {
			t.Errorf("the only one was lost: %v, %d", ok, remaining)
		}
	})
}

// A store that does not answer does not hold callers for ever.
func TestStoreHangs(t *testing.T) {
	in(t, time.Hour, func(t *testing.T, _ *usagetest.Store, l *usage.Leaser) {
		before := time.Now()
		if ok, _, err := l.Take(t.Context(), calls, 5); ok || err == nil || time.Since(before) > 10*time.Second {
			t.Errorf("%v, %v after %s", ok, err, time.Since(before))
		}
	})
}

func TestClosed(t *testing.T) {
	in(t, time.Millisecond, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		held := l.Count(calls)
		for n := range 20 {
			c := usage.Counter{Realm: "default", Subject: fmt.Sprint("calls", n)}
			for range 30 {
				if ok, _, err := l.Take(t.Context(), c, 10_000); !ok || err != nil {
					t.Fatal(ok, err)
				}
			}
		}
		take(t, l, 5)
		for range 2 {
			if err := l.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		for subject, n := range s.Subjects() {
			if want := int64(30); n != want && subject != "calls" {
				t.Errorf("%s: %d stored, want %d", subject, n, want)
			}
		}
		var e *oauth.Error
		if ok, _, err := held.Take(t.Context(), 5); ok || !errors.As(err, &e) || e.Reason != oauth.Unavailable {
			t.Errorf("%v, %v", ok, err)
		}
		if ok, _, err := l.Take(t.Context(), usage.Counter{Subject: "new"}, 5); ok || err == nil {
			t.Errorf("%v, %v", ok, err)
		}
	})
}

// A period that is over gets nothing back.
func TestPeriodIsOver(t *testing.T) {
	in(t, 0, func(t *testing.T, s *usagetest.Store, l *usage.Leaser) {
		c := usage.Counter{Realm: "default", Subject: "hour", From: time.Now(), Until: time.Now().Add(time.Second)}
		for range 50 {
			if ok, _, err := l.Take(t.Context(), c, 10_000); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		time.Sleep(time.Second)
		_, _, before := s.Calls()
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, _, after := s.Calls(); after != before {
			t.Errorf("%d returns to a period that is over", after-before)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	l := usage.NewLeaser(usage.Config{Store: &usagetest.Store{}})
	defer l.Close(context.Background())
	count := l.Count(calls)
	b.ReportAllocs()
	for b.Loop() {
		if ok, _, err := count.Take(b.Context(), 1<<60); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
