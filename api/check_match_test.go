package api_test

import (
	"strings"
	"testing"

	"sallyport/api"
)

func TestCheckRefusesMatches(t *testing.T) {
	conditions := func(list ...api.Condition) func(*api.API) { return func(a *api.API) { a.Headers = list } }
	for _, tt := range []struct {
		name string
		edit func(*api.API)
		want string
		fix  string
	}{
		{"every host", func(a *api.API) { a.Host = "*" }, `host: "*"`, "*.example.org"},
		{"every host below a top", func(a *api.API) { a.Host = "*.org" }, `host: "*.org"`, "*.example.org"},
		{"a star in the middle", func(a *api.API) { a.Host = "a.*.org" }, "host: ", "*.example.org"},
		{"part of a segment", func(a *api.API) { a.Path = "/a/x{id}" }, "path: ", "whole segment"},
		{"a parameter without a name", func(a *api.API) { a.Path = "/a/{}" }, "path: ", "whole segment"},
		{"a parameter with a pattern", func(a *api.API) { a.Path = "/a/{id:[0-9]+}" }, "path: ", "whole segment"},
		{"a parameter twice", func(a *api.API) { a.Path = "/a/{id}/{id}" }, "path: ", "same name"},
		{"a parameter and another spelling", func(a *api.API) { a.Path = "/%61/{id}" }, "path: ", `write "/a/{id}"`},
		{"a parameter and a slash", func(a *api.API) { a.Path = "/a/{id}/" }, "path: ", `write "/a/{id}"`},
		{"a field with a space", conditions(api.Condition{Name: "a b"}), `headers: "a b"`, "hyphens"},
		{"a field without a name", conditions(api.Condition{}), "headers: ", "hyphens"},
		{"the host", conditions(api.Condition{Name: "host"}), "headers: Host", "`host`"},
		{"a field twice", conditions(api.Condition{Name: "x", Value: "1"}, api.Condition{Name: "X", Value: "2"}), "headers: X", "remove one"},
		{"a value with a line end", conditions(api.Condition{Name: "x", Value: "a\nb"}), "headers: ", "printable"},
		{"a value with a space", conditions(api.Condition{Name: "x", Value: " a"}), "headers: ", "space"},
		{"many conditions", conditions(make([]api.Condition, 9)...), "headers: 9", "at most 8"},
		{"allow in lower case", func(a *api.API) { a.Allow = []string{"get"} }, `allow: "get"`, "upper case"},
		{"allow twice", func(a *api.API) { a.Allow = []string{"GET", "GET"} }, "allow: ", "remove one"},
		{"allow what is never forwarded", func(a *api.API) { a.Allow = []string{"TRACE"} }, "allow: ", "remove it"},
		{"a module with a slash", func(a *api.API) { a.Module = "a/b" }, `module: "a/b"`, "letters"},
		{"strict without routes", func(a *api.API) { a.Strict = true }, "strict: ", "add routes"},
	} {
		refuses(t, tt.name, tt.edit, tt.want, tt.fix)
	}
}

