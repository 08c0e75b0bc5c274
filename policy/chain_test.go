package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/scope"
)

type policyFunc func(context.Context, *policy.Call) error

func (f policyFunc) Request(ctx context.Context, c *policy.Call) error { return f(ctx, c) }

// way is a way in that lets the caller in if it is not missing and not bad.
func way(client string, scopes ...string) policy.Policy {
	return policyFunc(func(_ context.Context, c *policy.Call) error {
		switch client {
		case "missing":
			return &policy.Refusal{Status: 401, Reason: oauth.TokenMissing, Scheme: "Bearer"}
		case "bad":
			return &policy.Refusal{Status: 401, Reason: oauth.TokenExpired, Scheme: "Bearer", Challenge: oauth.InvalidToken}
		case "fault":
			return errors.New("out of order")
		}
		c.Caller = policy.Caller{Client: client, Scope: scopes, Scheme: "Bearer"}
		return nil
	})
}

func TestWaysIn(t *testing.T) {
	ways := map[string]policy.Policy{
		"bearer": way("missing"), "key": way("k"), "bad": way("bad"), "fault": way("fault"), "missing": way("missing"),
	}
	tests := []struct {
		name   string
		auth   []string
		client string
		reason oauth.Reason // "": passes
	}{
		{"bearer unless something is named", nil, "", oauth.TokenMissing},
		{"one that knows the caller", []string{"key"}, "k", ""},
		{"the first that knows the caller", []string{"bearer", "key", "bad"}, "k", ""},
		{"nobody knows the caller", []string{"bearer", "missing"}, "", oauth.TokenMissing},
		{"anonymous", []string{"none"}, "", ""},
		{"anonymous when nobody knows the caller", []string{"none", "bearer"}, "", ""},
		{"known although anonymous would do", []string{"none", "key"}, "k", ""},
		{"a bad credential where anonymous would do", []string{"none", "bad"}, "", oauth.TokenExpired},
		{"a bad credential before a good one", []string{"bad", "key"}, "", oauth.TokenExpired},
		{"a fault", []string{"none", "fault"}, "", oauth.InternalError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &api.API{Auth: tt.auth}
			chain, err := policy.NewChain(a, ways, nil)
			if err != nil {
				t.Fatal(err)
			}
			call := &policy.Call{API: a, Realm: &realm.Realm{}, Caller: policy.Caller{Client: "left over"}}
			err = chain.Request(t.Context(), call)
			if got := reasonOf(err); got != tt.reason || call.Caller.Client != tt.client {
				t.Errorf("%q by %q, want %q by %q", got, call.Caller.Client, tt.reason, tt.client)
			}
		})
	}
}

func reasonOf(err error) oauth.Reason {
	var refusal *policy.Refusal
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	return oauth.ReasonOf(err)
}

