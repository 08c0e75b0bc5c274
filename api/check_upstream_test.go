package api_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/realm"
)

func TestCheckRefusesTargets(t *testing.T) {
	one := []api.Target{{URL: "http://a.example"}}
	targets := func(list ...api.Target) func(*api.API) {
		return func(a *api.API) { a.Upstream, a.Targets = "", list }
	}
	divert := func(d ...api.Diversion) func(*api.API) {
		return func(a *api.API) { a.Upstream, a.Divert = "", d }
	}
	for _, tt := range []struct {
		name string
		edit func(*api.API)
		want string
		fix  string
	}{
		{"upstream and targets", func(a *api.API) { a.Targets = one }, "targets: ", "not both"},
		{"target without URL", targets(api.Target{Weight: 1}), "targets[0].url: it is missing", "http://"},
		{"target with a password", targets(one[0], api.Target{URL: "http://me:hush@b.example"}), "targets[1].url: ", "take them out"},
		{"target twice", targets(one[0], one[0]), "targets[1].url: http://a.example is there twice", "weight"},
		{"weight", targets(api.Target{URL: "http://a.example", Weight: -2}), "targets[0].weight: ", "-1 for no calls"},
		{"no weight at all", targets(api.Target{URL: "http://a.example", Weight: -1}), "targets: none of them", "disabled"},
		{"many", targets(make([]api.Target, 257)...), "targets: 257", "at most 256"},
		{"a place for nothing", func(a *api.API) { a.Path, a.Upstream = "/a/{id}", "http://a.example/{no}" }, "upstream: {no}", "use one of id"},
		{"a place in a segment", func(a *api.API) { a.Path, a.Upstream = "/a/{id}", "http://a.example/x{id}" }, "upstream: ", "whole segment"},
		{"a place in a host", func(a *api.API) { a.Path, a.Upstream = "/a/{id}", "http://{id}.example/" }, "upstream: ", "absolute URL"},
		{"diversions and an upstream", func(a *api.API) { a.Divert = []api.Diversion{{From: []string{"::/0"}, Targets: one}} }, "divert: ", "take out"},
		{"diversion from nowhere", divert(api.Diversion{Targets: one}), "divert[0].from: ", "0.0.0.0/0"},
		{"diversion from a name", divert(api.Diversion{From: []string{"localhost"}, Targets: one}), "divert[0].from: ", "192.0.2.7"},
		{"diversion with bits behind", divert(api.Diversion{From: []string{"10.1.0.0/8"}, Targets: one}), "divert[0].from: ", "write 10.0.0.0/8"},
		{"diversion to nowhere", divert(api.Diversion{From: []string{"::1"}}), "divert[0].targets: there are none", "at least one"},
		{"diversion to what is no URL", divert(api.Diversion{From: []string{"::1"}, Targets: []api.Target{{URL: "x"}}}), "divert[0].targets[0].url: ", "absolute URL"},
	} {
		refuses(t, tt.name, tt.edit, tt.want, tt.fix)
	}
}