func TestCheckRefusesRoutes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		routes []api.Route
		want   string
		fix    string
	}{
		{"no path", []api.Route{{}}, "routes[0].path: ", "begin with a slash"},
		{"a path that is not simple", []api.Route{{Path: "/"}, {Path: "/a/../b"}}, "routes[1].path: ", "dot segment"},
		{"a parameter of the API", []api.Route{{Path: "/{id}"}}, "routes[0].path: {id}", "another name"},
		{"a path twice", []api.Route{{Path: "/a"}, {Path: "/a"}}, `routes[1].path: "/a" is also the path of routes[0]`, "remove one"},
		{"a path twice by other names", []api.Route{{Path: "/{a}", Allow: []string{"GET"}}, {Path: "/{b}", Allow: []string{"POST", "GET"}}}, "routes[1].path: ", "other methods"},
		{"conditions twice", []api.Route{
			{Path: "/a", Headers: []api.Condition{{Name: "x"}, {Name: "y", Value: "1"}}},
			{Path: "/a", Headers: []api.Condition{{Name: "Y", Value: "1"}, {Name: "X"}}},
		}, "routes[1].path: ", "remove one"},
		{"a condition", []api.Route{{Path: "/", Headers: []api.Condition{{Name: "é"}}}}, "routes[0].headers: ", "hyphens"},
		{"a method", []api.Route{{Path: "/", Allow: []string{"Get"}}}, "routes[0].allow: ", "upper case"},
		{"a method that the API has not", []api.Route{{Path: "/", Allow: []string{"PUT"}}}, "routes[0].allow: the API does not serve PUT", "add it"},
		{"a way in", []api.Route{{Path: "/", Auth: ways("cookie")}}, "routes[0].auth: ", "use one of"},
		{"settings of a way in", []api.Route{{Path: "/", Auth: ways("keyed")}}, "routes[0].auth.keyed: header: ", "name one"},
		{"other settings", []api.Route{{Path: "/", Auth: []api.Policy{{Name: "bearer", Settings: []byte(`{"a":1}`)}}}}, `routes[0].auth: "bearer" has other settings`, "the same"},
		{"a scope", []api.Route{{Path: "/", Scopes: []string{"a b"}}}, "routes[0].scopes: ", "ASCII"},
		{"open, with scopes", []api.Route{{Path: "/", Auth: ways("none"), Scopes: []string{"a"}}}, "routes[0].auth: ", "remove"},
		{"half open, with the scopes of the API", []api.Route{{Path: "/", Auth: ways("bearer", "none")}}, "routes[0].auth: ", "scopes: []"},
		{"a thousand and one", make([]api.Route, 1001), "routes: 1001", "at most 1000"},
	} {
		refuses(t, tt.name, func(a *api.API) { a.Path, a.Allow, a.Routes = "/x/{id}", []string{"GET", "POST"}, tt.routes }, tt.want, tt.fix)
	}
}

func TestDoor(t *testing.T) {
	base := &api.API{Host: "A.org", Path: "/x/{id}", Headers: []api.Condition{{Name: "b", Value: "1"}, {Name: "A"}}}
	same := &api.API{Host: "a.org", Path: "/x/{other}", Headers: []api.Condition{{Name: "a"}, {Name: "B", Value: "1"}}, Name: "other", Allow: []string{"GET"}}
	if base.Door() != same.Door() {
		t.Errorf("%q and %q", base.Door(), same.Door())
	}
	for _, other := range []*api.API{
		{Path: base.Path, Headers: base.Headers}, {Host: "a.org", Path: "/x/id", Headers: base.Headers}, {Host: "a.org", Path: base.Path},
		{Host: "a.org", Path: base.Path, Headers: base.Headers, Exact: true},
		{Host: "a.org", Path: base.Path, Headers: []api.Condition{{Name: "b", Value: "2"}, {Name: "A"}}},
	} {
		if other.Door() == base.Door() {
			t.Errorf("%+v has the same door", other)
		}
	}
}

func TestAllows(t *testing.T) {
	for _, tt := range []struct {
		list   []string
		method string
		want   bool
	}{
		{nil, "PURGE", true}, {[]string{"GET"}, "GET", true}, {[]string{"GET"}, "HEAD", true}, {[]string{"GET"}, "POST", false},
		{[]string{"POST"}, "HEAD", false}, {[]string{"GET"}, "get", false},
	} {
		if got := api.Allows(tt.list, tt.method); got != tt.want {
			t.Errorf("%v %s: %v", tt.list, tt.method, got)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"/", "/a/{id}", "/{a}/{a}", "/%61/{b}", "/{", "/{}", "/a;b/{c}", "/-/{x}", "/{a}/../{b}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		names, simplest, err := api.ParsePattern(path)
		if err != nil {
			if simplest == "" {
				return
			}
			// What is proposed instead is good, and means the same.
			again, same, err := api.ParsePattern(simplest)
			if err != nil || same != simplest || len(again) != len(names) {
				t.Fatalf("%q: write %q, which is %v", path, simplest, err)
			}
			return
		}
		segments := strings.Split(path, "/")
		for i, s := range segments {
			if name, ok := api.Parameter(s); ok {
				if names[0] != name {
					t.Fatalf("%q: %v", path, names)
				}
				names, segments[i] = names[1:], "v"
			}
		}
		// With something in its places it is a path of which there is one spelling.
		plain := strings.Join(segments, "/")
		if got, err := api.ParsePath(plain); err != nil || got != plain || len(names) > 0 {
			t.Fatalf("%q as %q: %q, %v, %v", path, plain, got, err, names)
		}
	})
}
