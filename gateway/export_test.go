package gateway

import (
	"log/slog"
	"net/http"
	"net/netip"

	"sallyport/api"
	"sallyport/gateway/match"
	"sallyport/gateway/upstream"
)

// A Table is a table of its own, for tests of the matcher alone.
type Table struct{ t *table }

// NewTable compiles the APIs.
func NewTable(c Config, apis ...*api.API) Table {
	m := newCompiler(c, upstream.New(upstream.Config{Log: slog.New(slog.DiscardHandler)}))
	return Table{m.compile(apis)}
}

func (t Table) find(realm, host, path string, header http.Header) match.Match[*route] {
	return t.t.match.Find(realm, host, path, header, nil)
}

// Match returns the name of the API, "" if there is none.
func (t Table) Match(realm, host, path string) (name string, ambiguous bool) {
	m := t.find(realm, host, path, nil)
	if m.Value == nil {
		return "", m.Outcome == match.Ambiguous
	}
	return m.Value.api.Name, m.Outcome == match.Ambiguous
}

// Fault returns why the API that is found cannot be served, nil if it can.
func (t Table) Fault(realm, host, path string) error {
	return t.find(realm, host, path, nil).Value.fault
}

// Target returns the path that is sent upstream.
func (t Table) Target(realm, host, path string) string {
	m := t.find(realm, host, path, nil)
	target, err := m.Value.group.Pick(netip.Addr{}, "", nil)
	if err != nil {
		return err.Error()
	}
	return m.Value.target(target, path, m.End, m.Params)
}

// Clean removes what a caller must not tell an upstream.
func Clean(h http.Header, overrides bool) (websocket bool) {
	websocket = clean(h)
	if overrides {
		removeOverrides(h)
	}
	return websocket
}
