package kustvakt

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sallyport/realm"
	"sallyport/scope"
)

// settings are what a realm may set for this door.
type settings struct {
	// ClientCredentialsScopes are the only scopes that client_credentials gives; others that are asked for are dropped.
	// Default: client_info.
	ClientCredentialsScopes []string `json:"client_credentials_scopes"`
}

// parseSettings reads a realm's settings. Nothing set is the product's own default.
func parseSettings(raw json.RawMessage) (settings, error) {
	s := settings{ClientCredentialsScopes: []string{"client_info"}}
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return s, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("kustvakt: %w; the one setting is client_credentials_scopes, a list of scope names", err)
	}
	for _, name := range s.ClientCredentialsScopes {
		if !scope.ValidName(name) {
			return s, fmt.Errorf("kustvakt: client_credentials_scopes: %.130q is not a scope name; use printable ASCII without space, quote or backslash", name)
		}
	}
	return s, nil
}

// clientCredentialsLimit is never nil, because a nil limit would be none.
func clientCredentialsLimit(r *realm.Realm) scope.Set {
	raw, _ := r.Opens(Name)
	s, err := parseSettings(raw)
	if err != nil || s.ClientCredentialsScopes == nil {
		return scope.Set{} // settings were checked when they were stored; whatever got past the check opens nothing
	}
	return s.ClientCredentialsScopes
}
