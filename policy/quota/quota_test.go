package quota_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/policytest"
	"sallyport/policy/quota"
	"sallyport/token"
	"sallyport/usage"
	"sallyport/usage/usagetest"
)

// A node is a store and what makes policies that count in it.
type node struct {
	store *usagetest.Store
	kind  policy.Kind
}

func newNode(tb testing.TB) node {
	tb.Helper()
	n := node{store: &usagetest.Store{}}
	leaser := usage.NewLeaser(usage.Config{Store: n.store})
	tb.Cleanup(func() { _ = leaser.Close(context.Background()) })
	n.kind = quota.Kind(leaser)
	return n
}

// caller makes a call of a client with a token.
func caller(record *client.Client, t *token.Access) *policy.Call {
	c := policytest.NewCall("GET", "/orders/1")
	c.Caller = policy.Caller{Client: record.ID, Record: record, Token: t, Scheme: "Bearer"}
	if t != nil {
		c.Caller.Credential, c.Caller.Slots = t.ID, &t.Slots
	}
	return c
}

var shop = &client.Client{ID: "shop"}

// reason asks and returns why the call was refused, "" if it passes.
func reason(t *testing.T, p policy.Policy, c *policy.Call) oauth.Reason {
	t.Helper()
	return policytest.Reason(p.Request(t.Context(), c))
}

func TestQuota(t *testing.T) {
	p := policytest.Make(t, newNode(t).kind, `{"calls": 3, "per": "day", "zone": "Europe/Berlin"}`)
	access := &token.Access{ID: "t1"}
	evening := time.Date(2026, 7, 1, 21, 59, 0, 0, time.UTC) // 23:59 in Berlin
	for n, step := range []struct {
		at     time.Time
		reason oauth.Reason
		limit  string
	}{
		{evening, "", `"quota";r=2;t=60`},
		{evening, "", `"quota";r=1;t=60`},
		{evening.Add(30500 * time.Millisecond), "", `"quota";r=0;t=30`},
		{evening.Add(59 * time.Second), policy.QuotaExceeded, `"quota";r=0;t=1`},
		{evening.Add(time.Minute), "", `"quota";r=2;t=86400`},
	} {
		c := caller(shop, access)
		c.Time = step.at
		if got := reason(t, p, c); got != step.reason {
			t.Errorf("call %d: %q, want %q", n, got, step.reason)
		}
		want := policy.Fields{"Ratelimit-Policy": {`"quota";q=3;w=86400`}, "Ratelimit": {step.limit}}
		if diff := cmp.Diff(want, c.Reply); diff != "" {
			t.Errorf("call %d: fields (-want +got):\n%s", n, diff)
		}
	}
}

func TestRefusal(t *testing.T) {
	n := newNode(t)
	for _, tt := range []struct {
		settings, allowed string
		after             time.Duration
		next              string
	}{
		{`{"calls": 1}`, "1 calls per day (UTC)", 12 * time.Hour, "2026-07-02T00:00:00Z"},
		{`{"calls": 1, "per": "month", "zone": "Asia/Taipei", "fields": false}`, "1 calls per month (Asia/Taipei)", 30*24*time.Hour + 4*time.Hour, "2026-07-31T16:00:00Z"},
		{`{"calls": 1, "per": "ever"}`, "1 calls", 0, ""},
	} {
		p := policytest.Make(t, n.kind, tt.settings)
		if got := reason(t, p, caller(shop, nil)); got != "" {
			t.Fatal(got)
		}
		c := caller(shop, nil)
		r := policytest.Refusal(p.Request(t.Context(), c))
		want := &policy.Refusal{
			Status: 429, Reason: policy.QuotaExceeded, RetryAfter: tt.after, Subject: "quota", Detail: r.Detail, Fix: r.Fix,
			Facts: []policy.Fact{
				{Name: "quota", Value: "quota", Public: true}, {Name: "allowed", Value: tt.allowed, Public: true},
				{Name: "counted by", Value: "client", Public: true}, {Name: "counted for", Value: "client/shop", Public: true},
			},
		}
		if tt.next != "" {
			want.Facts = append(want.Facts, policy.Fact{Name: "next period", Value: tt.next, Public: true})
		}
		if diff := cmp.Diff(want, r); diff != "" || r.Detail == "" || r.Fix == "" {
			t.Errorf("%s: refusal (-want +got):\n%s", tt.settings, diff)
		}
		if told := c.Reply.Get("RateLimit") != ""; told == strings.Contains(tt.settings, "fields") {
			t.Errorf("%s: fields %v", tt.settings, c.Reply)
		}
	}
	c := caller(shop, nil)
	if got := reason(t, policytest.Make(t, n.kind, `{"calls": 5, "per": "ever", "name": "all"}`), c); got != "" {
		t.Fatal(got)
	}
	if diff := cmp.Diff(policy.Fields{"Ratelimit-Policy": {`"all";q=5`}, "Ratelimit": {`"all";r=4`}}, c.Reply); diff != "" {
		t.Errorf("a quota without a period (-want +got):\n%s", diff)
	}
}

