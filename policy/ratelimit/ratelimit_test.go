package ratelimit_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/policy"
	"sallyport/policy/policytest"
	"sallyport/policy/ratelimit"
)

// caller makes a call of a client with a token.
func caller(id string, slots *feed.Slots) *policy.Call {
	c := policytest.NewCall("GET", "/orders/1")
	c.Caller = policy.Caller{Client: id, Slots: slots, Record: &client.Client{ID: id}}
	return c
}

func ask(t *testing.T, p policy.Policy, c *policy.Call) bool {
	t.Helper()
	err := p.Request(t.Context(), c)
	if err != nil && policytest.Reason(err) != policy.RateExceeded {
		t.Fatal(err)
	}
	return err == nil
}

func TestLimit(t *testing.T) {
	p := policytest.Make(t, ratelimit.Kind(), `{"rate": "2/s", "burst": 4}`)
	slots := &feed.Slots{}
	now := policytest.Time
	for n, step := range []struct {
		after time.Duration
		ok    bool
		limit string
	}{
		{0, true, `"rate";r=3;t=1`},
		{0, true, `"rate";r=2;t=1`},
		{0, true, `"rate";r=1;t=1`},
		{0, true, `"rate";r=0;t=1`},
		{0, false, `"rate";r=0;t=1`},
		{499 * time.Millisecond, false, `"rate";r=0;t=1`},
		{time.Millisecond, true, `"rate";r=0;t=1`},
		{time.Hour, true, `"rate";r=3;t=1`},
	} {
		now = now.Add(step.after)
		c := caller("shop", slots)
		c.Time = now
		if ok := ask(t, p, c); ok != step.ok {
			t.Errorf("call %d: passed = %v", n, ok)
		}
		want := policy.Fields{"Ratelimit-Policy": {`"rate";q=4;w=2`}, "Ratelimit": {step.limit}}
		if diff := cmp.Diff(want, c.Reply); diff != "" {
			t.Errorf("call %d: fields (-want +got):\n%s", n, diff)
		}
	}
}

