package policy

import (
	"strings"

	"sallyport/expression"
)

// variables are a call as expressions see it.
type variables struct{ call *Call }

var _ expression.Call = variables{}

// Text implements expression.Call.
func (v variables) Text(name string) string {
	c := v.call
	switch name {
	case "method":
		return c.Method
	case "host":
		return c.Host
	case "path":
		return c.Path
	case "query":
		return c.Query
	case "address":
		return c.Source.String()
	case "realm":
		return c.Realm.Name
	case "api":
		return c.API.Name
	case "client":
		return c.Caller.Client
	case "user":
		return c.Caller.User
	case "credential":
		return c.Caller.Credential
	}
	return ""
}

// Scopes implements expression.Call.
func (v variables) Scopes() []string { return v.call.Caller.Scope }

// Header implements expression.Call.
func (v variables) Header(name string) (string, bool) {
	values := v.call.Header.Values(name)
	return strings.Join(values, ","), len(values) > 0
}

// Param implements expression.Call.
func (v variables) Param(name string) (string, bool) {
	for _, p := range v.call.Params {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}
