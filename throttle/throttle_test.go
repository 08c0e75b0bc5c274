package throttle_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/oauth"
	"sallyport/throttle"
)

// A clock is set by hand and has no monotonic reading, so it can go back.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

var home, away = addr("192.0.2.1"), addr("198.51.100.7")

// attempt makes one attempt at a client and returns how long it was told to wait, 0 if it was let in.
func attempt(t *testing.T, th *throttle.Throttle, id string, from netip.Addr, o throttle.Outcome) time.Duration {
	t.Helper()
	a, err := th.Client(t.Context(), "default", id, from)
	return end(t, a, err, o)
}

func signIn(t *testing.T, th *throttle.Throttle, name string, from netip.Addr, o throttle.Outcome) time.Duration {
	t.Helper()
	a, err := th.User(t.Context(), "default", name, from)
	return end(t, a, err, o)
}

func end(t *testing.T, a throttle.Attempt, err error, o throttle.Outcome) time.Duration {
	t.Helper()
	if err == nil {
		a.End(o)
		return 0
	}
	e := oauth.AsError(err)
	if e.Reason != oauth.TooManyFailures || e.RetryAfter <= 0 {
		t.Fatalf("refused with %v, retry after %v", err, e.RetryAfter)
	}
	return e.RetryAfter
}

func TestDelaysGrow(t *testing.T) {
	now := newClock()
	th := throttle.New(throttle.Config{Now: now.Now})
	for i := range 4 {
		if d := attempt(t, th, "c", home, throttle.Failed); d != 0 {
			t.Fatalf("attempt %d had to wait %v", i+1, d)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300} {
		want *= time.Second
		if d := attempt(t, th, "c", home, throttle.Succeeded); d != want {
			t.Fatalf("told to wait %v, want %v", d, want)
		}
		now.pass(want - time.Millisecond)
		if d := attempt(t, th, "c", home, throttle.Succeeded); d != time.Millisecond {
			t.Fatalf("a moment early: told to wait %v", d)
		}
		now.pass(time.Millisecond)
		if d := attempt(t, th, "c", home, throttle.Failed); d != 0 {
			t.Fatalf("after %v told to wait %v more", want, d)
		}
	}
	now.pass(5 * time.Minute)
	if d := attempt(t, th, "c", home, throttle.Succeeded); d != 0 {
		t.Fatalf("the right secret had to wait %v", d)
	}
	for i := range 4 {
		if d := attempt(t, th, "c", home, throttle.Failed); d != 0 {
			t.Errorf("after a success, attempt %d had to wait %v", i+1, d)
		}
	}
}

func TestRefusedAttemptsCountForNothing(t *testing.T) {
	now := newClock()
	th := throttle.New(throttle.Config{Now: now.Now})
	for range 4 {
		attempt(t, th, "c", home, throttle.Failed)
	}
	for range 1000 {
		if d := attempt(t, th, "c", home, throttle.Failed); d > time.Second {
			t.Fatalf("the wait grew to %v", d)
		}
	}
	now.pass(time.Second)
	if d := attempt(t, th, "c", home, throttle.Succeeded); d != 0 {
		t.Errorf("had to wait %v more", d)
	}
}

func TestUndecidedAttemptsCountForNothing(t *testing.T) {
	th := throttle.New(throttle.Config{Now: newClock().Now})
	for range 100 {
		if d := attempt(t, th, "c", home, throttle.Undecided); d != 0 {
			t.Fatalf("had to wait %v", d)
		}
	}
}

// A stranger who guesses slows down nobody but itself.
func TestOthersAreNotSlowedDown(t *testing.T) {
	th := throttle.New(throttle.Config{Now: newClock().Now})
	for range 100 {
		attempt(t, th, "c", away, throttle.Failed)
	}
	if d := attempt(t, th, "c", away, throttle.Failed); d == 0 {
		t.Fatal("the guesser was let in")
	}
	for what, d := range map[string]time.Duration{
		"another source":                    attempt(t, th, "c", home, throttle.Succeeded),
		"another client of the same source": attempt(t, th, "d", away, throttle.Succeeded),
		"a user of the same name":           signIn(t, th, "c", away, throttle.Succeeded),
		"an unknown source":                 attempt(t, th, "c", netip.Addr{}, throttle.Succeeded),
	} {
		if d != 0 {
			t.Errorf("%s had to wait %v", what, d)
		}
	}
	a, err := th.Client(t.Context(), "other", "c", away)
	if d := end(t, a, err, throttle.Succeeded); d != 0 {
		t.Errorf("the same id in another realm had to wait %v", d)
	}
}

func TestWhatIsOneSource(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
		{"fe80::1%eth0", "fe80::2%eth1", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"::1", "0.0.0.1", false},
	} {
		th := throttle.New(throttle.Config{Now: newClock().Now})
		for range 4 {
			attempt(t, th, "c", addr(tt.a), throttle.Failed)
		}
		if slowed := attempt(t, th, "c", addr(tt.b), throttle.Failed) > 0; slowed != tt.same {
			t.Errorf("%s and %s: one source %v, want %v", tt.a, tt.b, slowed, tt.same)
		}
	}
}

func TestFailuresAreForgotten(t *testing.T) {
	now := newClock()
	th := throttle.New(throttle.Config{Now: now.Now})
	for range 20 {
		attempt(t, th, "c", home, throttle.Failed)
		now.pass(5 * time.Minute)
	}
	now.pass(12 * time.Hour)
	for i := range 4 {
		if d := attempt(t, th, "c", home, throttle.Failed); d != 0 {
			t.Errorf("attempt %d had to wait %v", i+1, d)
		}
	}
}

