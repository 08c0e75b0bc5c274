package gateway

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"sallyport/api"
	"sallyport/gateway/match"
)

// A table finds the API of a call. It is never modified.
type table struct {
	match *match.Table[*route]
	all   []*route
	names map[siteKey]*route
	seen  uint64 // how much news it has taken into account
}

// compile makes a table. What is wrong with an API is in its route.
func (m *compiler) compile(apis []*api.API) *table {
	t := &table{all: make([]*route, len(apis))}
	entries := make([]match.Entry[*route], len(apis))
	for i, a := range apis {
		t.all[i] = m.route(a)
		entries[i] = match.Entry[*route]{Realm: a.Realm, Host: a.Host, Path: a.Path, Exact: a.Exact, Headers: a.Headers, Value: t.all[i]}
	}
	var faults []match.Fault
	t.match, faults = match.New(entries)
	if len(faults) > 0 {
		for _, f := range faults {
			err := f.Err
			if f.Twin >= 0 {
				err = fmt.Errorf("%w: %q has it too", err, apis[f.Twin].Name)
			}
			// The route itself may be in other tables, in which there is nothing wrong with it.
			faulty := *t.all[f.Entry]
			faulty.fault = errors.Join(faulty.fault, err)
			t.all[f.Entry], entries[f.Entry].Value = &faulty, &faulty
		}
		t.match, _ = match.New(entries)
	}
	t.names = make(map[siteKey]*route, len(t.all))
	for _, r := range t.all {
		t.names[siteKey{r.api.Realm, r.api.Name}] = r
	}
	m.finish()
	return t
}

// named returns the API that a path "/MODULE/NAME" and what follows is for, and the path that the API is called by
// otherwise. Who finds something else under that path must not serve the call. An API is not called so if its own path has
// parameters, for which there would be no values.
func (t *table) named(realm, path string) (string, *route) {
	module, rest, _ := strings.Cut(path[1:], "/")
	name, rest, more := strings.Cut(rest, "/")
	r := t.names[siteKey{realm, unescaped(name)}]
	if r == nil || strings.Contains(r.api.Path, "{") || unescaped(module) != r.api.ModuleName() {
		return "", nil
	}
	own := r.api.Path
	if more {
		own = strings.TrimSuffix(own, "/") + "/" + rest
	}
	return own, r
}

// unescaped returns what a segment of a parsed path says.
func unescaped(segment string) string {
	if plain, err := url.PathUnescape(segment); err == nil {
		return plain
	}
	return segment
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
