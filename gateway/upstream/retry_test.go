package upstream_test

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/gateway/upstream"
)

func TestMayRetry(t *testing.T) {
	on503 := api.Retry{Attempts: 2, On: []int{503}}
	for _, test := range []struct {
		name               string
		rule               api.Retry
		attempt            int
		method             string
		touched, connected bool
		status             int
		want               bool
	}{
		{"no rule", api.Retry{}, 0, "GET", false, false, 0, false},
		{"not connected", on503, 0, "POST", false, false, 0, true},
		{"not connected, body gone", on503, 0, "POST", true, false, 0, false},
		{"last attempt", on503, 1, "GET", false, true, 0, true},
		{"one too many", on503, 2, "GET", false, true, 0, false},
		{"broke off", on503, 0, "GET", false, true, 0, true},
		{"broke off, not idempotent", on503, 0, "POST", false, true, 0, false},
		{"broke off, unknown method", on503, 0, "PURGE", false, true, 0, false},
		{"broke off, method in another case", on503, 0, "get", false, true, 0, false},
		{"broke off, PATCH", on503, 0, "PATCH", false, true, 0, false},
		{"broke off, PUT", on503, 0, "PUT", false, true, 0, true},
		{"broke off, PUT with a body that is gone", on503, 0, "PUT", true, true, 0, false},
		{"broke off, DELETE", on503, 0, "DELETE", false, true, 0, true},
		{"broke off, HEAD", on503, 0, "HEAD", false, true, 0, true},
		{"status that is listed", on503, 0, "GET", false, true, 503, true},
		{"status that is listed, not idempotent", on503, 0, "POST", false, true, 503, false},
		{"another status", on503, 0, "GET", false, true, 502, false},
		{"success", on503, 0, "GET", false, true, 200, false},
		{"no status listed", api.Retry{Attempts: 1}, 0, "GET", false, true, 500, false},
		{"any from 400", api.Retry{Attempts: 1, Any: true}, 0, "GET", false, true, 400, true},
		{"any from 400, not 399", api.Retry{Attempts: 1, Any: true}, 0, "GET", false, true, 399, false},
		{"any is no leave to repeat", api.Retry{Attempts: 1, Any: true}, 0, "POST", false, true, 500, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := group(t, newManager(t, upstream.Config{}), &api.API{Name: "a", Upstream: "http://h", Upstreams: api.Upstreams{Retry: test.rule}})
			if got := g.MayRetry(test.attempt, test.method, test.touched, test.connected, test.status); got != test.want {
				t.Errorf("MayRetry = %v, want %v", got, test.want)
			}
		})
	}
}

// retrying returns a group of one target whose calls may be repeated.
func retrying(t *testing.T, c *clock, budget int) *upstream.Group {
	t.Helper()
	a := &api.API{Name: "a", Upstream: "http://h"}
	a.Retry = api.Retry{Attempts: 1, Budget: budget}
	return group(t, newManager(t, upstream.Config{Now: c.now}), a)
}

// TestBudget compares with a list of what happened.
func TestBudget(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, budget := range []int{0, 1, 20, 50, 100} {
		c := newClock()
		g := retrying(t, c, budget)
		target, _ := g.Pick(caller, "", []*upstream.Target{nil}) // without counting a call
		percent := budget
		if percent == 0 {
			percent = 20
		}
		var calls, granted []int64 // seconds
		inWindow := func(list []int64) (n int) {
			now := c.now().Unix()
			for i := len(list) - 1; i >= 0 && now-list[i] < 10; i-- {
				n++
			}
			return n
		}
		refused := 0
		for range 2000 {
			for range r.IntN(3) {
				end(g, pick(t, g, ""), 500, nil)
				calls = append(calls, c.now().Unix())
			}
			want := inWindow(granted) < 10 || inWindow(granted)*100 < inWindow(calls)*percent
			if got := g.MayRetry(0, http.MethodGet, false, true, 0); got != want {
				t.Fatalf("budget %d: retry %v after %d calls and %d retries in ten seconds, want %v", budget, got, inWindow(calls), inWindow(granted), want)
			}
			if want {
				granted = append(granted, c.now().Unix())
				end(g, pick(t, g, "", target), 200, nil) // the retry is no call of which retries are a share
			} else {
				refused++
			}
			c.pass(time.Duration(r.IntN(1200)) * time.Millisecond / 4)
			if r.IntN(300) == 0 {
				c.pass(time.Duration(r.IntN(25)) * time.Second)
			}
		}
		if refused == 0 || len(granted) < 100 {
			t.Errorf("budget %d: %d granted, %d refused; both should have been tried", budget, len(granted), refused)
		}
	}
}

func TestBudgetIsExactAtOnce(t *testing.T) {
	g := retrying(t, newClock(), 20)
	for range 100 {
		end(g, pick(t, g, ""), 500, nil)
	}
	var granted atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if g.MayRetry(0, http.MethodGet, false, true, 0) {
				granted.Add(1)
			}
		})
	}
	all.Wait()
	if got := granted.Load(); got != 20 {
		t.Errorf("%d retries granted at once of 100 calls, want 20 percent", got)
	}
}
