package gateway_test

import (
	"context"
	"encoding/json"
	"testing"

	"sallyport/api"
	"sallyport/gateway"
	"sallyport/policy"
)

type policyFunc func(context.Context, *policy.Call) error

func (f policyFunc) Request(ctx context.Context, c *policy.Call) error { return f(ctx, c) }

func parts() policy.Parts {
	pass := policyFunc(func(context.Context, *policy.Call) error { return nil })
	return policy.Parts{Clients: everybody{}, Ways: map[string]policy.Kind{
		"bearer": {New: func(policy.Site, json.RawMessage) (policy.Policy, error) { return pass, nil }},
	}}
}

func newTable(apis ...*api.API) gateway.Table {
	for _, a := range apis {
		if a.Realm == "" {
			a.Realm = "default"
		}
		if a.Upstream == "" {
			a.Upstream = "http://127.0.0.1:9000"
		}
	}
	return gateway.NewTable(gateway.Config{Parts: parts()}, apis...)
}

func TestMatch(t *testing.T) {
	table := newTable(
		&api.API{Name: "orders", Path: "/orders"},
		&api.API{Name: "items", Path: "/orders/v1/items"},
		&api.API{Name: "admin", Path: "/admin"},
		&api.API{Name: "münze", Path: "/m%C3%BCnze"},
		&api.API{Name: "host root", Path: "/", Host: "one.example"},
		&api.API{Name: "host orders", Path: "/orders", Host: "two.example"},
		&api.API{Name: "other orders", Path: "/orders", Realm: "other"},
		&api.API{Name: "rooted", Path: "/", Realm: "rooted"},
		&api.API{Name: "rooted admin", Path: "/admin/x", Realm: "rooted"},
	)
	tests := []struct {
		realm, host, path string
		want              string
		ambiguous         bool
	}{
		{"default", "", "/orders", "orders", false},
		{"default", "", "/orders/", "orders", false},
		{"default", "", "/orders/5", "orders", false},
		{"default", "", "/orders/v1", "orders", false},
		{"default", "", "/orders/v1/items", "items", false},
		{"default", "", "/orders/v1/items/5/6/7", "items", false},
		{"default", "", "/orders/v1/itemsets", "orders", false},
		{"default", "", "/ordersx", "", false},
		{"default", "", "/order", "", false},
		{"default", "", "/Orders", "", false},
		{"default", "", "/", "", false},
		{"default", "", "/x/orders", "", false},
		{"default", "", "/m%C3%BCnze/1", "münze", false},
		{"default", "one.example", "/anything", "host root", false},
		{"default", "one.example", "/orders/v1/items", "host root", false},
		{"default", "ONE.example.:8443", "/", "host root", false},
		{"default", "two.example", "/orders/v1/items", "host orders", false},
		{"default", "two.example", "/admin", "admin", false},
		{"default", "three.example", "/orders", "orders", false},
		{"default", "[::1]:80", "/orders", "orders", false},
		{"default", "one.example.evil", "/", "", false},
		{"other", "", "/orders", "other orders", false},
		{"other", "", "/admin", "", false},
		{"nowhere", "", "/orders", "", false},
		{"rooted", "", "/", "rooted", false},
		{"rooted", "", "/a/b/c", "rooted", false},
		{"rooted", "", "/admin/x", "rooted admin", false},

		// A path parameter must not lead past an API, nor into one.
		{"default", "", "/admin;x=1", "", true},
		{"default", "", "/admin;x=1/users", "", true},
		{"default", "", "/admin%3Bx/users", "", true},
		{"default", "", "/orders/v1;x/items", "", true},
		{"rooted", "", "/admin;y/x", "", true},
		{"rooted", "", "/admin/x;y", "", true},
		{"rooted", "", "/cars;colour=red/2026", "rooted", false},
		{"default", "", "/orders/cars;colour=red", "orders", false},
		{"default", "", "/orders/v1/items/5;a;b", "items", false},
		{"default", "one.example", "/admin;x", "host root", false},
		{"default", "two.example", "/admin;x", "", true},
	}
	for _, tt := range tests {
		got, ambiguous := table.Match(tt.realm, tt.host, tt.path)
		if got != tt.want || ambiguous != tt.ambiguous {
			t.Errorf("%s %s %s: %q, %v; want %q, %v", tt.realm, tt.host, tt.path, got, ambiguous, tt.want, tt.ambiguous)
		}
	}
}

