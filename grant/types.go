package grant

import (
	"maps"
	"slices"
)

// GrantTypes returns the grant types that the engine serves, in alphabetical order.
func (e *Engine) GrantTypes() []string { return slices.Sorted(maps.Keys(e.grants)) }

// Serves reports whether the engine serves a grant type, written exactly so.
func (e *Engine) Serves(grantType string) bool { return e.grants[grantType] != nil }
