package match

import (
	"slices"

	"sallyport/api"
	"sallyport/policy"
)

// Routes finds the routes of one API. It is never modified.
type Routes struct {
	tree    tree[*api.Route]
	methods []string // that any route names, sorted
	none    bool
}

// NewRoutes makes ready the routes of an API. Faults count by their places in the API.
func NewRoutes(routes []api.Route) (*Routes, []Fault) {
	r := &Routes{none: len(routes) == 0}
	var faults []Fault
	for i, route := range routes { // copies: what an API says is never modified
		route.Names = nil
		for _, way := range route.Auth {
			route.Names = append(route.Names, way.Name)
		}
		r.methods = append(r.methods, route.Allow...)
		l := &leaf[*api.Route]{entry: i, value: &route, exact: route.Exact, methods: route.Allow}
		faults = r.tree.add(route.Path, l, route.Headers, faults)
	}
	slices.Sort(r.methods)
	r.methods = slices.Compact(r.methods)
	return r, faults
}

// Find returns the route for what follows the API's path, which is Match.End of the API. NotAllowed means that there are
// routes for other methods only.
func (r *Routes) Find(method, rest string, header policy.Header, params []policy.Param) Match[*api.Route] {
	if r.none {
		return Match[*api.Route]{Params: params}
	}
	return r.tree.find(method, rest, header, params)
}

// Allowed returns the methods for which there is a route, sorted, for the Allow field of an answer (RFC 9110 section
// 10.2.1).
func (r *Routes) Allowed(rest string, header policy.Header) []string {
	var methods []string
	for _, m := range r.methods {
		if r.Find(m, rest, header, nil).Outcome == Found {
			methods = append(methods, m)
		}
	}
	if slices.Contains(methods, "GET") && !slices.Contains(methods, "HEAD") {
		methods = slices.Insert(methods, slices.Index(methods, "GET")+1, "HEAD")
	}
	return methods
}
