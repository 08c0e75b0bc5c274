package upstream_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/gateway/upstream"
	"sallyport/policy"
	"sallyport/realm"
)

func TestDiversions(t *testing.T) {
	a := &api.API{Name: "a", Upstream: "http://nobody"}
	divert := func(host string, from ...string) {
		a.Divert = append(a.Divert, api.Diversion{From: from, Targets: []api.Target{{URL: "http://" + host}}})
	}
	divert("one", "192.0.2.7", "198.51.100.0/24")
	divert("two", "192.0.2.0/25", "2001:db8::/32", "::ffff:203.0.113.9")
	divert("loose", "192.0.2.200/25")
	divert("host6", "2001:db9::1")
	g := group(t, newManager(t, upstream.Config{}), a)
	for _, test := range []struct{ from, want string }{
		{"192.0.2.7", "one"},
		{"192.0.2.8", "two"},
		{"::ffff:192.0.2.7", "one"},
		{"192.0.2.127", "two"},
		{"192.0.2.128", "loose"},
		{"198.51.100.255", "one"},
		{"198.51.101.0", ""},
		{"2001:db8:ffff::1", "two"},
		{"2001:db8::1%eth0", "two"},
		{"2001:db9::1", "host6"},
		{"2001:db9::2", ""},
		{"203.0.113.9", "two"},
		{"127.0.0.1", ""},
		{"", ""},
	} {
		t.Run(test.from, func(t *testing.T) {
			from, _ := netip.ParseAddr(test.from)
			got, err := g.Pick(from, "", nil)
			if test.want == "" {
				r := wantRefusal(t, err, 403, policy.Refusal{Reason: policy.NoTarget})
				if test.from != "" && (r.Subject != test.from || !r.Facts[0].Public) {
					t.Errorf("refusal %+v does not name the address", r)
				}
				return
			}
			if err != nil || got.Host != test.want {
				t.Errorf("Pick = %v, %v, want %s", got, err, test.want)
			}
		})
	}
}

