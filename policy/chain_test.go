package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/client"
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

// parts are ways in and other policies, and clients of any name that are switched on.
func parts(ways map[string]policy.Policy, kinds map[string]policy.Kind) policy.Parts {
	p := policy.Parts{Ways: map[string]policy.Kind{}, Kinds: kinds, Clients: anybody{}}
	for name, made := range ways {
		p.Ways[name] = policy.Kind{New: func(policy.Site, json.RawMessage) (policy.Policy, error) { return made, nil }}
	}
	return p
}

// anybody knows every client but nobody, and keeps one as an administrator would have it.
type anybody struct{ one *client.Client }

func (a anybody) Get(_ context.Context, realm, id string) (*client.Client, error) {
	switch id {
	case "away":
		return nil, oauth.Because(oauth.Unavailable, errors.New("database away"))
	case "nobody":
		return nil, nil
	}
	if a.one != nil && a.one.ID == id {
		return a.one, nil
	}
	return &client.Client{Realm: realm, ID: id, Status: client.On}, nil
}

func named(names ...string) []api.Policy {
	var list []api.Policy
	for _, name := range names {
		list = append(list, api.Policy{Name: name})
	}
	return list
}

func TestWaysIn(t *testing.T) {
	ways := map[string]policy.Policy{
		"bearer": way("missing"), "key": way("k"), "bad": way("bad"), "fault": way("fault"), "missing": way("missing"),
		"gone": way("nobody"), "away": way("away"),
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
		{"a client that is gone", []string{"gone"}, "nobody", oauth.ClientUnknown},
		{"nobody knows about the client", []string{"away"}, "away", oauth.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &api.API{Auth: named(tt.auth...)}
			chain, err := policy.NewChain(a, parts(ways, nil))
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
			chain, err := policy.NewChain(a, parts(map[string]policy.Policy{"bearer": way("c", tt.has...)}, nil))
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
				Detail: "The access token lacks a scope that this resource needs.", Policy: "scope",
				Facts: []policy.Fact{
					{Name: "scopes that open it, any of", Value: tt.wanted.String(), Public: true},
					{Name: "scopes of the credential", Value: scope.Set(tt.has).String(), Public: true},
				},
				Fix: "Ask for a token with one of these scopes: " + tt.wanted.String(),
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
	chain, err := policy.NewChain(a, parts(map[string]policy.Policy{"bearer": way("c", "")}, nil))
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
		return policy.Kind{Rank: rank, New: func(_ policy.Site, settings json.RawMessage) (policy.Policy, error) {
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
		chain, err := policy.NewChain(a, parts(map[string]policy.Policy{"bearer": way("c")}, kinds))
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
	kinds := map[string]policy.Kind{"p": {New: func(policy.Site, json.RawMessage) (policy.Policy, error) {
		return nil, errors.New("rate: it is missing")
	}}}
	all := parts(map[string]policy.Policy{"bearer": way("c")}, kinds)
	all.Ways["w"] = kinds["p"]
	for want, a := range map[string]*api.API{
		`auth: "cookie"`:   {Auth: named("none", "cookie")},
		`auth: "card"`:     {Auth: named("bearer"), Routes: []api.Route{{Path: "/x", Auth: named("card")}}},
		`auth.w: rate`:     {Auth: named("w")},
		`policies: "q"`:    {Policies: named("q")},
		`policies.p: rate`: {Policies: named("p")},
	} {
		if _, err := policy.NewChain(a, all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := policy.NewChain(&api.API{}, policy.Parts{}); err == nil {
		t.Error("a chain without the way in that is meant by default")
	}
}

func TestRoutesHaveWaysInAndScopesOfTheirOwn(t *testing.T) {
	ways := map[string]policy.Policy{"bearer": way("b", "read"), "key": way("k", "write")}
	a := &api.API{Scopes: []string{"read"}, Routes: []api.Route{
		{Path: "/keys", Auth: named("key"), Names: []string{"key"}, Scopes: []string{"write"}},
		{Path: "/open", Auth: named("none"), Names: []string{"none"}, Scopes: []string{}},
		{Path: "/more", Scopes: []string{"admin"}},
		{Path: "/same"},
	}}
	chain, err := policy.NewChain(a, parts(ways, nil))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		client, way string
		reason      oauth.Reason
	}{{"k", "key", ""}, {"", "", ""}, {"b", "bearer", oauth.ScopeMissing}, {"b", "bearer", ""}} {
		call := &policy.Call{Method: "GET", API: a, Realm: &realm.Realm{}, Route: &a.Routes[i]}
		err := chain.Request(t.Context(), call)
		if got := reasonOf(err); got != want.reason || call.Caller.Client != want.client || call.Caller.Way != want.way {
			t.Errorf("%s: %q by %q through %q, want %+v", a.Routes[i].Path, got, call.Caller.Client, call.Caller.Way, want)
		}
	}
}

// The client's own conditions hold whatever way it came.
func TestConditionsOfTheClient(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		edit   func(*client.Client)
		reason oauth.Reason
	}{
		{"none", func(*client.Client) {}, ""},
		{"switched off", func(c *client.Client) { c.Status = client.Off }, oauth.ClientDisabled},
		{"locked", func(c *client.Client) { c.Status = client.Locked }, oauth.ClientLocked},
		{"not yet", func(c *client.Client) { c.NotBefore = now.Add(time.Second) }, oauth.ClientNotYetValid},
		{"from this moment", func(c *client.Client) { c.NotBefore = now }, ""},
		{"not any more", func(c *client.Client) { c.NotAfter = now }, oauth.ClientExpired},
		{"elsewhere", func(c *client.Client) { c.Addresses = networks(t, "10.0.0.0/8") }, policy.ClientAddress},
		{"here", func(c *client.Client) { c.Addresses = networks(t, "10.0.0.0/8", "192.0.2.1") }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			one := &client.Client{ID: "c", Status: client.On}
			tt.edit(one)
			p := parts(map[string]policy.Policy{"bearer": way("c")}, nil)
			p.Clients = anybody{one}
			chain, err := policy.NewChain(&api.API{}, p)
			if err != nil {
				t.Fatal(err)
			}
			call := &policy.Call{API: &api.API{}, Realm: &realm.Realm{}, Time: now, Source: netip.MustParseAddr("192.0.2.1")}
			if got := reasonOf(chain.Request(t.Context(), call)); got != tt.reason {
				t.Errorf("%q, want %q", got, tt.reason)
			}
		})
	}
}

// A full policy takes part in all of a call.
type full struct {
	name   string
	said   *[]string
	err    error
	answer bool
	early  bool
	back   error
}

func (f *full) note(what string) { *f.said = append(*f.said, f.name+" "+what) }

func (f *full) Request(_ context.Context, c *policy.Call) error {
	f.note("request" + c.Caller.Client)
	c.Keep(f, f.name)
	if f.answer {
		c.Answer = &policy.Answer{Status: 200}
	}
	return f.err
}

func (f *full) Response(_ context.Context, c *policy.Call, _ *policy.Response) error {
	f.note("response " + c.Kept(f).(string))
	return f.back
}

func (f *full) Done(c *policy.Call) { f.note("done " + c.Kept(f).(string)) }

func (f *full) BeforeAuth() bool { return f.early }

// What has met the call sees it back, the last first, and is told of its end.
func TestTheWayBack(t *testing.T) {
	stop := &policy.Refusal{Status: 429, Reason: policy.RateExceeded}
	tests := []struct {
		name string
		edit func(a, b, c *full)
		want string
	}{
		{"it passes", func(_, _, _ *full) {},
			"a requestk, b requestk, c requestk, c response c, b response b, a response a, c done c, b done b, a done a"},
		{"one refuses", func(_, b, _ *full) { b.err = stop },
			"a requestk, b requestk, refused b, b done b, a done a"},
		{"one answers", func(_, b, _ *full) { b.answer = true },
			"a requestk, b requestk, b response b, a response a, b done b, a done a"},
		{"one runs before anybody is known", func(_, _, c *full) { c.early = true },
			"c request, a requestk, b requestk, b response b, a response a, c response c, b done b, a done a, c done c"},
		{"one refuses the answer", func(_, b, _ *full) { b.back = stop },
			"a requestk, b requestk, c requestk, c response c, b response b, refused b, c done c, b done b, a done a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var said []string
			a, b, c := &full{name: "a", said: &said}, &full{name: "b", said: &said}, &full{name: "c", said: &said}
			tt.edit(a, b, c)
			kinds := map[string]policy.Kind{}
			for i, f := range []*full{a, b, c} {
				kinds[f.name] = policy.Kind{Rank: 10 * (i + 1), New: func(policy.Site, json.RawMessage) (policy.Policy, error) { return f, nil }}
			}
			chain, err := policy.NewChain(&api.API{Policies: named("c", "b", "a")}, parts(map[string]policy.Policy{"bearer": way("k")}, kinds))
			if err != nil {
				t.Fatal(err)
			}
			if !chain.Looks() {
				t.Error("nobody looks")
			}
			call := &policy.Call{API: &api.API{}, Realm: &realm.Realm{}}
			if err = chain.Request(t.Context(), call); err == nil {
				err = chain.Response(t.Context(), call, &policy.Response{Status: 200})
			}
			var refusal *policy.Refusal
			if errors.As(err, &refusal) {
				said = append(said, "refused "+refusal.Policy)
			}
			stop.Policy = ""
			chain.Done(call)
			chain.Done(call) // nobody is told twice
			if diff := cmp.Diff(tt.want, strings.Join(said, ", ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if call.Kept(a) != nil {
				t.Error("something is kept of a call that is over")
			}
		})
	}
}

func TestNobodyLooks(t *testing.T) {
	chain, err := policy.NewChain(&api.API{}, parts(map[string]policy.Policy{"bearer": way("c")}, nil))
	if err != nil || chain.Looks() {
		t.Errorf("%v, %v", chain.Looks(), err)
	}
}

func networks(t *testing.T, texts ...string) []client.Network {
	t.Helper()
	var list []client.Network
	for _, text := range texts {
		n, err := client.ParseNetwork(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}

// Whoever brings nothing is told of every way in.
func TestEveryWayInIsNamed(t *testing.T) {
	lacks := func(scheme, detail string) policy.Policy {
		return policyFunc(func(context.Context, *policy.Call) error {
			return &policy.Refusal{Status: 401, Reason: oauth.TokenMissing, Scheme: scheme, Detail: detail}
		})
	}
	ways := map[string]policy.Policy{
		"mtls": lacks("", "A certificate is needed."), "bearer": lacks("Bearer", "A token is needed."), "apikey": lacks("ApiKey", "A key is needed."),
	}
	for _, c := range []struct {
		auth []string
		want policy.Refusal
	}{
		{[]string{"bearer"}, policy.Refusal{Scheme: "Bearer", Policy: "bearer", Detail: "A token is needed."}},
		{[]string{"mtls"}, policy.Refusal{Policy: "mtls", Detail: "A certificate is needed."}},
		{[]string{"mtls", "bearer", "apikey"}, policy.Refusal{
			Scheme: "Bearer", Schemes: []string{"ApiKey"}, Policy: "mtls, bearer, apikey",
			Detail: "A certificate is needed. — or: A token is needed. — or: A key is needed.",
		}},
		{[]string{"apikey", "bearer", "mtls"}, policy.Refusal{
			Scheme: "ApiKey", Schemes: []string{"Bearer"}, Policy: "apikey, bearer, mtls",
			Detail: "A key is needed. — or: A token is needed. — or: A certificate is needed.",
		}},
	} {
		a := &api.API{Name: "orders"}
		for _, name := range c.auth {
			a.Auth = append(a.Auth, api.Policy{Name: name})
		}
		chain, err := policy.NewChain(a, parts(ways, nil))
		if err != nil {
			t.Fatal(err)
		}
		c.want.Status, c.want.Reason = 401, oauth.TokenMissing
		var got *policy.Refusal
		if err := chain.Request(t.Context(), &policy.Call{API: a, Realm: &realm.Realm{Name: "default"}}); !errors.As(err, &got) {
			t.Fatalf("%v: %v", c.auth, err)
		}
		if diff := cmp.Diff(c.want, *got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.auth, diff)
		}
	}
}
