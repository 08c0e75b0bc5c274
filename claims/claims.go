// Package claims owns what is told about a user: which claims a scope opens (OpenID Connect Core section 5.4), which were asked
// for one by one (section 5.5), what a client has mapped by expressions of its own, and under which name the user is known to a
// client (section 8).
//
// It refuses to say what nobody asked for: an attribute of a user that is no standard claim is told only by an expression that
// an operator wrote. An expression cannot speak for the server: who issued a token, for whom and for how long is not for it to
// say.
package claims

import "encoding/json"

// A Request is the claims parameter of an authorization request (OpenID Connect Core section 5.5).
type Request struct {
	UserInfo map[string]*Ask `json:"userinfo,omitempty"`
	IDToken  map[string]*Ask `json:"id_token,omitempty"`
}

// An Ask is how one claim is asked for; nil: as any other. An essential acr or sub that cannot be met ends the request; every
// other claim is told if there is one.
type Ask struct {
	Essential bool              `json:"essential,omitempty"`
	Value     json.RawMessage   `json:"value,omitempty"`
	Values    []json.RawMessage `json:"values,omitempty"`
}
