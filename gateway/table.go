package gateway

import (
	"errors"
	"fmt"

	"sallyport/api"
	"sallyport/gateway/match"
)

// A table finds the API of a call. It is never modified.
type table struct {
	match *match.Table[*route]
	all   []*route
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
	m.finish()
	return t
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
