package app

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/policy"
	"sallyport/policy/policytest"
	counts "sallyport/usage"
	"sallyport/usage/usagetest"
)

// What each policy needs to be told before it does anything. One that is not here works without settings.
var leastSettings = map[string]string{
	"concurrency": `{"most": 5}`,
	"cors":        `{"origins": ["*"]}`,
	"headers":     `{"request": {"set": {"X-A": "{client}"}}, "response": {"set": {"X-B": "1"}}}`,
	"ipfilter":    `{"deny": ["198.51.100.0/24"]}`,
	"mock":        `{"body": "x"}`,
	"priority":    `{"under": 5}`,
	"quota":       `{"calls": 100}`,
	"ratelimit":   `{"rate": "100/s"}`,
	"rewrite":     `{"add_prefix": "/v2"}`,
}

// TestPoliciesNeedNoServer takes a call through every policy there is, alone and all together, by hand: none of them needs
// to know what engine carries calls.
func TestPoliciesNeedNoServer(t *testing.T) {
	leaser := counts.NewLeaser(counts.Config{Store: &usagetest.Store{}, Now: func() time.Time { return policytest.Time }})
	defer func() {
		if err := leaser.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	kinds := parts(partDeps{Leaser: leaser}).Kinds
	all := newTestCall()
	var passed []policy.Policy
	for _, name := range slices.SortedFunc(maps.Keys(kinds), func(a, b string) int { return kinds[a].Rank - kinds[b].Rank }) {
		t.Run(name, func(t *testing.T) {
			p := policytest.Make(t, kinds[name], leastSettings[name])
			pass(t, []policy.Policy{p}, newTestCall())
		})
		passed = append(passed, policytest.Make(t, kinds[name], leastSettings[name]))
	}
	pass(t, passed, all)
	if all.Path != "/v2/orders/5" || all.Header.Get("X-A") != "c1" {
		t.Errorf("the upstream is asked for %s with %v", all.Path, all.Header)
	}
}

func newTestCall() *policy.Call {
	c := policytest.NewCall("GET", "/orders/5", "Origin: https://app.example.org")
	c.Caller = policy.Caller{Client: "c1", User: "ann", Way: "bearer", Credential: "t1", Record: &client.Client{Realm: "default", ID: "c1"}}
	return c
}

// pass does what a gateway does with a call and its policies.
func pass(t *testing.T, policies []policy.Policy, c *policy.Call) {
	t.Helper()
	for _, p := range policies {
		if err := p.Request(t.Context(), c); err != nil {
			t.Fatalf("%T: %v", p, err)
		}
		if c.Answer != nil {
			t.Fatalf("%T answers itself", p)
		}
		if f, ok := p.(policy.Finisher); ok {
			defer f.Done(c)
		}
	}
	r := policytest.NewResponse(200, "body")
	for _, p := range slices.Backward(policies) {
		if back, ok := p.(policy.Responder); ok {
			if err := back.Response(t.Context(), c, r); err != nil {
				t.Fatalf("%T: %v", p, err)
			}
		}
	}
	if r.Status != 200 || r.Failure != nil {
		t.Errorf("the answer becomes %d, %v", r.Status, r.Failure)
	}
}

// TestKindsRefuseUnknownKeys holds for ways in as well: a slip of the pen in a file must not switch a check off.
func TestKindsRefuseUnknownKeys(t *testing.T) {
	parts := parts(partDeps{})
	for _, kinds := range []map[string]policy.Kind{parts.Ways, parts.Kinds} {
		for name, kind := range kinds {
			least := map[string]json.RawMessage{}
			if s := leastSettings[name]; s != "" {
				if err := json.Unmarshal([]byte(s), &least); err != nil {
					t.Fatal(err)
				}
			}
			least["no_such_setting"] = json.RawMessage("1")
			settings, err := json.Marshal(least)
			if err != nil {
				t.Fatal(err)
			}
			_, err = kind.New(policy.Site{}, settings)
			if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
				t.Errorf("%s: %v", name, err)
			}
			for _, wrong := range []string{`[]`, `"x"`, `{} {}`, `{`} {
				if _, err := kind.New(policy.Site{}, json.RawMessage(wrong)); err == nil {
					t.Errorf("%s takes %s for settings", name, wrong)
				}
			}
		}
	}
}

// TestRanks: the order of policies is that of the package comment of policy, and is nobody's guess.
func TestRanks(t *testing.T) {
	kinds := parts(partDeps{}).Kinds
	order := []string{"ipfilter", "cors", "ratelimit", "priority", "concurrency", "quota", "mock", "backauth", "headers", "rewrite", "cache"}
	for i, name := range order {
		if _, ok := kinds[name]; !ok {
			t.Errorf("there is no %s", name)
		}
		if i == 0 {
			continue
		}
		before := order[i-1]
		if r, next := kinds[before].Rank, kinds[name].Rank; r > next || r == next && before > name { // as the chain sorts them
			t.Errorf("%s does not stand before %s", before, name)
		}
	}
	for name := range kinds {
		if !slices.Contains(order, name) {
			t.Errorf("%s has no place in the order", name)
		}
	}
}

// TestKindsHaveAManual: the reference page is made from the comments of settings.
func TestKindsHaveAManual(t *testing.T) {
	for name, kind := range parts(partDeps{}).Kinds {
		var err error
		switch docs := manual(kind.Source); {
		case kind.Source == "":
			err = errors.New("has no source of its settings")
		case len(docs) == 0:
			err = errors.New("has a source without settings")
		default:
			for _, d := range docs {
				for _, f := range d.Fields {
					if f.Doc == "" {
						err = errors.New("does not say what " + f.Key + " is")
					}
				}
			}
		}
		if err != nil {
			t.Errorf("%s %v", name, err)
		}
	}
}
