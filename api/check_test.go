package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/realm"
)

func known() api.Known {
	return api.Known{
		Auth: map[string]func(json.RawMessage) error{
			"bearer": nil, "none": nil, "keyless": nil,
			"keyed": func(settings json.RawMessage) error {
				if len(settings) == 0 {
					return errors.New("header: it is missing; name one")
				}
				return nil
			},
		},
		Errors: []string{"digirunner", "ddi"},
		Policies: map[string]func(json.RawMessage) error{
			"plain": nil,
			"limit": func(settings json.RawMessage) error {
				if len(settings) == 0 {
					return errors.New("rate: it is missing; write 10/s")
				}
				return nil
			},
		},
	}
}

func TestLimitsHaveNames(t *testing.T) {
	known := known()
	// It takes a name, as limits do, and "plain" takes none.
	known.Policies["named"] = func(settings json.RawMessage) error {
		var s struct {
			Name string
			Rate int
		}
		d := json.NewDecoder(bytes.NewReader(settings))
		d.DisallowUnknownFields()
		return d.Decode(&s)
	}
	known.Policies["other"] = func(settings json.RawMessage) error {
		if strings.Contains(string(settings), "name") {
			return errors.New("name: unknown key")
		}
		return nil
	}
	for _, c := range []struct {
		policy, first, second string
		ok                    bool
	}{
		{"named", `{"rate": 1}`, `{"rate": 2}`, false},
		{"named", `{"rate": 1, "name": "day"}`, `{"rate": 2}`, true},
		{"named", `{"rate": 1, "name": "day"}`, `{"rate": 2, "name": "day"}`, false},
		{"named", `{"rate": 1, "name": "day"}`, `{"rate": 2, "name": "month"}`, true},
		{"other", `{"rate": 1}`, `{"rate": 2}`, true},
	} {
		a := valid()
		a.Policies = []api.Policy{{Name: c.policy, Settings: json.RawMessage(c.first)}, {Name: "plain"}, {Name: c.policy, Settings: json.RawMessage(c.second)}}
		err := api.Check(a, known)
		if c.ok && err != nil || !c.ok && (err == nil || !strings.Contains(err.Error(), "policies.named: there are two of them that go by the same name")) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func ways(names ...string) []api.Policy {
	var list []api.Policy
	for _, name := range names {
		list = append(list, api.Policy{Name: name})
	}
	return list
}

func valid() *api.API {
	return &api.API{
		Name: "orders", Host: "api.example.org", Path: "/orders", Upstream: "http://127.0.0.1:9000/v1/",
		Auth: ways("bearer"), Scopes: []string{"read", "2000000006"}, Errors: "ddi",
		Methods:  map[string][]string{"GET": {"read"}, "POST": {"write", "admin"}, "DELETE": nil},
		Policies: []api.Policy{{Name: "plain"}, {Name: "limit", Settings: json.RawMessage(`{}`)}},
	}
}

func TestCheckAccepts(t *testing.T) {
	for name, edit := range map[string]func(*api.API){
		"everything": func(*api.API) {},
		"the least":  func(a *api.API) { *a = api.API{Name: "a", Path: "/", Upstream: "https://[::1]:9000"} },
		"a policy twice": func(a *api.API) {
			a.Policies = []api.Policy{{Name: "plain"}, {Name: "plain", Settings: json.RawMessage(`{"by": "address"}`)}}
		},
		"an escaped path": func(a *api.API) { a.Path = "/m%C3%BCnze" },
		"a parameter":     func(a *api.API) { a.Path, a.Upstream = "/orders/{id}/items/{item_2}", "http://a.example/v1/{id}/" },
		"hosts":           func(a *api.API) { a.Host = "*.example.org" },
		"conditions": func(a *api.API) {
			a.Headers = []api.Condition{{Name: "api-version", Value: "2026-01-31"}, {Name: "X_y"}}
			a.Exact, a.Allow, a.Module = true, []string{"GET", "POST"}, "orders-2"
		},
		"routes": func(a *api.API) {
			a.Path, a.Allow, a.Strict = "/orders/{id}", []string{"GET", "POST"}, true
			a.Routes = []api.Route{
				{Path: "/"}, {Path: "/items/{item}", Allow: []string{"GET"}, Auth: ways("keyless"), Scopes: []string{"read"}},
				{Path: "/items/{other}", Allow: []string{"HEAD", "POST"}}, {Path: "/items/{item}"}, {Path: "/items/{item}", Exact: true},
				{Path: "/items/{item}", Headers: []api.Condition{{Name: "x"}}}, {Path: "/open", Auth: ways("none")},
				{Path: "/any", Auth: ways("keyless", "none"), Scopes: []string{}},
			}
		},
		"targets": func(a *api.API) {
			a.Path, a.Upstream = "/orders/{id}", ""
			a.Targets = []api.Target{{URL: "http://a.example/{id}", Weight: 3}, {URL: "http://b.example", Weight: -1}}
			a.Balance = api.Balance{By: api.BalanceHash, Key: "header:X-Tenant"}
			a.Health = api.Health{Path: "/healthz?deep=1", Every: realm.Duration(time.Second), Timeout: realm.Duration(time.Second), Status: 204, Fails: 1, Passes: 1}
			a.Eject = api.Eject{Fails: 5, For: realm.Duration(time.Minute), Most: 100}
			a.Retry = api.Retry{Attempts: 2, On: []int{502, 503}, Budget: 30}
			a.Timeouts = api.Timeouts{Connect: realm.Duration(time.Second), Answer: realm.Duration(time.Hour), Idle: realm.Duration(time.Second)}
			a.Mirror = api.Mirror{URL: "https://c.example/{id}", Percent: 10}
			a.Engine, a.HTTP2, a.Upstreams.Host = "standard", true, "orders.internal:8080"
		},
		"diversions": func(a *api.API) {
			a.Upstream = ""
			a.Divert = []api.Diversion{
				{From: []string{"10.0.0.0/8", "192.0.2.7", "2001:db8::/32"}, Targets: []api.Target{{URL: "http://a.example"}}},
				{From: []string{"0.0.0.0/0", "::/0"}, Targets: []api.Target{{URL: "http://b.example"}}},
			}
			a.Upstreams.Host = "caller"
		},
		"anonymous": func(a *api.API) { a.Auth, a.Scopes, a.Methods = ways("none"), nil, nil },
	} {
		a := valid()
		edit(a)
		if err := api.Check(a, known()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	tests := []struct {
		name string
		edit func(*api.API)
		want string // the error begins with the field
		fix  string // and contains
	}{
		{"no name", func(a *api.API) { a.Name = "" }, "name: ", "letters"},
		{"name with a space", func(a *api.API) { a.Name = "a b" }, `name: "a b"`, "letters"},
		{"name with a dot in front", func(a *api.API) { a.Name = ".a" }, "name: ", "first"},
		{"host with a port", func(a *api.API) { a.Host = "api.example.org:80" }, "host: ", "without scheme, port"},
		{"host in upper case", func(a *api.API) { a.Host = "API.example.org" }, "host: ", "lower case"},
		{"host with an empty label", func(a *api.API) { a.Host = "api..org" }, "host: ", ""},
		{"no path", func(a *api.API) { a.Path = "" }, "path: ", "begin with a slash"},
		{"relative path", func(a *api.API) { a.Path = "orders" }, "path: ", "begin with a slash"},
		{"path with dots", func(a *api.API) { a.Path = "/a/../b" }, "path: ", "dot segment"},
		{"path with a query", func(a *api.API) { a.Path = "/a?b" }, "path: ", "?"},
		{"path with two slashes", func(a *api.API) { a.Path = "/a//b" }, "path: ", "single slashes"},
		{"path in another spelling", func(a *api.API) { a.Path = "/%6frders" }, "path: ", `write "/orders"`},
		{"path with a slash at its end", func(a *api.API) { a.Path = "/orders/" }, "path: ", `write "/orders"`},
		{"path with a parameter", func(a *api.API) { a.Path = "/orders;v=1" }, "path: ", "semicolon"},
		{"no upstream", func(a *api.API) { a.Upstream = "" }, "upstream: ", "missing"},
		{"upstream without host", func(a *api.API) { a.Upstream = "http:///a" }, "upstream: ", "absolute URL"},
		{"upstream without scheme", func(a *api.API) { a.Upstream = "127.0.0.1:9000" }, "upstream: ", "absolute URL"},
		{"upstream by another scheme", func(a *api.API) { a.Upstream = "ftp://a.example" }, "upstream: ", "http or https"},
		{"upstream with a query", func(a *api.API) { a.Upstream = "http://a.example/?b=c" }, "upstream: ", "query"},
		{"upstream with an empty query", func(a *api.API) { a.Upstream = "http://a.example/?" }, "upstream: ", "query"},
		{"upstream with a fragment", func(a *api.API) { a.Upstream = "http://a.example/#b" }, "upstream: ", "fragment"},
		{"upstream with dots", func(a *api.API) { a.Upstream = "http://a.example/b/../c" }, "upstream: ", "dot segment"},
		{"unknown way in", func(a *api.API) { a.Auth = ways("cookie") }, `auth: "cookie"`, "bearer, keyed, keyless, none"},
		{"way in twice", func(a *api.API) { a.Auth = ways("bearer", "bearer") }, "auth: ", "twice"},
		{"scopes for nobody", func(a *api.API) { a.Auth = ways("bearer", "none") }, "auth: ", "remove"},
		{"scope with a space", func(a *api.API) { a.Scopes = []string{"a b"} }, `scopes: "a b"`, "ASCII"},
		{"scope twice", func(a *api.API) { a.Scopes = []string{"a", "a"} }, "scopes: ", "twice"},
		{"method in lower case", func(a *api.API) { a.Methods = map[string][]string{"get": nil} }, `methods: "get"`, "upper case"},
		{"method never forwarded", func(a *api.API) { a.Methods = map[string][]string{"CONNECT": nil} }, "methods: ", "remove"},
		{"scope of a method", func(a *api.API) { a.Methods = map[string][]string{"GET": {""}} }, "methods.GET: ", "ASCII"},
		{"unknown dialect", func(a *api.API) { a.Errors = "xyz" }, `errors: "xyz"`, "digirunner, ddi"},
		{"unknown policy", func(a *api.API) { a.Policies[0].Name = "xyz" }, `policies: "xyz"`, "limit, plain"},
		{"policy twice", func(a *api.API) { a.Policies[1] = a.Policies[0] }, "policies: ", "twice"},
		{"settings of a policy", func(a *api.API) { a.Policies[1].Settings = nil }, "policies.limit: rate: ", "10/s"},
	}
	for _, tt := range tests {
		refuses(t, tt.name, tt.edit, tt.want, tt.fix)
	}
}

func refuses(t *testing.T, name string, edit func(*api.API), want, fix string) {
	t.Run(name, func(t *testing.T) {
		a := valid()
		edit(a)
		err := api.Check(a, known())
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), fix) {
			t.Errorf("got %v, want %s…%s", err, want, fix)
		}
	})
}

func TestCheckKeepsThePasswordOfAnUpstream(t *testing.T) {
	for _, upstream := range []string{"http://me:hush@a.example/", "http://me:hush@a.example:x/", "http://me:hush%zz@a.example/"} {
		a := valid()
		a.Upstream = upstream
		if err := api.Check(a, known()); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", upstream, err)
		}
	}
}
