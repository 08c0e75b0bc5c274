// Package api owns the registered API: a path (and host) that the gateway serves, where calls go, and what a caller must
// bring.
package api

import (
	"context"
	"encoding/json"
)

// An API is a registered API. A *API handed out is never modified.
type API struct {
	Realm string `json:"-"`
	Name  string `json:"name"`

	// Which calls it is for.
	Host    string      `json:"host,omitempty"`    // serves only this host name, or with "*." in front those one label below it; empty: any
	Path    string      `json:"path"`              // prefix that it serves, whole segments; a segment {name} is a parameter
	Exact   bool        `json:"exact,omitempty"`   // nothing below the path
	Headers []Condition `json:"headers,omitempty"` // it is for calls with all of these only; others may find another API of the same path
	Allow   []string    `json:"allow,omitempty"`   // methods that are served; empty: any
	Strip   bool        `json:"strip,omitempty"`   // the path is taken off before the call goes upstream
	Module  string      `json:"module,omitempty"`  // digiRunner's module name, for /tsmpc; empty: the first segment of the path

	// Who may call.
	Auth    []Policy            `json:"auth,omitempty"`    // any of these ways in; empty: bearer
	Scopes  []string            `json:"scopes,omitempty"`  // any of these opens it; empty: any valid credential
	Methods map[string][]string `json:"methods,omitempty"` // scopes by method, instead of Scopes ("GET": [read])
	Routes  []Route             `json:"routes,omitempty"`  // parts of it with rules of their own; the most specific counts
	Strict  bool                `json:"strict,omitempty"`  // nothing but the routes is served

	// What else a call meets, and where it goes.
	Policies []Policy `json:"policies,omitempty"` // in the order of the policies' own ranks
	Errors   string   `json:"errors,omitempty"`   // the dialect its refusals are written in; empty: RFC 6750 and problem+json
	Disabled bool     `json:"disabled,omitempty"` // registered, not served

	Upstream string   `json:"upstream,omitempty"` // http or https URL; or Targets. {name} in its path is a path parameter
	Targets  []Target `json:"targets,omitempty"`
	Upstreams
}

// A Policy names a policy or a way in and holds its settings, which only that policy's package understands.
type Policy struct {
	Name     string          `json:"name"`
	Settings json.RawMessage `json:"settings,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler: a name alone is a policy without settings.
func (p *Policy) UnmarshalJSON(text []byte) error {
	*p = Policy{}
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &p.Name)
	}
	type plain Policy
	return json.Unmarshal(text, (*plain)(p))
}

// A Condition is a header field that a call must have.
type Condition struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"` // exactly this; empty: any
}

// A Route is a part of an API with rules of its own.
type Route struct {
	Path    string      `json:"path"`              // below the API's path, which "/" is; a segment {name} is a parameter
	Exact   bool        `json:"exact,omitempty"`   // nothing below the path
	Allow   []string    `json:"allow,omitempty"`   // methods it is for; empty: any
	Headers []Condition `json:"headers,omitempty"` // it is for calls with all of these only
	Auth    []Policy    `json:"auth,omitempty"`    // instead of the API's; empty: the API's
	Scopes  []string    `json:"scopes,omitzero"`   // instead of the API's; nil: the API's, and empty: any valid credential

	Names []string `json:"-"` // of Auth, set by whoever compiles the route
}

// A Store keeps APIs.
type Store interface {
	// APIs returns every API of every realm.
	APIs(ctx context.Context) ([]*API, error)
}
