package concurrency_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/client"
	"sallyport/policy"
	"sallyport/policy/concurrency"
	"sallyport/policy/policytest"
	"sallyport/realm"
)

func caller(id string) *policy.Call {
	c := policytest.NewCall("GET", "/orders/1")
	c.Caller = policy.Caller{Client: id, Record: &client.Client{ID: id}}
	return c
}

func TestMost(t *testing.T) {
	p := policytest.Make(t, concurrency.Kind(), `{"most": 2}`)
	done := p.(policy.Finisher)
	first, second, third := caller("a"), caller("b"), caller("a")
	for _, c := range []*policy.Call{first, second} {
		if err := p.Request(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	r := policytest.Refusal(p.Request(t.Context(), third))
	if r == nil {
		t.Fatal("a third call passed")
	}
	want := &policy.Refusal{
		Status: 429, Reason: policy.ConcurrencyReached, RetryAfter: time.Second, Subject: "concurrency", Detail: r.Detail, Fix: r.Fix,
		Facts: []policy.Fact{
			{Name: "limit", Value: "concurrency", Public: true}, {Name: "allowed", Value: "2 calls at the same time", Public: true},
			{Name: "counted by", Value: "api", Public: true}, {Name: "counted for", Value: "api", Public: true},
		},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("refusal (-want +got):\n%s", diff)
	}
	done.Done(third) // a refused call has no place to leave
	if err := p.Request(t.Context(), caller("c")); err == nil {
		t.Error("the end of a refused call made room")
	}
	done.Done(first)
	if err := p.Request(t.Context(), caller("d")); err != nil {
		t.Errorf("there is room: %v", err)
	}
}

func TestBy(t *testing.T) {
	p := policytest.Make(t, concurrency.Kind(), `{"most": 1, "by": "client"}`)
	if err := p.Request(t.Context(), caller("a")); err != nil {
		t.Fatal(err)
	}
	if err := p.Request(t.Context(), caller("a")); policytest.Reason(err) != policy.ConcurrencyReached {
		t.Errorf("second call of a client: %v", err)
	}
	if err := p.Request(t.Context(), caller("b")); err != nil {
		t.Errorf("call of another client: %v", err)
	}
	for by, early := range map[string]bool{"client": false, "address": true} {
		p := policytest.Make(t, concurrency.Kind(), fmt.Sprintf(`{"most": 1, "by": %q}`, by))
		if got := p.(policy.Early).BeforeAuth(); got != early {
			t.Errorf("by %s: before anybody is known = %v", by, got)
		}
	}
}

type step func(*policy.Call) error

func (s step) Request(_ context.Context, c *policy.Call) error { return s(c) }

// chainOf is a chain with a policy behind the limit, and what makes calls for it.
func chainOf(t *testing.T, next step) (chain *policy.Chain, call func() *policy.Call) {
	t.Helper()
	kinds := map[string]policy.Kind{
		"concurrency": concurrency.Kind(),
		"next":        {Rank: policy.RankMock, New: func(policy.Site, json.RawMessage) (policy.Policy, error) { return next, nil }},
	}
	a := &api.API{Name: "orders", Auth: []api.Policy{{Name: policy.None}}, Policies: []api.Policy{{Name: "concurrency", Settings: []byte(`{"most": 1}`)}, {Name: "next"}}}
	chain, err := policy.NewChain(a, policy.Parts{Kinds: kinds})
	if err != nil {
		t.Fatal(err)
	}
	return chain, func() *policy.Call {
		c := policytest.NewCall("GET", "/")
		c.API, c.Realm = a, &realm.Realm{Name: "default"}
		return c
	}
}

// However a call ends, its place is free afterwards.
func TestEveryEndingMakesRoom(t *testing.T) {
	for name, next := range map[string]step{
		"passed":               func(*policy.Call) error { return nil },
		"answered by a policy": func(c *policy.Call) error { c.Answer = &policy.Answer{Status: 200}; return nil },
		"refused by a policy":  func(*policy.Call) error { return &policy.Refusal{Status: 403, Reason: policy.AddressDenied} },
		"a fault":              func(*policy.Call) error { return errors.New("fault") },
		"given up by a caller": func(*policy.Call) error { return context.Canceled },
	} {
		chain, call := chainOf(t, next)
		for range 3 {
			c := call()
			if err := chain.Request(t.Context(), c); policytest.Reason(err) == policy.ConcurrencyReached {
				t.Errorf("%s: the place is still taken", name)
			}
			chain.Done(c)
		}
	}
}

// The end of a call that was refused here makes no room, and that of the one that held the place does.
func TestRefusedOnesMakeNoRoom(t *testing.T) {
	chain, call := chainOf(t, func(*policy.Call) error { return nil })
	holder := call()
	if err := chain.Request(t.Context(), holder); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		refused := call()
		if err := chain.Request(t.Context(), refused); policytest.Reason(err) != policy.ConcurrencyReached {
			t.Fatalf("%v", err)
		}
		chain.Done(refused)
	}
	chain.Done(holder)
	if err := chain.Request(t.Context(), call()); err != nil {
		t.Error(err)
	}
}

func TestTogether(t *testing.T) {
	p := policytest.Make(t, concurrency.Kind(), `{"most": 3, "by": "client"}`)
	var inside [4]atomic.Int64
	var passed atomic.Int64
	var all sync.WaitGroup
	for worker := range 32 {
		all.Go(func() {
			for n := range 2000 {
				id := (worker + n) % 4
				c := caller(fmt.Sprint("client", id))
				if p.Request(t.Context(), c) == nil {
					if now := inside[id].Add(1); now > 3 {
						t.Errorf("%d calls at the same time", now)
					}
					passed.Add(1)
					inside[id].Add(-1)
				}
				p.(policy.Finisher).Done(c)
			}
		})
	}
	all.Wait()
	if passed.Load() == 0 {
		t.Error("nothing passed")
	}
	for id := range inside { // all places are free again
		for range 3 {
			if err := p.Request(t.Context(), caller(fmt.Sprint("client", id))); err != nil {
				t.Error(err)
			}
		}
	}
}

// Callers who have gone take no room.
func TestGaugesGo(t *testing.T) {
	p := policytest.Make(t, concurrency.Kind(), `{"most": 1, "by": "client"}`)
	for n := range 100_000 {
		c := caller(fmt.Sprint("client", n))
		if err := p.Request(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		p.(policy.Finisher).Done(c)
	}
	if n := concurrency.SizeOf(p); n > 100 {
		t.Errorf("%d gauges, and nobody is there", n)
	}
}

func TestSettings(t *testing.T) {
	for settings, part := range map[string]string{
		``: "most: ", `{"most": 0}`: "most: ", `{"most": -1}`: "most: ", `{"most": "2"}`: "most: ",
		`{"most": 1, "by": "x"}`: "by: ", `{"most": 1, "name": " "}`: "name: ", `{"most": 1, "x": 1}`: "x",
	} {
		if _, err := concurrency.Kind().New(policy.Site{}, []byte(settings)); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want something about %q", settings, err, part)
		}
	}
	if !strings.Contains(concurrency.Source, "type Settings struct") || concurrency.Kind().Rank != policy.RankConcurrency {
		t.Error("the kind does not say what it is")
	}
}

func BenchmarkByClient(b *testing.B) {
	p := policytest.Make(b, concurrency.Kind(), `{"most": 10, "by": "client"}`)
	c := caller("shop")
	done := p.(policy.Finisher)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Request(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		done.Done(c)
	}
}