// What counts together: the subjects under which calls are stored.
func TestSubjects(t *testing.T) {
	n := newNode(t)
	make := func(realm, api, settings string) policy.Policy {
		p, err := n.kind.New(policy.Site{Realm: realm, API: api}, []byte(settings))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	user := caller(shop, &token.Access{ID: "t1"})
	user.Caller.User = "dory/x"
	odd := caller(shop, nil)
	odd.Header.Set("X-Tenant", "a\x00b")
	for _, step := range []struct {
		p policy.Policy
		c *policy.Call
	}{
		{make("default", "orders", `{"calls": 9}`), caller(shop, nil)},
		{make("default", "orders", `{"calls": 8}`), caller(shop, &token.Access{ID: "t2"})}, // another number, the same count
		{make("default", "orders", `{"calls": 9, "per": "month"}`), caller(shop, nil)},
		{make("default", "orders", `{"calls": 9, "name": "other"}`), caller(shop, nil)},
		{make("default", "stock", `{"calls": 9}`), caller(shop, nil)},
		{make("default", "orders", `{"calls": 9, "shared": "plan"}`), caller(shop, nil)},
		{make("default", "stock", `{"calls": 9, "shared": "plan"}`), caller(shop, nil)},
		{make("default", "orders", `{"calls": 9, "by": "user"}`), user},
		{make("default", "orders", `{"calls": 9, "by": "key"}`), caller(shop, &token.Access{ID: "t3"})},
		{make("default", "orders", `{"calls": 9, "by": "api"}`), caller(shop, nil)},
		{make("default", "orders", `{"calls": 9, "by": "address"}`), caller(shop, nil)},
		{make("default", "orders", `{"calls": 9, "by": "expression: call.header['x-tenant']"}`), odd},
		{make("default", "orders", `{}`), caller(&client.Client{ID: "plan", Quota: client.Quota{Calls: 7, Per: "week"}}, nil)},
	} {
		if got := reason(t, step.p, step.c); got != "" {
			t.Fatal(got)
		}
	}
	want := map[string]int64{
		"quota/day/api/orders/quota/client/shop":       2,
		"quota/month/api/orders/quota/client/shop":     1,
		"quota/day/api/orders/other/client/shop":       1,
		"quota/day/api/stock/quota/client/shop":        1,
		"quota/day/shared/plan/quota/client/shop":      2,
		"quota/day/api/orders/quota/user/dory/x":       1,
		"quota/day/api/orders/quota/key/t3":            1,
		"quota/day/api/orders/quota/api":               1,
		"quota/day/api/orders/quota/address/192.0.2.1": 1,
		"quota/week/own/quota/client/plan":             1,
	}
	got := n.store.Subjects()
	for subject := range got {
		if strings.HasPrefix(subject, "sha256/") && len(subject) == 7+64 {
			delete(got, subject) // what no database takes is stored under its hash
			want["hashed"] = 0
		}
	}
	got["hashed"] = 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subjects (-want +got):\n%s", diff)
	}
}

