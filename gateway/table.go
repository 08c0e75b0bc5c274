package gateway

import (
	"errors"
	"fmt"

	"sallyport/api"
	"sallyport/gateway/match"
	"sallyport/policy"
)

// A table finds the API of a call. It is never modified.
type table struct {
	match *match.Table[*route]
	all   []*route
	seen  uint64 // how much news it has taken into account
}

// compile makes a table. What is wrong with an API is in its route.
func compile(apis []*api.API, c Config) *table {
	t := &table{all: make([]*route, len(apis))}
	entries := make([]match.Entry[*route], len(apis))
	for i, a := range apis {
		r := compileRoute(a, c)
		t.all[i] = r
		entries[i] = match.Entry[*route]{Realm: a.Realm, Host: a.Host, Path: a.Path, Exact: a.Exact, Headers: a.Headers, Value: r}
	}
	var faults []match.Fault
	t.match, faults = match.New(entries)
	for _, f := range faults {
		err := f.Err
		if f.Twin >= 0 {
			err = fmt.Errorf("%w: %q has it too", err, apis[f.Twin].Name)
		}
		t.all[f.Entry].fault = errors.Join(t.all[f.Entry].fault, err)
	}
	return t
}

// find returns the route of a path.
func (t *table) find(realm, host, path string, header policy.Header, params []policy.Param) match.Match[*route] {
	return t.match.Find(realm, host, path, header, params)
}

// compileParts makes ready what an API says of its parts.
func compileParts(a *api.API) (*match.Routes, error) {
	parts, faults := match.NewRoutes(a.Routes)
	var errs []error
	for _, f := range faults {
		errs = append(errs, fmt.Errorf("routes[%d]: %w", f.Entry, f.Err))
	}
	return parts, errors.Join(errs...)
}