func TestScope(t *testing.T) {
	byMethod := map[string][]string{"GET": {"read", "audit"}, "POST": {"write"}, "OPTIONS": {}}
	tests := []struct {
		name    string
		scopes  []string
		methods map[string][]string
		method  string
		has     []string
		wanted  scope.Set // nil: passes
	}{
		{"none asked for", nil, nil, "GET", nil, nil},
		{"any of them", []string{"a", "b"}, nil, "GET", []string{"x", "b"}, nil},
		{"none of them", []string{"a", "b"}, nil, "GET", []string{"x"}, scope.Set{"a", "b"}},
		{"no scope at all", []string{"a"}, nil, "GET", nil, scope.Set{"a"}},
		{"not by substring", []string{"admin"}, nil, "GET", []string{"adm", "administrator"}, scope.Set{"admin"}},
		{"the scope that covers all", []string{"a"}, nil, "GET", []string{"all"}, nil},
		{"by method", []string{"a"}, byMethod, "GET", []string{"audit"}, nil},
		{"by another method", []string{"a"}, byMethod, "POST", []string{"read"}, scope.Set{"write"}},
		{"the method's scopes stand in for the others", []string{"a"}, byMethod, "POST", []string{"a"}, scope.Set{"write"}},
		{"HEAD is like GET", []string{"a"}, byMethod, "HEAD", []string{"read"}, nil},
		{"HEAD is like GET, to the worse too", []string{"a"}, byMethod, "HEAD", []string{"a"}, scope.Set{"read", "audit"}},
		{"a method that is open", []string{"a"}, byMethod, "OPTIONS", nil, nil},
		{"a method that is not named", []string{"a"}, byMethod, "PUT", []string{"write"}, scope.Set{"a"}},
		{"methods compare by case", []string{"a"}, byMethod, "get", []string{"read"}, scope.Set{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &api.API{Scopes: tt.scopes, Methods: tt.methods}
			chain, err := policy.NewChain(a, map[string]policy.Policy{"bearer": way("c", tt.has...)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = chain.Request(t.Context(), &policy.Call{Method: tt.method, API: a, Realm: &realm.Realm{AllScope: "all"}})
			if tt.wanted == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			want := &policy.Refusal{
				Status: 403, Reason: oauth.ScopeMissing, Scheme: "Bearer", Challenge: oauth.InsufficientScope, Scope: tt.wanted,
				Detail: "The access token lacks a scope that this resource needs.",
			}
			var got *policy.Refusal
			if !errors.As(err, &got) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
}

// In a realm that has no scope which covers all, the empty name is not one.
func TestNoScopeCoversAll(t *testing.T) {
	a := &api.API{Scopes: []string{"a"}}
	chain, err := policy.NewChain(a, map[string]policy.Policy{"bearer": way("c", "")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := reasonOf(chain.Request(t.Context(), &policy.Call{API: a, Realm: &realm.Realm{}})); got != oauth.ScopeMissing {
		t.Errorf("reason %q", got)
	}
}

func TestPoliciesRunByRank(t *testing.T) {
	var ran []string
	kind := func(name string, rank int, err error) policy.Kind {
		return policy.Kind{Rank: rank, New: func(settings json.RawMessage) (policy.Policy, error) {
			return policyFunc(func(_ context.Context, c *policy.Call) error {
				ran = append(ran, name+string(settings)+c.Caller.Client)
				return err
			}), nil
		}}
	}
	stop := errors.New("stop")
	kinds := map[string]policy.Kind{
		"late": kind("late", 20, nil), "early": kind("early", 10, nil), "guard": kind("guard", -1, nil),
		"stop": kind("stop", 15, stop), "halt": kind("halt", -2, stop),
	}
	tests := []struct {
		policies string
		ran      string
		err      error
	}{
		{"late early guard", "guard1 early1c late1c", nil},
		{"late stop guard", "guard1 stop1c", stop},
		{"guard halt early", "halt1", stop},
		{"", "", nil},
	}
	for _, tt := range tests {
		a := &api.API{}
		for name := range strings.FieldsSeq(tt.policies) {
			a.Policies = append(a.Policies, api.Policy{Name: name, Settings: json.RawMessage("1")})
		}
		chain, err := policy.NewChain(a, map[string]policy.Policy{"bearer": way("c")}, kinds)
		if err != nil {
			t.Fatal(err)
		}
		ran = nil
		err = chain.Request(t.Context(), &policy.Call{API: a, Realm: &realm.Realm{}})
		if got := strings.Join(ran, " "); got != tt.ran || !errors.Is(err, tt.err) {
			t.Errorf("%q: ran %q, %v; want %q, %v", tt.policies, got, err, tt.ran, tt.err)
		}
	}
}

func TestNewChainRefusesWhatIsNotThere(t *testing.T) {
	ways := map[string]policy.Policy{"bearer": way("c")}
	kinds := map[string]policy.Kind{"p": {New: func(json.RawMessage) (policy.Policy, error) { return nil, errors.New("rate: it is missing") }}}
	for want, a := range map[string]*api.API{
		`auth: "cookie"`:   {Auth: []string{"none", "cookie"}},
		`policies: "q"`:    {Policies: []api.Policy{{Name: "q"}}},
		`policies.p: rate`: {Policies: []api.Policy{{Name: "p"}}},
	} {
		if _, err := policy.NewChain(a, ways, kinds); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := policy.NewChain(&api.API{}, nil, nil); err == nil {
		t.Error("a chain without the way in that is meant by default")
	}
}
