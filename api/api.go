// Package api owns the registered API: a path (and host) that the gateway serves, where calls go, and what a caller must
// bring.
package api

import (
	"context"
	"encoding/json"
)

// An API is a registered API. A *API handed out is never modified.
type API struct {
	Realm string `json:"-" yaml:"-"`
	Name  string `json:"name" yaml:"name"`

	Host     string   `json:"host,omitempty" yaml:"host,omitempty"`         // serves only this host name; empty: any
	Path     string   `json:"path" yaml:"path"`                             // prefix that it serves, whole segments
	Strip    bool     `json:"strip,omitempty" yaml:"strip,omitempty"`       // the prefix is taken off before the call goes upstream
	Upstream string   `json:"upstream" yaml:"upstream"`                     // http or https URL
	Auth     []string `json:"auth,omitempty" yaml:"auth,omitempty"`         // any of these ways in; empty: bearer
	Scopes   []string `json:"scopes,omitempty" yaml:"scopes,omitempty"`     // any of these opens it; empty: any valid credential
	Errors   string   `json:"errors,omitempty" yaml:"errors,omitempty"`     // the dialect its refusals are written in; empty: RFC 6750 and problem+json
	Disabled bool     `json:"disabled,omitempty" yaml:"disabled,omitempty"` // registered, not served

	Methods  map[string][]string `json:"methods,omitempty" yaml:"methods,omitempty"`   // scopes by method, instead of Scopes ("GET": [read])
	Policies []Policy            `json:"policies,omitempty" yaml:"policies,omitempty"` // in the order of the policies' own ranks
}

// A Policy names a policy and holds its settings, which only that policy's package understands.
type Policy struct {
	Name     string          `json:"name"`
	Settings json.RawMessage `json:"settings,omitempty"`
}

// A Store keeps APIs.
type Store interface {
	// APIs returns every API of every realm.
	APIs(ctx context.Context) ([]*API, error)
}
