package gateway

import (
	"net/http"

	"sallyport/api"
)

// A Table is a table of its own, for tests of the matcher alone.
type Table struct{ t *table }

// NewTable compiles the APIs.
func NewTable(c Config, apis ...*api.API) Table { return Table{compile(apis, c)} }

// Match returns the name of the API, "" if there is none.
func (t Table) Match(realm, host, path string) (name string, ambiguous bool) {
	r, ambiguous := t.t.match(realm, host, path)
	if r == nil {
		return "", ambiguous
	}
	return r.api.Name, ambiguous
}

// Fault returns why the API that is found cannot be served, nil if it can.
func (t Table) Fault(realm, host, path string) error {
	r, _ := t.t.match(realm, host, path)
	return r.fault
}

// Target returns the path that is sent upstream.
func (t Table) Target(realm, host, path string) string {
	r, _ := t.t.match(realm, host, path)
	return r.target(path)
}

// Clean removes what a caller must not tell an upstream.
func Clean(h http.Header, overrides bool) { clean(h, overrides) }
