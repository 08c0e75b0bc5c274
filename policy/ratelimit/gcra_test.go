package ratelimit_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sallyport/policy/ratelimit"
)

func TestNext(t *testing.T) {
	const s = int64(time.Second)
	perSecond := ratelimit.Limit{Interval: s, Burst: 3}
	const now = 1_700_000_000 * s
	for _, tt := range []struct {
		name       string
		tat        int64
		next       int64
		ok         bool
		left, wait int64 // after it
	}{
		{"never called", 0, now + s, true, 2, s},
		{"long ago", now - 100*s, now + s, true, 2, s},
		{"rested just enough", now, now + s, true, 2, s},
		{"second call", now + s, now + 2*s, true, 1, s},
		{"third call", now + 2*s, now + 3*s, true, 0, s},
		{"fourth call", now + 3*s, now + 3*s, false, 0, s},
		{"a nanosecond early", now + 2*s + 1, now + 2*s + 1, false, 0, 1},
		{"half a second early", now + 5*s/2, now + 5*s/2, false, 0, s / 2},
		{"calls that overtake each other", now + 3*s + s/2, now + 3*s + s/2, false, 0, s},
		{"a clock set back by an hour", now + 3600*s, now + 3*s, false, 0, s},
	} {
		next, ok := perSecond.Next(tt.tat, now)
		if next != tt.next || ok != tt.ok {
			t.Errorf("%s: next is now%+d, %v, want now%+d, %v", tt.name, next-now, ok, tt.next-now, tt.ok)
		}
		if left, wait := perSecond.Left(next, now), perSecond.Wait(next, now); left != tt.left || wait != tt.wait {
			t.Errorf("%s: %d left, another in %d, want %d in %d", tt.name, left, wait, tt.left, tt.wait)
		}
	}
	if left := perSecond.Left(now-1, now); left != 3 {
		t.Errorf("%d left after a rest, want 3", left)
	}
}

// In any time t no more than burst + rate × t calls pass, whatever the pattern; what is said to be left passes, and the
// call that is told to wait passes after that time and no earlier.
func TestNeverMoreThanAgreed(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		limit := ratelimit.Limit{Interval: 1 + rnd.Int64N(int64(time.Second)), Burst: 1 + rnd.Int64N(50)}
		now, tat := int64(1_700_000_000_000_000_000), int64(0)
		var passed []int64
		for range 600 {
			if rnd.IntN(3) > 0 {
				now += rnd.Int64N(limit.Interval)
			} else if rnd.IntN(50) == 0 {
				now += limit.Interval * limit.Burst
			}
			left, wait := limit.Left(max(tat, 1), now), limit.Wait(tat, now)
			next, ok := limit.Next(tat, now)
			if ok != (left > 0) {
				t.Fatalf("seed %d: %d left and passed = %v", seed, left, ok)
			}
			if !ok {
				if _, early := limit.Next(tat, now+wait-1); early {
					t.Fatalf("seed %d: passes before the wait of %d is over", seed, wait)
				}
				if _, late := limit.Next(tat, now+wait); !late {
					t.Fatalf("seed %d: refused after the wait of %d", seed, wait)
				}
			} else {
				passed = append(passed, now)
			}
			tat = next
		}
		for i := range passed {
			for j := i; j < len(passed); j++ {
				if n, most := int64(j-i+1), limit.Burst+(passed[j]-passed[i])/limit.Interval; n > most {
					t.Fatalf("seed %d: %d calls in %d, at most %d are agreed", seed, n, passed[j]-passed[i], most)
				}
			}
		}
	}
}

// Who never asks for more than the rate is never refused.
func TestSteadyCallerPasses(t *testing.T) {
	limit := ratelimit.Limit{Interval: 333_333_334, Burst: 1}
	now, tat := int64(1_700_000_000_000_000_000), int64(0)
	for n := range 10_000 {
		next, ok := limit.Next(tat, now)
		if !ok {
			t.Fatalf("call %d was refused", n)
		}
		tat, now = next, now+limit.Interval
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]struct {
		calls int64
		per   time.Duration
	}{
		"100/s": {100, time.Second}, "600/m": {600, time.Minute}, "1/h": {1, time.Hour}, "1000000/s": {1000000, time.Second},
	} {
		if calls, per, err := ratelimit.ParseRate(text); err != nil || calls != want.calls || per != want.per {
			t.Errorf("%s: %d in %s, %v", text, calls, per, err)
		}
	}
	for _, text := range []string{"", "100", "/s", "0/s", "-1/s", "+1/s", "1.5/s", "100/d", "100/S", "100 /s", "100/s ", "1/s/s", "1000001/s", "99999999999999999999/h", "１/s"} {
		if calls, per, err := ratelimit.ParseRate(text); err == nil || !strings.HasPrefix(err.Error(), "rate: ") {
			t.Errorf("%q is %d in %s, %v", text, calls, per, err)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	f.Add("100/s")
	f.Add("0x1/m")
	f.Fuzz(func(t *testing.T, text string) {
		calls, per, err := ratelimit.ParseRate(text)
		if err == nil && (calls < 1 || per < time.Second || int64(per)/calls < int64(time.Microsecond)) {
			t.Errorf("%q: %d in %s", text, calls, per)
		}
	})
}
