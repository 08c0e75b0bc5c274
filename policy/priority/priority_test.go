package priority_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/policy"
	"sallyport/policy/policytest"
	"sallyport/policy/priority"
)

func caller(level int) *policy.Call {
	c := policytest.NewCall("GET", "/orders/1")
	if level > 0 {
		c.Caller = policy.Caller{Client: "c", Record: &client.Client{ID: "c", Priority: level}}
	}
	return c
}

// A line sends calls one after the other and notes in which order they come out, and how.
type line struct {
	t   *testing.T
	p   policy.Policy
	mu  sync.Mutex
	out []string
}

func (l *line) note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out = append(l.out, text)
}

// send sends a call in the background and waits until it is in line, or out. It is done when it may leave.
func (l *line) send(ctx context.Context, name string, level int) (leave func()) {
	c := caller(level)
	gone := make(chan struct{})
	go func() {
		err := l.p.Request(ctx, c)
		switch {
		case err == nil:
			l.note(name)
			<-gone
		case policytest.Refusal(err) != nil:
			l.note(name + " refused: " + policytest.Refusal(err).Facts[0].Value)
		default:
			l.note(name + " " + err.Error())
		}
		l.p.(policy.Finisher).Done(c)
	}()
	synctest.Wait()
	return func() {
		close(gone)
		synctest.Wait()
	}
}

func (l *line) expect(want ...string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if diff := cmp.Diff(want, l.out); diff != "" {
		l.t.Errorf("order (-want +got):\n%s", diff)
	}
	l.out = nil
}

func in(t *testing.T, settings string, test func(t *testing.T, l *line)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, &line{t: t, p: policytest.Make(t, priority.Kind(), settings)})
	})
}

func TestImportantOnesFirst(t *testing.T) {
	in(t, `{"under": 2, "wait": "10s"}`, func(t *testing.T, l *line) {
		var leave []func()
		for _, s := range []struct {
			name  string
			level int
		}{{"a9", 9}, {"b9", 9}, {"c9", 9}, {"d5", 5}, {"e1", 1}, {"f", 0}, {"g9", 9}, {"h1", 1}, {"i3", 3}, {"j", 0}, {"k12", 12}} {
			leave = append(leave, l.send(t.Context(), s.name, s.level))
		}
		l.expect("a9", "b9") // room for two, whoever they are
		leave[0]()
		l.expect("e1")
		leave[1]()
		l.expect("h1")
		for _, next := range []struct {
			who  int
			name string
		}{{4, "i3"}, {7, "d5"}, {8, "f"}, {3, "j"}, {5, "c9"}, {9, "g9"}, {2, "k12"}} {
			leave[next.who]()
			l.expect(next.name)
		}
		leave[6]()
		leave[10]()
		l.expect()
		l.send(t.Context(), "room", 9)()
		l.expect("room")
	})
}

func TestWait(t *testing.T) {
	in(t, `{"under": 1, "wait": "2s"}`, func(t *testing.T, l *line) {
		leave := l.send(t.Context(), "a", 5)
		l.send(t.Context(), "b", 5)
		time.Sleep(1999 * time.Millisecond)
		synctest.Wait()
		l.expect("a")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		l.expect("b refused: it waited too long")
		c := l.send(t.Context(), "c", 5)
		leave()
		c()
		l.expect("c")
	})
}

func TestQueueIsBounded(t *testing.T) {
	in(t, `{"under": 1, "queue": 3, "wait": "10s"}`, func(t *testing.T, l *line) {
		a := l.send(t.Context(), "a", 5)
		b := l.send(t.Context(), "b7", 7)
		l.send(t.Context(), "c7", 7)
		d := l.send(t.Context(), "d5", 5)
		l.expect("a")
		l.send(t.Context(), "e7", 7)
		l.expect("e7 refused: the queue was full")
		f := l.send(t.Context(), "f5", 5) // the last one of the lowest priority makes room
		l.expect("c7 refused: calls with a higher priority needed the place")
		g := l.send(t.Context(), "g1", 1)
		l.expect("b7 refused: calls with a higher priority needed the place")
		h := l.send(t.Context(), "h1", 1)
		l.expect("f5 refused: calls with a higher priority needed the place")
		a()
		g()
		h()
		l.expect("g1", "h1", "d5")
		d()
		_, _ = b, f
	})
}