func TestTarget(t *testing.T) {
	tests := []struct {
		path, upstream string
		strip          bool
		call, want     string
	}{
		{"/orders", "http://a", false, "/orders", "/orders"},
		{"/orders", "http://a/", false, "/orders/5", "/orders/5"},
		{"/orders", "http://a/v1", false, "/orders/5/", "/v1/orders/5/"},
		{"/orders", "http://a", true, "/orders", "/"},
		{"/orders", "http://a", true, "/orders/", "/"},
		{"/orders", "http://a", true, "/orders/5%3F", "/5%3F"},
		{"/orders", "http://a/v1", true, "/orders", "/v1"},
		{"/orders", "http://a/v1/", true, "/orders", "/v1"},
		{"/orders", "http://a/v1/", true, "/orders/", "/v1/"},
		{"/orders", "http://a/v%201", true, "/orders/5", "/v%201/5"},
		{"/", "http://a", true, "/", "/"},
		{"/", "http://a/v1", true, "/x", "/v1/x"},
		{"/", "http://a/v1", false, "/", "/v1/"},

		// What is sent of a parameter is what came, and stays one segment.
		{"/orders/{id}", "http://a", true, "/orders/5/items", "/items"},
		{"/orders/{id}", "http://a", false, "/orders/5/items", "/orders/5/items"},
		{"/orders/{id}", "http://a/v1/{id}", true, "/orders/5", "/v1/5"},
		{"/orders/{id}", "http://a/v1/{id}/", true, "/orders/5/items/", "/v1/5/items/"},
		{"/orders/{id}", "http://a/v1/{id}", true, "/orders/a%3Fb%2Cc;d", "/v1/a%3Fb%2Cc;d"},
		{"/{tenant}/orders/{id}", "http://a/{id}/of/{tenant}/x", true, "/t%20/orders/5/6", "/5/of/t%20/x/6"},
		{"/orders/{id}", "http://a/{id}", true, "/orders/{id}", "/%7Bid%7D"},
	}
	for _, tt := range tests {
		table := newTable(&api.API{Name: "a", Path: tt.path, Upstream: tt.upstream, Strip: tt.strip})
		call, err := api.ParsePath(tt.call)
		if err != nil {
			t.Fatal(err)
		}
		if got := table.Target("default", "", call); got != tt.want {
			t.Errorf("%s at %s (strip %v), %s: %q, want %q", tt.path, tt.upstream, tt.strip, tt.call, got, tt.want)
		}
	}
}

// What is registered and cannot be served must not fall to a shorter prefix that asks for less.
func TestFaults(t *testing.T) {
	for name, a := range map[string]*api.API{
		"way in":   {Auth: named("cookie")},
		"policy":   {Policies: []api.Policy{{Name: "magic"}}},
		"upstream": {Upstream: "ftp://a"},
		"host":     {Upstream: "http:///x"},
	} {
		a.Name, a.Path = "a", "/open/closed"
		table := newTable(&api.API{Name: "open", Path: "/open", Auth: named("none")}, a)
		if got, _ := table.Match("default", "", "/open/closed/x"); got != "a" || table.Fault("default", "", "/open/closed/x") == nil {
			t.Errorf("%s: found %q, fault %v", name, got, table.Fault("default", "", "/open/closed/x"))
		}
		if err := table.Fault("default", "", "/open/x"); err != nil {
			t.Errorf("%s: the API beside it: %v", name, err)
		}
	}
	twice := newTable(&api.API{Name: "a", Path: "/a"}, &api.API{Name: "b", Path: "/a", Auth: named("none")})
	if twice.Fault("default", "", "/a") == nil {
		t.Error("one path for two APIs is no fault")
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	table := newTable(
		&api.API{Name: "orders", Path: "/orders"}, &api.API{Name: "items", Path: "/orders/v1/items"},
		&api.API{Name: "hosted", Path: "/hosted", Host: "one.example"},
	)
	for _, path := range []string{"/orders/v1/items/5", "/orders/7/8", "/hosted", "/nothing/at/all/here"} {
		if n := testing.AllocsPerRun(100, func() { table.Match("default", "one.example:8089", path) }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}