// The last rule may be for the rest, and what each rule has is balanced and ejected apart.
func TestDiversionsAreApart(t *testing.T) {
	a := &api.API{Name: "a"}
	a.Eject = api.Eject{Fails: 1, Most: 100}
	a.Divert = []api.Diversion{
		{From: []string{"192.0.2.0/24"}, Targets: []api.Target{{URL: "http://x"}, {URL: "http://y"}}},
		{From: []string{"0.0.0.0/0", "::/0"}, Targets: []api.Target{{URL: "http://x"}}},
	}
	g := group(t, newManager(t, upstream.Config{}), a)
	rest := netip.MustParseAddr("2001:db8::1")
	x, err := g.Pick(rest, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	end(g, x, 500, nil)
	if _, err := g.Pick(rest, "", nil); err == nil {
		t.Error("the only target of the rest was ejected and picked")
	}
	seen := map[string]bool{}
	for range 100 {
		seen[pick(t, g, "").Host] = true
	}
	if !seen["x"] || !seen["y"] {
		t.Errorf("the first rule's calls went to %v", seen)
	}
}

func TestMirror(t *testing.T) {
	for _, test := range []struct{ percent, low, high int }{{0, 10_000, 10_000}, {100, 10_000, 10_000}, {1, 50, 150}, {30, 2770, 3230}} {
		a := balanced("", 1)
		a.Mirror = api.Mirror{URL: "http://copies/all", Percent: test.percent}
		a.Eject.Fails = 1
		g := group(t, newManager(t, upstream.Config{Rand: seeded(1)}), a)
		n := 0
		for range 10_000 {
			target, yes := g.Mirror()
			if !yes {
				continue
			}
			if n++; target.Host != "copies" || target.Base != "/all" {
				t.Fatalf("copies go to %v", target)
			}
			end(g, target, 500, nil)
		}
		if n < test.low || n > test.high {
			t.Errorf("%d of 10000 calls are copied with percent %d", n, test.percent)
		}
		states := g.States()
		if s := states[len(states)-1]; !s.Mirror || s.Ejections != 0 || s.InFlight != 0 || states[0].Mirror {
			t.Errorf("states %+v", states)
		}
	}
	if _, yes := group(t, newManager(t, upstream.Config{}), balanced("", 1)).Mirror(); yes {
		t.Error("a copy without a mirror")
	}
}

// A mirror that hangs does not gather copies without end.
func TestCopiesAreBounded(t *testing.T) {
	a := balanced("", 1)
	a.Mirror.URL = "http://copies"
	g := group(t, newManager(t, upstream.Config{}), a)
	n := 0
	for range 10_000 {
		if target, yes := g.Mirror(); yes {
			g.Begin(target)
			n++
		}
	}
	if n == 0 || n > 1000 {
		t.Errorf("%d copies under way", n)
	}
}

func TestErrorsNameTheField(t *testing.T) {
	one := []api.Target{{URL: "http://h"}}
	for _, test := range []struct {
		name  string
		api   api.API
		want  []string
		never string
	}{
		{"nothing", api.API{}, []string{"upstream: "}, ""},
		{"password", api.API{Upstream: "http://u:secret@h"}, []string{"upstream: "}, "secret"},
		{"broken and a password", api.API{Upstream: "http://u:secret@h:x"}, []string{"upstream: "}, "secret"},
		{"scheme", api.API{Upstream: "ftp://h"}, []string{"upstream: ", "http://127.0.0.1:9000"}, ""},
		{"target", api.API{Targets: []api.Target{{URL: "http://h"}, {URL: "h"}}}, []string{"targets[1]: "}, ""},
		{"weight", api.API{Targets: []api.Target{{URL: "http://h", Weight: -2}}}, []string{"targets[0]: ", "-2", "-1 for no calls"}, ""},
		{"huge weight", api.API{Targets: []api.Target{{URL: "http://h", Weight: 1 << 40}}}, []string{"targets[0]: "}, ""},
		{"brace", api.API{Upstream: "http://h/{id"}, []string{"upstream: ", "{name}"}, ""},
		{"empty name", api.API{Upstream: "http://h/{}"}, []string{"upstream: ", "{name}"}, ""},
		{"nested", api.API{Upstream: "http://h/{a{b}}"}, []string{"upstream: "}, ""},
		{"two segments", api.API{Upstream: "http://h/{a/b}"}, []string{"upstream: "}, ""},
		{"by", api.API{Targets: one, Upstreams: api.Upstreams{Balance: api.Balance{By: "best"}}}, []string{"balance.by: ", "round_robin"}, ""},
		{"key", api.API{Targets: one, Upstreams: api.Upstreams{Balance: api.Balance{By: "hash", Key: "header:"}}}, []string{"balance.key: ", "header:NAME"}, ""},
		{"path", api.API{Targets: one, Upstreams: api.Upstreams{Health: api.Health{Path: "healthz"}}}, []string{"health.path: ", "/healthz"}, ""},
		{"another server", api.API{Targets: one, Upstreams: api.Upstreams{Health: api.Health{Path: "//h/healthz"}}}, []string{"health.path: "}, ""},
		{"fragment", api.API{Targets: one, Upstreams: api.Upstreams{Health: api.Health{Path: "/a#b"}}}, []string{"health.path: "}, ""},
		{"mirror", api.API{Targets: one, Upstreams: api.Upstreams{Mirror: api.Mirror{URL: "copies"}}}, []string{"mirror.url: "}, ""},
		{"from nowhere", api.API{Upstreams: api.Upstreams{Divert: []api.Diversion{{Targets: one}}}}, []string{"divert[0].from: "}, ""},
		{"from a name", api.API{Upstreams: api.Upstreams{Divert: []api.Diversion{{From: []string{"h.example"}, Targets: one}}}}, []string{"divert[0].from: ", "h.example", "192.0.2.0/24"}, ""},
		{"from a zone", api.API{Upstreams: api.Upstreams{Divert: []api.Diversion{{From: []string{"fe80::1%eth0"}, Targets: one}}}}, []string{"divert[0].from: "}, ""},
		{"to nowhere", api.API{Upstreams: api.Upstreams{Divert: []api.Diversion{{From: []string{"::/0"}}}}}, []string{"divert[0].targets: "}, ""},
		{"to a wrong one", api.API{Upstreams: api.Upstreams{Divert: []api.Diversion{{From: []string{"::/0"}, Targets: []api.Target{{URL: "x"}}}}}}, []string{"divert[0].targets[0]: "}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newManager(t, upstream.Config{Dial: refused})
			_, err := m.Group(&test.api)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want %q in it", err, want)
				}
			}
			if test.never != "" && strings.Contains(err.Error(), test.never) {
				t.Errorf("error %q shows a password", err)
			}
			m.Each(func(string, string, upstream.State) { t.Error("a group was kept") })
		})
	}
}