func TestCallerLeaves(t *testing.T) {
	in(t, `{"under": 1, "wait": "10s"}`, func(t *testing.T, l *line) {
		a := l.send(t.Context(), "a", 5)
		ctx, cancel := context.WithCancel(t.Context())
		l.send(ctx, "b", 1)
		c := l.send(t.Context(), "c", 5)
		cancel()
		synctest.Wait()
		l.expect("a", "b context canceled")
		a()
		l.expect("c")
		c()
		l.send(t.Context(), "d", 5)()
		l.expect("d")
	})
}

// Policies of one kind share the queue; one that is content with less room lets the others go first.
func TestSharedByAllAPIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kind := priority.Kind()
		wide := &line{t: t, p: policytest.Make(t, kind, `{"under": 3, "wait": "10s"}`)}
		narrow := &line{t: t, p: policytest.Make(t, kind, `{"under": 1, "wait": "10s"}`)}
		a := wide.send(t.Context(), "a", 5)
		b := narrow.send(t.Context(), "b", 1)
		c := wide.send(t.Context(), "c", 9)
		narrow.expect()
		wide.expect("a", "c")
		a()
		narrow.expect()
		c()
		narrow.expect("b")
		b()
	})
}

func TestRefusal(t *testing.T) {
	in(t, `{"under": 1, "wait": "1ms", "queue": 5}`, func(t *testing.T, l *line) {
		leave := l.send(t.Context(), "a", 5)
		c := caller(7)
		r := policytest.Refusal(l.p.Request(t.Context(), c))
		if r == nil || r.Status != 503 || r.Reason != policy.PressureShed || r.RetryAfter != time.Second || r.Detail == "" || r.Fix == "" {
			t.Fatalf("%+v", r)
		}
		want := []policy.Fact{
			{Name: "why", Value: "it waited too long", Public: true}, {Name: "priority", Value: "7", Public: true},
			{Name: "served at the same time", Value: "1"}, {Name: "longest wait", Value: "1ms"}, {Name: "longest queue", Value: "5"},
		}
		if diff := cmp.Diff(want, r.Facts); diff != "" {
			t.Errorf("facts (-want +got):\n%s", diff)
		}
		leave()
	})
}

// Under a storm of calls that come, wait, give up and leave, no place is lost and none is given twice.
func TestStorm(t *testing.T) {
	p := policytest.Make(t, priority.Kind(), `{"under": 4, "queue": 8, "wait": "1ms"}`)
	var inside, passed atomic.Int64
	var all sync.WaitGroup
	for worker := range 64 {
		all.Go(func() {
			for n := range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n%5)*200*time.Microsecond)
				c := caller(1 + (worker+n)%9)
				err := p.Request(ctx, c)
				switch {
				case err == nil:
					if now := inside.Add(1); now > 4 {
						t.Errorf("%d calls at the same time", now)
					}
					passed.Add(1)
					if n%3 == 0 {
						time.Sleep(50 * time.Microsecond)
					}
					inside.Add(-1)
				case policytest.Reason(err) != policy.PressureShed && !errors.Is(err, context.DeadlineExceeded):
					t.Error(err)
				}
				p.(policy.Finisher).Done(c)
				cancel()
			}
		})
	}
	all.Wait()
	if passed.Load() == 0 {
		t.Error("nothing passed")
	}
	for n := range 5 {
		err := p.Request(t.Context(), caller(5))
		if (err == nil) != (n < 4) {
			t.Errorf("afterwards, call %d: %v", n, err)
		}
	}
}

func TestSettings(t *testing.T) {
	for settings, part := range map[string]string{
		``: "under: ", `{"under": 0}`: "under: ", `{"under": 5, "wait": "soon"}`: "wait: ", `{"under": 5, "wait": "0s"}`: "wait: ",
		`{"under": 5, "wait": "61s"}`: "wait: ", `{"under": 5, "queue": 0}`: "queue: ", `{"under": 5, "que": 1}`: "que",
	} {
		if _, err := priority.Kind().New(policy.Site{}, []byte(settings)); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want something about %q", settings, err, part)
		}
	}
	if !strings.Contains(priority.Source, "type Settings struct") || priority.Kind().Rank != policy.RankPriority {
		t.Error("the kind does not say what it is")
	}
}

func BenchmarkNoPressure(b *testing.B) {
	p := policytest.Make(b, priority.Kind(), `{"under": 100}`)
	c := caller(5)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Request(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		p.(policy.Finisher).Done(c)
	}
}