func TestClockJumps(t *testing.T) {
	now := newClock()
	th := throttle.New(throttle.Config{Now: now.Now})
	for range 6 {
		attempt(t, th, "c", home, throttle.Failed)
		now.pass(time.Second)
	}
	now.pass(-24 * time.Hour)
	d := attempt(t, th, "c", home, throttle.Failed)
	if d == 0 || d > 4*time.Second {
		t.Fatalf("after the clock went back told to wait %v", d)
	}
	now.pass(d)
	if d := attempt(t, th, "c", home, throttle.Succeeded); d != 0 {
		t.Errorf("and then %v more", d)
	}

	for range 30 {
		signIn(t, th, "dory", addr("203.0.113.9"), throttle.Failed)
		now.pass(6 * time.Minute)
	}
	first := signIn(t, th, "dory", home, throttle.Failed)
	now.pass(-24 * time.Hour)
	if d := signIn(t, th, "dory", home, throttle.Failed); d > 30*time.Second {
		t.Errorf("first told %v, after the clock went back %v", first, d)
	}
	now.pass(100 * 24 * time.Hour)
	if d := signIn(t, th, "dory", home, throttle.Failed); d != 0 {
		t.Errorf("after the clock went far ahead: %v", d)
	}
}

// Of guesses sent all at once no more are looked at than one after another would have been.
func TestGuessesAtOnce(t *testing.T) {
	for name, enter := range map[string]func(*throttle.Throttle) (throttle.Attempt, error){
		"client": func(th *throttle.Throttle) (throttle.Attempt, error) {
			return th.Client(context.Background(), "default", "c", home)
		},
		"user": func(th *throttle.Throttle) (throttle.Attempt, error) {
			return th.User(context.Background(), "default", "dory", home)
		},
	} {
		t.Run(name, func(t *testing.T) {
			th := throttle.New(throttle.Config{Now: newClock().Now})
			var looked, refused atomic.Int64
			var wg sync.WaitGroup
			for range 500 {
				wg.Go(func() {
					a, err := enter(th)
					if err != nil {
						refused.Add(1)
						return
					}
					looked.Add(1)
					a.End(throttle.Failed)
				})
			}
			wg.Wait()
			if looked.Load() != 4 || refused.Load() != 496 {
				t.Errorf("%d looked at, %d refused", looked.Load(), refused.Load())
			}
		})
	}
}

// Callers who know the secret all get through, however many come at once.
func TestManyAtOnceWhoKnowTheSecret(t *testing.T) {
	th := throttle.New(throttle.Config{Now: newClock().Now})
	attempt(t, th, "c", home, throttle.Failed)
	attempt(t, th, "c", home, throttle.Failed)
	attempt(t, th, "c", home, throttle.Failed)
	var most, underway atomic.Int64
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			a, err := th.Client(context.Background(), "default", "c", home)
			if err != nil {
				t.Error(err)
				return
			}
			if n := underway.Add(1); n > most.Load() {
				most.Store(n)
			}
			underway.Add(-1)
			if i%7 == 0 {
				a.End(throttle.Undecided)
			} else {
				a.End(throttle.Succeeded)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n > 4 {
		t.Errorf("%d at once", n)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	th := throttle.New(throttle.Config{Now: newClock().Now})
	var held []throttle.Attempt
	for range 4 {
		a, err := th.Client(t.Context(), "default", "c", home)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := th.Client(ctx, "default", "c", home)
		gone <- err
	}()
	stays := make(chan error)
	go func() {
		a, err := th.Client(context.Background(), "default", "c", home)
		if err == nil {
			a.End(throttle.Succeeded)
		}
		stays <- err
	}()
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	for _, a := range held {
		a.End(throttle.Undecided)
	}
	if err := <-stays; err != nil {
		t.Errorf("who went on waiting: %v", err)
	}
}

// A flood of made-up names, each tried once, does not make the throttle forget whom it slows down, nor grow.
func TestFlood(t *testing.T) {
	const size = 1000
	now := newClock()
	th := throttle.New(throttle.Config{Now: now.Now, Size: size})
	for range 30 {
		attempt(t, th, "c", home, throttle.Failed)
	}
	for i := range 20 * size {
		attempt(t, th, fmt.Sprintf("made-up-%d", i), home, throttle.Failed)
		if i%100 == 0 {
			attempt(t, th, "c", home, throttle.Failed)
		}
	}
	if d := attempt(t, th, "c", home, throttle.Failed); d == 0 {
		t.Error("forgotten")
	}
	if n := th.Len(); n > 2*size {
		t.Errorf("%d entries are kept, bound %d", n, size)
	}
}

func TestLongNames(t *testing.T) {
	th := throttle.New(throttle.Config{Now: newClock().Now})
	long := strings.Repeat("x", 1<<20)
	for range 4 {
		attempt(t, th, long, home, throttle.Failed)
	}
	if d := attempt(t, th, long, home, throttle.Failed); d == 0 {
		t.Error("a long name is not slowed down")
	}
	if d := attempt(t, th, long+"y", home, throttle.Failed); d != 0 {
		t.Error("long names are mixed up")
	}
}

func TestUncontendedAttemptsDoNotAllocate(t *testing.T) {
	th := throttle.New(throttle.Config{})
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		a, _ := th.Client(ctx, "default", "c", home)
		a.End(throttle.Succeeded)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClient(b *testing.B) {
	th := throttle.New(throttle.Config{})
	for b.Loop() {
		a, _ := th.Client(b.Context(), "default", "c", home)
		a.End(throttle.Succeeded)
	}
}