func TestRefusal(t *testing.T) {
	p := policytest.Make(t, ratelimit.Kind(), `{"rate": "10/h", "burst": 1, "name": "slow", "legacy": true}`)
	ask(t, p, caller("shop", nil))
	c := caller("shop", nil)
	c.Time = c.Time.Add(100 * time.Second)
	r := policytest.Refusal(p.Request(t.Context(), c))
	if r == nil {
		t.Fatal("not refused")
	}
	want := &policy.Refusal{
		Status: 429, Reason: policy.RateExceeded, RetryAfter: 260 * time.Second, Subject: "slow", Detail: r.Detail, Fix: r.Fix,
		Facts: []policy.Fact{
			{Name: "limit", Value: "slow", Public: true}, {Name: "allowed", Value: "10 calls per hour, at most 1 at once", Public: true},
			{Name: "counted by", Value: "client", Public: true}, {Name: "counted for", Value: "client/shop", Public: true},
		},
	}
	if diff := cmp.Diff(want, r); diff != "" || r.Detail == "" || r.Fix == "" {
		t.Errorf("refusal (-want +got):\n%s", diff)
	}
	fields := policy.Fields{
		"Ratelimit-Policy": {`"slow";q=1;w=360`}, "Ratelimit": {`"slow";r=0;t=260`},
		"X-Ratelimit-Limit": {"1"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"260"},
	}
	if diff := cmp.Diff(fields, c.Reply); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestFields(t *testing.T) {
	for settings, want := range map[string]string{
		`{"rate": "100/s"}`:                                 `"rate";q=100;w=1`,
		`{"rate": "100/s", "burst": 200}`:                   `"rate";q=200;w=2`,
		`{"rate": "100/s", "burst": 50}`:                    `"rate";q=100;w=1`, // half a second cannot be said
		`{"rate": "7/m", "burst": 2}`:                       `"rate";q=7;w=60`,
		`{"rate": "3600/h", "burst": 10, "name": "Ten.an"}`: `"Ten.an";q=10;w=10`,
		`{"rate": "1/s", "fields": false}`:                  ``,
	} {
		c := caller("shop", nil)
		ask(t, policytest.Make(t, ratelimit.Kind(), settings), c)
		if got := strings.Join(c.Reply.Values("RateLimit-Policy"), "|"); got != want {
			t.Errorf("%s: %s, want %s", settings, got, want)
		}
		if got := c.Reply.Get("RateLimit"); (got == "") != (want == "") {
			t.Errorf("%s: %s", settings, got)
		}
	}
	// Limits of several policies are a list.
	c := caller("shop", nil)
	first := policytest.Make(t, ratelimit.Kind(), `{"rate": "5/s", "name": "a"}`)
	ask(t, first, c)
	ask(t, policytest.Make(t, ratelimit.Kind(), `{"rate": "9/s", "name": "b"}`), c)
	want := policy.Fields{"Ratelimit-Policy": {`"a";q=5;w=1`, `"b";q=9;w=1`}, "Ratelimit": {`"a";r=4;t=1`, `"b";r=8;t=1`}}
	if diff := cmp.Diff(want, c.Reply); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	// What is told is told to others as well: adding to it must not change it.
	c.Reply.Add("RateLimit-Policy", "x")
	other := caller("other", nil)
	ask(t, first, other)
	if got := other.Reply.Values("RateLimit-Policy"); len(got) != 1 || got[0] != `"a";q=5;w=1` {
		t.Errorf("told to another: %q", got)
	}
}

// TestBy has pairs of calls that do or do not count together.
func TestBy(t *testing.T) {
	type who struct{ client, user, key, address, tenant string }
	call := func(w who) *policy.Call {
		c := policytest.NewCall("GET", "/orders/1", "X-Tenant: "+w.tenant)
		c.Caller = policy.Caller{Client: w.client, User: w.user, Credential: w.key}
		if w.client != "" {
			c.Caller.Slots = &feed.Slots{}
		}
		if w.address != "" {
			c.Source = netip.MustParseAddr(w.address)
		}
		return c
	}
	for _, tt := range []struct {
		by       string
		a, b     who
		together bool
	}{
		{"", who{client: "a", user: "x", address: "192.0.2.1"}, who{client: "a", user: "y", address: "192.0.2.2"}, true},
		{"client", who{client: "a"}, who{client: "b"}, false},
		{"client", who{client: "a"}, who{}, false},
		{"client", who{}, who{tenant: "x"}, true},
		{"client", who{}, who{address: "192.0.2.9"}, false},
		{"user", who{client: "a", user: "x"}, who{client: "b", user: "x"}, true},
		{"user", who{client: "a", user: "x"}, who{client: "a", user: "y"}, false},
		{"user", who{client: "a", user: "x"}, who{client: "x"}, false},
		{"user", who{client: "a"}, who{client: "a"}, true},
		{"key", who{client: "a", key: "1"}, who{client: "a", key: "2"}, false},
		{"key", who{client: "a", key: "1"}, who{client: "b", key: "1"}, true},
		{"key", who{client: "a"}, who{client: "b"}, false},
		{"address", who{client: "a", address: "192.0.2.1"}, who{address: "192.0.2.1"}, true},
		{"address", who{address: "192.0.2.1"}, who{address: "::ffff:192.0.2.1"}, true},
		{"address", who{address: "192.0.2.1"}, who{address: "192.0.2.2"}, false},
		{"address", who{address: "2001:db8:1:2:3::4"}, who{address: "2001:db8:1:2:4::5"}, true},
		{"address", who{address: "2001:db8:1:2::"}, who{address: "2001:db8:1:3::"}, false},
		{"api", who{client: "a"}, who{address: "192.0.2.7"}, true},
		{"expression: call.header['x-tenant']", who{client: "a", tenant: "t"}, who{client: "b", tenant: "t"}, true},
		{"expression: call.header['x-tenant']", who{client: "a", tenant: "t"}, who{client: "a", tenant: "u"}, false},
		{"expression: call.header['x-tenant']", who{tenant: strings.Repeat("t", 500) + "a"}, who{tenant: strings.Repeat("t", 500) + "b"}, false},
	} {
		p := policytest.Make(t, ratelimit.Kind(), fmt.Sprintf(`{"rate": "1/h", "by": %q}`, tt.by))
		if !ask(t, p, call(tt.a)) {
			t.Fatalf("by %q: the first call was refused", tt.by)
		}
		if ask(t, p, call(tt.b)) == tt.together {
			t.Errorf("by %q: %+v and %+v together = %v, want %v", tt.by, tt.a, tt.b, !tt.together, tt.together)
		}
		if early, ok := p.(policy.Early); !ok || early.BeforeAuth() != (tt.by == "address") {
			t.Errorf("by %q: before anybody is known = %v", tt.by, early.BeforeAuth())
		}
	}
}

// All tokens of a client count together, and each token finds the limit on its own.
func TestTokensOfAClient(t *testing.T) {
	p := policytest.Make(t, ratelimit.Kind(), `{"rate": "3/h"}`)
	tokens := []*feed.Slots{{}, {}, {}}
	passed := 0
	for n := range 12 {
		if ask(t, p, caller("shop", tokens[n%3])) {
			passed++
		}
	}
	if passed != 3 {
		t.Errorf("%d calls passed, want 3", passed)
	}
}

func TestClientsOwnRate(t *testing.T) {
	p := policytest.Make(t, ratelimit.Kind(), `{}`)
	slots := &feed.Slots{}
	pass := func(record *client.Client, at time.Time) (n int) {
		for range 50 {
			c := caller("shop", slots)
			c.Caller.Record, c.Time = record, at
			if ask(t, p, c) {
				n++
			}
		}
		return n
	}
	now := policytest.Time
	if n := pass(&client.Client{}, now); n != 50 {
		t.Errorf("%d calls of a client without a rate", n)
	}
	if n := pass(&client.Client{Rate: 5}, now); n != 5 {
		t.Errorf("%d calls of a client with a rate of 5", n)
	}
	// A changed client has its new rate at once, and what it has used is not forgotten.
	if n := pass(&client.Client{Rate: 10}, now); n != 0 && n != 5 {
		t.Errorf("%d calls after the rate was raised", n)
	}
	if n := pass(&client.Client{Rate: 10}, now.Add(time.Minute)); n != 10 {
		t.Errorf("%d calls a minute later, want 10", n)
	}
	anonymous := policytest.NewCall("GET", "/orders/1")
	if !ask(t, p, anonymous) {
		t.Error("nobody has no rate")
	}
}

func TestShared(t *testing.T) {
	kind := ratelimit.Kind()
	make := func(realm, api, settings string) policy.Policy {
		p, err := kind.New(policy.Site{Realm: realm, API: api}, []byte(settings))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const plan = `{"rate": "1/h", "shared": "plan"}`
	first := make("default", "orders", plan)
	if !ask(t, first, caller("shop", nil)) {
		t.Fatal("the first call was refused")
	}
	for name, tt := range map[string]struct {
		p  policy.Policy
		ok bool
	}{
		"another API with the same word": {make("default", "stock", plan), false},
		"the same API, registered anew":  {make("default", "orders", plan), false},
		"another word":                   {make("default", "stock", `{"rate": "1/h", "shared": "other"}`), true},
		"another realm":                  {make("other", "orders", plan), true},
		"an API with a limit of its own": {make("default", "orders", `{"rate": "1/h"}`), true},
		"another of those":               {make("default", "orders", `{"rate": "1/h"}`), true},
	} {
		if ok := ask(t, tt.p, caller("shop", nil)); ok != tt.ok {
			t.Errorf("%s: passed = %v", name, ok)
		}
	}
}

// A client's own rate is that of all its calls, wherever they go.
func TestOwnRateIsForAllAPIs(t *testing.T) {
	kind := ratelimit.Kind()
	call := caller("shop", nil)
	call.Caller.Record = &client.Client{ID: "shop", Rate: 3}
	passed := 0
	for i := range 12 {
		p, err := kind.New(policy.Site{Realm: "default", API: []string{"orders", "stock", "people"}[i%3]}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if ask(t, p, call) {
			passed++
		}
	}
	if passed != 3 {
		t.Errorf("%d calls passed, want 3", passed)
	}
	p, err := kind.New(policy.Site{Realm: "other", API: "orders"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !ask(t, p, call) {
		t.Error("a client of the same name in another realm was refused")
	}
}

func TestSettings(t *testing.T) {
	for settings, part := range map[string]string{
		`{"rate": "fast"}`:                            "rate: ",
		`{"rate": "1/s", "burst": -1}`:                "burst: ",
		`{"rate": "1/s", "burst": 1000001}`:           "burst: ",
		`{"rate": "1/s", "by": "clients"}`:            "by: ",
		`{"rate": "1/s", "by": "expression: call.x"}`: "by: undeclared reference",
		`{"by": "address"}`:                           "rate: none is given",
		`{"rate": "1/s", "name": "a b"}`:              "name: ",
		`{"rate": "1/s", "name": ""}`:                 "name: ",
		`{"rate": "1/s", "brust": 1}`:                 "brust",
		`{"rate": 5}`:                                 "rate: ",
		`[]`:                                          "settings: ",
	} {
		if _, err := ratelimit.Kind().New(policy.Site{}, []byte(settings)); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want something about %q", settings, err, part)
		}
	}
	if !strings.Contains(ratelimit.Source, "type Settings struct") || ratelimit.Kind().Rank != policy.RankRateLimit {
		t.Error("the kind does not say what it is")
	}
}

// A fault of the expression is a fault of ours, not a free pass.
func TestExpressionFails(t *testing.T) {
	p := policytest.Make(t, ratelimit.Kind(), `{"rate": "1/s", "by": "expression: call.scope[3]"}`)
	err := p.Request(t.Context(), policytest.NewCall("GET", "/"))
	if err == nil || policytest.Refusal(err) != nil {
		t.Errorf("%v", err)
	}
}

// Many at once with the same and with other credentials: what passes is exactly the burst.
func TestTogether(t *testing.T) {
	p := policytest.Make(t, ratelimit.Kind(), `{"rate": "500/h"}`)
	slots := make([]feed.Slots, 4)
	var passed atomic.Int64
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for n := range 500 {
				c := caller("shop", &slots[(worker+n)%4])
				if p.Request(t.Context(), c) == nil {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if passed.Load() != 500 {
		t.Errorf("%d calls passed, want 500", passed.Load())
	}
}
