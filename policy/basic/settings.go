package basic

import _ "embed"

// Source is the text of this file: the manual is made from its comment.
//
//go:embed settings.go
var Source string

// settings: there are none. The caller sends the id and secret of a confidential client that may use the grant
// client_credentials, with every call: Authorization: Basic (RFC 7617). It has the client's scopes. Guesses are slowed down.
type settings struct{}
