package throttle_test

import (
	"fmt"
	"testing"
	"time"

	"sallyport/throttle"
)

// siege makes failures at a user from many sources, so that strangers are held up.
func siege(t *testing.T, th *throttle.Throttle, name string, n int) {
	t.Helper()
	for i := range n {
		signIn(t, th, name, addr(fmt.Sprintf("203.0.%d.%d", 113+i/250, i%250)), throttle.Failed)
	}
}

func TestGuessesFromEverywhere(t *testing.T) {
	now := newClock()
	th := throttle.New(throttle.Config{Now: now.Now})
	if d := signIn(t, th, "dory", home, throttle.Succeeded); d != 0 {
		t.Fatal(d)
	}
	siege(t, th, "dory", 10)
	if d := signIn(t, th, "dory", home, throttle.Succeeded); d != 0 {
		t.Errorf("a source known to be good had to wait %v", d)
	}
	if d := signIn(t, th, "marlin", away, throttle.Succeeded); d != 0 {
		t.Errorf("another user had to wait %v", d)
	}
	d := signIn(t, th, "dory", away, throttle.Succeeded)
	if d != time.Second {
		t.Fatalf("a stranger was told to wait %v", d)
	}
	// Others go on guessing meanwhile; that neither takes the stranger's turn nor makes its wait longer.
	siege(t, th, "dory", 500)
	now.pass(d - 1)
	if d := signIn(t, th, "dory", away, throttle.Succeeded); d != 1 {
		t.Errorf("early: told to wait %v", d)
	}
	now.pass(1)
	if d := signIn(t, th, "dory", away, throttle.Succeeded); d != 0 {
		t.Errorf("back in time, told to wait %v more", d)
	}
	if d := signIn(t, th, "dory", away, throttle.Failed); d != 0 {
		t.Errorf("known to be good by now, told to wait %v", d)
	}
}

func TestTheLongestWaitUnderSiege(t *testing.T) {
	now := newClock()
	th := throttle.New(throttle.Config{Now: now.Now})
	for i := range 200 { // each comes back after its wait, and fails
		from := addr(fmt.Sprintf("203.0.113.%d", i))
		now.pass(signIn(t, th, "dory", from, throttle.Failed))
		signIn(t, th, "dory", from, throttle.Failed)
	}
	if d := signIn(t, th, "dory", away, throttle.Failed); d != 30*time.Second {
		t.Errorf("told to wait %v", d)
	}
	now.pass(30 * time.Second)
	if d := signIn(t, th, "dory", away, throttle.Failed); d != 0 {
		t.Errorf("and then %v", d)
	}
	if d := signIn(t, th, "dory", away, throttle.Failed); d != 30*time.Second {
		t.Errorf("each attempt has to wait its turn; this one %v", d)
	}
}

func TestOwnSlipsAreTakenBack(t *testing.T) {
	now := newClock()
	th := throttle.New(throttle.Config{Now: now.Now})
	for i := range 20 { // three slips from each place, then the right one
		from := addr(fmt.Sprintf("198.51.100.%d", i))
		for range 3 {
			if d := signIn(t, th, "dory", from, throttle.Failed); d != 0 {
				t.Fatalf("place %d had to wait %v", i, d)
			}
		}
		if d := signIn(t, th, "dory", from, throttle.Succeeded); d != 0 {
			t.Fatalf("place %d had to wait %v", i, d)
		}
	}
}

func TestTrustEnds(t *testing.T) {
	now := newClock()
	th := throttle.New(throttle.Config{Now: now.Now})
	signIn(t, th, "dory", home, throttle.Succeeded)
	now.pass(7 * 24 * time.Hour)
	siege(t, th, "dory", 10)
	if d := signIn(t, th, "dory", home, throttle.Succeeded); d == 0 {
		t.Error("a source that was good a week ago still is")
	}
}

func TestDistributedGuessesAtOnce(t *testing.T) {
	th := throttle.New(throttle.Config{Now: newClock().Now})
	var held []throttle.Attempt
	refused := 0
	for i := range 100 {
		a, err := th.User(t.Context(), "default", "dory", addr(fmt.Sprintf("203.0.113.%d", i)))
		if err != nil {
			refused++
			continue
		}
		held = append(held, a)
	}
	if len(held) != 10 || refused != 90 {
		t.Errorf("%d looked at, %d refused", len(held), refused)
	}
	for _, a := range held {
		a.End(throttle.Undecided)
	}
	if d := signIn(t, th, "dory", away, throttle.Failed); d != 0 {
		t.Errorf("attempts that came to nothing hold up others: %v", d)
	}
}