// Whatever field of an API's upstreams changes, the group is another; with the same settings it is the same.
func TestGroupsFollowTheirSettings(t *testing.T) {
	m := newManager(t, upstream.Config{Dial: refused})
	whole := func() *api.API {
		a := balanced("hash", 1, 2)
		a.Upstream = "http://h"
		a.Health.Path = "/"
		a.Retry.On = []int{500}
		a.Divert = []api.Diversion{{From: []string{"::/0"}, Targets: []api.Target{{URL: "http://d"}}}}
		a.Mirror.URL = "http://copies"
		a.Balance.Key = "user"
		return a
	}
	first := group(t, m, whole())
	if group(t, m, whole()) != first {
		t.Fatal("the same settings make another group")
	}
	unrelated := whole()
	unrelated.Path, unrelated.Scopes = "/other", []string{"read"}
	if group(t, m, unrelated) != first {
		t.Error("what is not about upstreams makes another group")
	}
	for _, change := range []func(*api.API){
		func(a *api.API) { a.Upstream += "x" },
		func(a *api.API) { a.Targets[1].Weight++ },
		func(a *api.API) { a.Targets = a.Targets[:1] },
		func(a *api.API) { a.Divert[0].From[0] = "0.0.0.0/0" },
		func(a *api.API) { a.Divert[0].Targets[0].URL += "x" },
		func(a *api.API) { a.Retry.On[0]++ },
		func(a *api.API) { a.Balance.Key = "path" },
		func(a *api.API) { a.Realm = "another" },
		func(a *api.API) { a.Name = "another" },
	} {
		a := whole()
		change(a)
		if group(t, m, a) == first {
			t.Errorf("the same group for %+v", a)
		}
	}
	for i := range reflect.TypeFor[api.Upstreams]().NumField() {
		a := whole()
		f := reflect.ValueOf(&a.Upstreams).Elem().Field(i)
		name := reflect.TypeFor[api.Upstreams]().Field(i).Name
		if f.IsZero() {
			switch f.Kind() {
			case reflect.Bool:
				f.SetBool(true)
			case reflect.String:
				f.SetString("x")
			default:
				f.Field(0).SetInt(5)
			}
		} else {
			f.SetZero()
		}
		if group(t, m, a) == first {
			t.Errorf("the same group without %s as with it", name)
		}
	}
}

// What is known of a target is kept when the API changes, until its group is released and gone.
func TestWhatIsKnownOutlivesAChange(t *testing.T) {
	c := newClock()
	m := newManager(t, upstream.Config{Now: c.now})
	before := balanced(api.BalanceRoundRobin, 1, 1)
	before.Eject = api.Eject{Fails: 2, For: realm.Duration(time.Hour)}
	old := group(t, m, before)
	targets := targetsOf(t, old)
	end(old, targets[1], 500, nil)
	end(old, targets[1], 500, nil)
	old.Begin(targets[0])

	after := balanced(api.BalanceLeast, 1, 3, 1)
	after.Eject = before.Eject
	after.Targets = append(after.Targets[:1], after.Targets[2], after.Targets[1])
	g := group(t, m, after)
	m.Sweep([]*upstream.Group{g})
	want := []upstream.State{
		{URL: "http://h0", Weight: 1, Up: true, Healthy: true, InFlight: 1},
		{URL: "http://h2", Weight: 1, Up: true, Healthy: true},
		{URL: "http://h1", Weight: 3, Healthy: true, Ejections: 1, Ejected: c.now().Add(time.Hour)},
	}
	if diff := cmp.Diff(want, g.States()); diff != "" {
		t.Errorf("after the change (-want +got):\n%s", diff)
	}
	old.End(targets[0], 200, nil)
	if n := g.States()[0].InFlight; n != 0 {
		t.Errorf("%d calls under way when the last of the old group has ended", n)
	}
	m.Sweep(nil)
	if s := group(t, m, after).States()[2]; s.Ejections != 0 {
		t.Errorf("state %+v of an API that was removed and came back", s)
	}
}

