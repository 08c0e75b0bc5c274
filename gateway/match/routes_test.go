package match_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/gateway/match"
	"sallyport/policy"
)

// route reads "GET,POST /items/{id}$" with its scopes.
func route(line string, conditions ...api.Condition) api.Route {
	methods, path, found := strings.Cut(line, " ")
	if !found {
		methods, path = "", line
	}
	r := api.Route{Headers: conditions, Scopes: []string{line}}
	r.Path, r.Exact = strings.CutSuffix(path, "$")
	if methods != "" {
		r.Allow = strings.Split(methods, ",")
	}
	return r
}

func TestRoutes(t *testing.T) {
	routes, faults := match.NewRoutes([]api.Route{
		route("/items"), route("GET /items/{id}$"), route("DELETE,PUT /items/{id}"), route("GET /items/new"),
		route("GET /head"), route("HEAD /head"), route("POST /"), route("PATCH /", api.Condition{Name: "x-why"}),
		route("GET /only/{a}"),
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	before := []policy.Param{{Name: "tenant", Value: "t1"}}
	tests := []struct {
		method, rest string
		sent         []string
		want         string
		outcome      match.Outcome
		allowed      string
	}{
		{"GET", "/items", nil, "/items", match.Found, ""},
		{"GET", "/items/5", nil, "GET /items/{id}$ id:5", match.Found, ""},
		{"HEAD", "/items/5", nil, "GET /items/{id}$ id:5", match.Found, ""},
		{"GET", "/items/5/x", nil, "/items", match.Found, ""},
		{"PUT", "/items/5/x", nil, "DELETE,PUT /items/{id} id:5", match.Found, ""},
		{"DELETE", "/items/new", nil, "DELETE,PUT /items/{id} id:new", match.Found, ""},
		{"PATCH", "/items/5", nil, "/items", match.Found, ""},
		{"GET", "/items/new", nil, "GET /items/new", match.Found, ""},
		{"GET", "/head", nil, "GET /head", match.Found, ""},
		{"HEAD", "/head", nil, "HEAD /head", match.Found, ""},
		{"POST", "", nil, "POST /", match.Found, ""},
		{"POST", "/", nil, "POST /", match.Found, ""},
		{"GET", "", nil, "", match.NotAllowed, "POST"},
		{"PATCH", "/x", nil, "", match.NotAllowed, "POST"},
		{"PATCH", "/x", []string{"X-Why=5"}, "PATCH /", match.Found, ""},
		{"GET", "/x", []string{"X-Why=5"}, "", match.NotAllowed, "PATCH, POST"},
		{"DELETE", "/only/5", nil, "", match.NotAllowed, "GET, HEAD, POST"},
		{"GET", "/only/5;x", nil, "GET /only/{a} a:5;x", match.Found, ""},
		{"GET", "/items/new;x", nil, "", match.Ambiguous, ""},
		{"GET", "/items;x/5", nil, "", match.Ambiguous, ""},
	}
	for _, tt := range tests {
		m := routes.Find(tt.method, tt.rest, header(tt.sent...), before)
		got := ""
		if m.Outcome == match.Found {
			got = m.Value.Scopes[0]
			for _, p := range m.Params[1:] {
				got += " " + p.Name + ":" + p.Value
			}
		}
		if got != tt.want || m.Outcome != tt.outcome || m.Params[0] != before[0] {
			t.Errorf("%s %s: %q (%d), want %q (%d)", tt.method, tt.rest, got, m.Outcome, tt.want, tt.outcome)
		}
		if m.Outcome == match.NotAllowed {
			if got := strings.Join(routes.Allowed(tt.rest, header(tt.sent...)), ", "); got != tt.allowed {
				t.Errorf("%s: Allow: %s, want %s", tt.rest, got, tt.allowed)
			}
		}
	}
}

func TestNoRoutes(t *testing.T) {
	routes, _ := match.NewRoutes(nil)
	if m := routes.Find("GET", "/x;y", header(), nil); m.Outcome != match.None {
		t.Errorf("%+v", m)
	}
}

func TestRouteFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		routes []api.Route
		want   int
	}{
		{"a method twice", []api.Route{route("GET,POST /a"), route("PUT,POST /a")}, 2},
		{"any twice", []api.Route{route("/a/{x}"), route("/a/{y}")}, 2},
		{"other methods", []api.Route{route("GET /a"), route("POST /a"), route("/a"), route("HEAD /a")}, 0},
	} {
		if _, faults := match.NewRoutes(tt.routes); len(faults) != tt.want {
			t.Errorf("%s: %v", tt.name, faults)
		}
	}
}

// What an API says is never modified, and a route knows its ways in by name.
func TestRoutesAreCopies(t *testing.T) {
	list := []api.Route{{Path: "/a", Auth: []api.Policy{{Name: "apikey"}, {Name: "none"}}}}
	routes, _ := match.NewRoutes(list)
	got := routes.Find("GET", "/a", header(), nil).Value
	if diff := cmp.Diff([]string{"apikey", "none"}, got.Names); diff != "" || got == &list[0] || list[0].Names != nil {
		t.Errorf("%s, %+v", diff, list)
	}
}