func TestCheckRefusesUpstreams(t *testing.T) {
	const day = realm.Duration(24 * time.Hour)
	for _, tt := range []struct {
		name string
		edit func(*api.Upstreams)
		want string
		fix  string
	}{
		{"balance", func(u *api.Upstreams) { u.Balance.By = "luck" }, `balance.by: "luck"`, "round_robin"},
		{"a key without hash", func(u *api.Upstreams) { u.Balance.Key = "user" }, "balance.key: ", "hash"},
		{"a key of nothing", func(u *api.Upstreams) { u.Balance = api.Balance{By: "hash", Key: "header:"} }, "balance.key: ", "header:NAME"},
		{"an unknown key", func(u *api.Upstreams) { u.Balance = api.Balance{By: "hash", Key: "query:x"} }, "balance.key: ", "header:NAME"},
		{"health without a path", func(u *api.Upstreams) { u.Health.Fails = 3 }, "health.path: it is missing", "/healthz"},
		{"health elsewhere", func(u *api.Upstreams) { u.Health.Path = "//evil.example/" }, "health.path: ", "from the root"},
		{"health of a relative path", func(u *api.Upstreams) { u.Health.Path = "healthz" }, "health.path: ", "from the root"},
		{"health too often", func(u *api.Upstreams) { u.Health = api.Health{Path: "/", Every: 1} }, "health.every: ", "100ms"},
		{"health that takes days", func(u *api.Upstreams) { u.Health = api.Health{Path: "/", Timeout: 2 * day} }, "health.timeout: 2d", "1d"},
		{"health of a status", func(u *api.Upstreams) { u.Health = api.Health{Path: "/", Status: 99} }, "health.status: 99", "200"},
		{"health, negative", func(u *api.Upstreams) { u.Health = api.Health{Path: "/", Passes: -1} }, "health.passes: ", "in a row"},
		{"ejection after less than nothing", func(u *api.Upstreams) { u.Eject.Fails = -1 }, "eject.fails: ", "never"},
		{"ejection after nothing", func(u *api.Upstreams) { u.Eject.Most = 50 }, "eject.fails: it is missing", "in a row"},
		{"ejection for long", func(u *api.Upstreams) { u.Eject = api.Eject{Fails: 1, For: 2 * day} }, "eject.for: 2d", "1d"},
		{"ejection of more than all", func(u *api.Upstreams) { u.Eject = api.Eject{Fails: 1, Most: 101} }, "eject.most: ", "100"},
		{"attempts", func(u *api.Upstreams) { u.Retry.Attempts = 11 }, "retry.attempts: 11", "10"},
		{"retries without attempts", func(u *api.Upstreams) { u.Retry.On = []int{502} }, "retry.attempts: it is missing", "how often"},
		{"retries of what is good", func(u *api.Upstreams) { u.Retry = api.Retry{Attempts: 1, On: []int{200}} }, "retry.on: 200", "400"},
		{"retries twice", func(u *api.Upstreams) { u.Retry = api.Retry{Attempts: 1, On: []int{502, 502}} }, "retry.on: 502", "remove one"},
		{"a budget of more than all", func(u *api.Upstreams) { u.Retry = api.Retry{Attempts: 1, Budget: 101} }, "retry.budget: ", "percent"},
		{"a timeout", func(u *api.Upstreams) { u.Timeouts.Idle = 2 * day }, "timeouts.idle: 2d", "1d"},
		{"a share of no mirror", func(u *api.Upstreams) { u.Mirror.Percent = 5 }, "mirror.percent: ", "mirror.url"},
		{"a share of more than all", func(u *api.Upstreams) { u.Mirror = api.Mirror{URL: "http://a.example", Percent: 101} }, "mirror.percent: ", "100"},
		{"a mirror that is no URL", func(u *api.Upstreams) { u.Mirror.URL = "a.example" }, "mirror.url: ", "absolute URL"},
		{"an engine", func(u *api.Upstreams) { u.Engine = "fast" }, "engine: ", "standard"},
		{"a host with a scheme", func(u *api.Upstreams) { u.Host = "http://a.example" }, "upstream_host: ", "caller"},
		{"a host with a user", func(u *api.Upstreams) { u.Host = "a@b" }, "upstream_host: ", "caller"},
		{"a host with a line end", func(u *api.Upstreams) { u.Host = "a\r\nX: 1" }, "upstream_host: ", "caller"},
		{"a host with other letters", func(u *api.Upstreams) { u.Host = "münze" }, "upstream_host: ", "caller"},
		{"a host with half a port", func(u *api.Upstreams) { u.Host = "a:" }, "upstream_host: ", "caller"},
	} {
		refuses(t, tt.name, func(a *api.API) { tt.edit(&a.Upstreams) }, tt.want, tt.fix)
	}
}

// A message about a target never holds the password in its URL.
func TestCheckKeepsThePasswordOfATarget(t *testing.T) {
	for _, url := range []string{"http://me:hush@a.example/", "http://me:hush@a.example:x/"} {
		for _, edit := range []func(*api.API){
			func(a *api.API) { a.Upstream, a.Targets = "", []api.Target{{URL: url}} },
			func(a *api.API) { a.Mirror.URL = url },
		} {
			a := valid()
			edit(a)
			if err := api.Check(a, known()); err == nil || strings.Contains(err.Error(), "hush") {
				t.Errorf("%v", err)
			}
		}
	}
}