func TestClientsOwnQuota(t *testing.T) {
	kind := newNode(t).kind
	p := policytest.Make(t, kind, ``)
	access := &token.Access{ID: "t1"}
	passes := func(record *client.Client) (n int) {
		for range 20 {
			if reason(t, p, caller(record, access)) == "" {
				n++
			}
		}
		return n
	}
	if n := passes(shop); n != 20 {
		t.Errorf("%d calls of a client without a quota", n)
	}
	if n := passes(&client.Client{ID: "shop", Quota: client.Quota{Calls: 5}}); n != 5 {
		t.Errorf("%d calls, want 5", n)
	}
	if n := passes(&client.Client{ID: "shop", Quota: client.Quota{Calls: 8}}); n != 3 {
		t.Errorf("%d calls after the quota was raised from 5 to 8, want 3", n)
	}
	if n := passes(&client.Client{ID: "shop", Quota: client.Quota{Calls: 5}}); n != 0 {
		t.Errorf("%d calls after it was lowered again", n)
	}
	other, err := kind.New(policy.Site{Realm: "default", API: "another"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := reason(t, other, caller(&client.Client{ID: "shop", Quota: client.Quota{Calls: 8}}, access)); got != policy.QuotaExceeded {
		t.Errorf("its calls to another API: %q, which count like those before", got)
	}
	if got := reason(t, p, policytest.NewCall("GET", "/")); got != "" {
		t.Errorf("a call of nobody: %s", got)
	}
	if err := p.Request(t.Context(), caller(&client.Client{ID: "odd", Quota: client.Quota{Calls: 5, Zone: "Mars"}}, nil)); err == nil || policytest.Refusal(err) != nil {
		t.Errorf("a zone that nobody knows: %v", err)
	}
}

func TestTokenUses(t *testing.T) {
	n := newNode(t)
	p := policytest.Make(t, n.kind, `{"calls": 5, "token_uses": true}`)
	record := &client.Client{ID: "shop", TokenUses: 2}
	expires := policytest.Time.Add(time.Hour)
	first, second, third := &token.Access{ID: "t1", ExpiresAt: expires}, &token.Access{ID: "t2", ExpiresAt: expires}, &token.Access{ID: "t3", ExpiresAt: expires}
	for i, step := range []struct {
		token  *token.Access
		reason oauth.Reason
	}{
		{first, ""}, {first, ""}, {first, policy.TokenUsesExceeded}, {first, policy.TokenUsesExceeded},
		{second, ""}, {second, ""}, {second, policy.TokenUsesExceeded},
		{third, ""}, {third, policy.QuotaExceeded}, {third, policy.QuotaExceeded}, {third, policy.QuotaExceeded},
		{nil, policy.QuotaExceeded},
	} {
		if got := reason(t, p, caller(record, step.token)); got != step.reason {
			t.Errorf("call %d: %q, want %q", i, got, step.reason)
		}
	}
	r := policytest.Refusal(p.Request(t.Context(), caller(record, first)))
	if r == nil || r.Status != 403 || r.Scheme != "Bearer" || r.RetryAfter != 0 {
		t.Errorf("%+v", r)
	}
	// A use that the quota refused is no use.
	other := policytest.Make(t, n.kind, `{"token_uses": true}`)
	if got := reason(t, other, caller(record, third)); got != "" {
		t.Errorf("second use of the third token: %s", got)
	}
	if got := reason(t, other, caller(shop, third)); got != "" {
		t.Errorf("a client whose tokens are good for any number of calls: %s", got)
	}
}

// A call that was not served is given back; one that may have been is not.
func TestRefund(t *testing.T) {
	p := policytest.Make(t, newNode(t).kind, `{"calls": 1, "token_uses": true}`)
	record := &client.Client{ID: "shop", TokenUses: 1}
	access := &token.Access{ID: "t1"}
	back := p.(policy.Responder)
	for name, failure := range map[string]oauth.Reason{"failed": policy.UpstreamFailed, "nobody is healthy": policy.NoHealthyTarget} {
		c := caller(record, access)
		if got := reason(t, p, c); got != "" {
			t.Fatalf("%s: %s", name, got)
		}
		if err := back.Response(t.Context(), c, &policy.Response{Failure: &policy.Refusal{Reason: failure}}); err != nil {
			t.Fatal(err)
		}
	}
	c := caller(record, access)
	if got := reason(t, p, c); got != "" {
		t.Fatal(got)
	}
	for _, r := range []*policy.Response{policytest.NewResponse(200, ""), policytest.NewResponse(500, ""), {Failure: &policy.Refusal{Reason: policy.UpstreamTimeout}}} {
		if err := back.Response(t.Context(), c, r); err != nil {
			t.Fatal(err)
		}
		if got := reason(t, p, caller(record, access)); got != policy.TokenUsesExceeded {
			t.Errorf("status %d: %q", r.Status, got)
		}
	}
}

// What is given back is given back to whom it was taken from, although a policy behind has changed what it was counted by.
func TestRefundOfWhatHasChanged(t *testing.T) {
	p := policytest.Make(t, newNode(t).kind, `{"calls": 2, "per": "ever", "by": "expression: call.header['x-tenant'] + call.path"}`)
	make := func(tenant string) *policy.Call {
		c := caller(shop, nil)
		c.Header.Set("X-Tenant", tenant)
		return c
	}
	for range 5 {
		c := make("one")
		if got := reason(t, p, c); got != "" {
			t.Fatalf("%s, although the calls before were given back", got)
		}
		c.Header.Set("X-Tenant", "two")
		c.Path = "/elsewhere"
		if err := p.(policy.Responder).Response(t.Context(), c, &policy.Response{Failure: &policy.Refusal{Reason: policy.UpstreamFailed}}); err != nil {
			t.Fatal(err)
		}
	}
	two := make("two")
	two.Path = "/elsewhere"
	for i, want := range []oauth.Reason{"", "", policy.QuotaExceeded} {
		if got := reason(t, p, two); got != want {
			t.Errorf("call %d of another: %q, want %q", i, got, want)
		}
	}
}

func TestStoreAway(t *testing.T) {
	n := newNode(t)
	n.store.Fail(errors.New("the database is away"))
	err := policytest.Make(t, n.kind, `{"calls": 5}`).Request(t.Context(), caller(shop, nil))
	if oauth.ReasonOf(err) != oauth.Unavailable {
		t.Errorf("%v", err)
	}
	open := policytest.Make(t, n.kind, `{"calls": 5, "when_away": "open"}`)
	c := caller(&client.Client{ID: "other"}, nil)
	if err := open.Request(t.Context(), c); err != nil {
		t.Errorf("open: %v", err)
	}
	// What was not counted is not given back.
	n.store.Fail(nil)
	if err := open.(policy.Responder).Response(t.Context(), c, &policy.Response{Failure: &policy.Refusal{Reason: policy.UpstreamFailed}}); err != nil {
		t.Error(err)
	}
	served := 0
	for range 20 {
		time.Sleep(50 * time.Millisecond) // a store that failed is left alone for a moment
		if c := caller(&client.Client{ID: "other"}, nil); open.Request(t.Context(), c) == nil && c.Reply.Get("RateLimit") != "" {
			served++
		}
	}
	if served != 5 {
		t.Errorf("%d calls were counted, want 5", served)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := open.Request(ctx, caller(&client.Client{ID: "third"}, nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left: %v", err)
	}
}

// Of many calls at the same time, with many tokens of the same client, exactly as many pass as agreed.
func TestExactlyTheQuota(t *testing.T) {
	p := policytest.Make(t, newNode(t).kind, `{"calls": 1000}`)
	tokens := make([]token.Access, 10)
	for i := range tokens {
		tokens[i].ID = fmt.Sprint("t", i)
	}
	var passed atomic.Int64
	var all sync.WaitGroup
	for worker := range 200 {
		all.Go(func() {
			for range 20 {
				if p.Request(t.Context(), caller(shop, &tokens[worker%10])) == nil {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if passed.Load() != 1000 {
		t.Errorf("%d calls passed, want 1000", passed.Load())
	}
}

func TestSettings(t *testing.T) {
	kind := quota.Kind(nil) // settings are checked without anything to count with
	for settings, part := range map[string]string{
		`{"calls": -1}`:                              "calls: ",
		`{"per": "day"}`:                             "calls: a period without",
		`{"zone": "UTC"}`:                            "calls: a period without",
		`{"calls": 1, "per": "year"}`:                "per: ",
		`{"calls": 1, "zone": "Mars/Olympus"}`:       "zone: ",
		`{"calls": 1, "by": "nobody"}`:               "by: ",
		`{"calls": 1, "name": "a/b"}`:                "name: ",
		`{"calls": 1, "shared": "a/b"}`:              "shared: ",
		`{"calls": 1, "when_away": "panic"}`:         "when_away: ",
		`{"calls": 1.5}`:                             "calls: ",
		`{"call": 1}`:                                "call",
		`{"calls": 1, "by": "expression: call.nix"}`: "by: ",
	} {
		if _, err := kind.New(policy.Site{}, []byte(settings)); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want something about %q", settings, err, part)
		}
	}
	if !strings.Contains(quota.Source, "type Settings struct") || kind.Rank != policy.RankQuota {
		t.Error("the kind does not say what it is")
	}
}

func BenchmarkByClient(b *testing.B) {
	for _, settings := range []string{`{"calls": 1000000000000}`, `{"calls": 1000000000000, "fields": false}`} {
		b.Run(settings, func(b *testing.B) {
			p := policytest.Make(b, newNode(b).kind, settings)
			c := caller(shop, &token.Access{ID: "t"})
			reply := policy.Fields{}
			c.Reply = reply
			b.ReportAllocs()
			for b.Loop() {
				clear(reply)
				if err := p.Request(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