// Targets of the same URL are two, before a change and after it.
func TestSameURLTwice(t *testing.T) {
	m := newManager(t, upstream.Config{})
	a := balanced(api.BalanceRoundRobin, 1, 1)
	a.Targets[1].URL = a.Targets[0].URL
	g := group(t, m, a)
	first := pick(t, g, "")
	g.Begin(first)
	b := *a
	b.Balance.By = api.BalanceLeast
	g = group(t, m, &b)
	if s := g.States(); s[0].InFlight+s[1].InFlight != 1 {
		t.Errorf("states %+v", s)
	}
	if second := pick(t, g, ""); second.InFlight() != 0 {
		t.Error("the busier one was picked")
	}
}

func TestEach(t *testing.T) {
	m := newManager(t, upstream.Config{})
	a, b := balanced("", 1, 1), balanced("", 1)
	b.Realm, b.Name, b.Mirror.URL = "other", "b", "http://copies"
	ga := group(t, m, a)
	gb := group(t, m, b)
	changed := *a
	changed.Targets = changed.Targets[:1]
	group(t, m, &changed)
	each := func() map[string]int {
		all := map[string]int{}
		m.Each(func(realm, api string, s upstream.State) { all[fmt.Sprint(realm, "/", api, " ", s.URL)]++ })
		return all
	}
	want := map[string]int{"r/a http://h0": 1, "other/b http://h0": 1, "other/b http://copies": 1}
	if got := each(); !maps.Equal(got, want) {
		t.Errorf("targets %v, want those of the current groups: %v", got, want)
	}
	group(t, m, a) // back to what it was
	m.Sweep([]*upstream.Group{ga, gb})
	want["r/a http://h1"] = 1
	if got := each(); !maps.Equal(got, want) {
		t.Errorf("targets %v, want %v", got, want)
	}
}

// TestTogether is for the race detector: calls, reloads, failures, health and metrics at the same time.
func TestTogether(t *testing.T) {
	m := newManager(t, upstream.Config{Dial: refused})
	var all sync.WaitGroup
	for i, by := range ways {
		a := balanced(by, 1, 2, 3)
		a.Name = by
		a.Retry = api.Retry{Attempts: 2}
		a.Eject = api.Eject{Fails: 2, For: realm.Duration(time.Millisecond), Most: 70}
		a.Health = api.Health{Path: "/", Every: realm.Duration(time.Millisecond), Fails: 1 << 30}
		g := group(t, m, a)
		for range 2 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 1))
				for range 2000 {
					var tried []*upstream.Target
					for attempt := 0; ; attempt++ {
						target, err := g.Pick(caller, "", tried)
						if err != nil {
							t.Error(err)
							return
						}
						g.Begin(target)
						if r.IntN(2) == 0 {
							g.End(target, 200, nil)
							break
						}
						g.End(target, 0, errors.New("reset"))
						if !g.MayRetry(attempt, "GET", false, true, 0) {
							break
						}
						tried = append(tried, target)
					}
				}
			})
		}
		all.Go(func() {
			for n := range 100 {
				changed := *a
				changed.Targets = slices.Clone(a.Targets)
				changed.Targets[0].Weight = n%5 + 1
				if _, err := m.Group(&changed); err != nil {
					t.Error(err)
				}
				m.Each(func(string, string, upstream.State) {})
			}
		})
	}
	all.Wait()
	m.Each(func(_, api string, s upstream.State) {
		if s.InFlight != 0 {
			t.Errorf("%s: %d calls under way at the end", api, s.InFlight)
		}
	})
}
