package mtls

import _ "embed"

// Source is the text of this file: the manual is made from its comment.
//
//go:embed settings.go
var Source string

// settings: there are none. The caller comes with a TLS client certificate that the server has checked against
// tls_client_ca, and that a client lists under certificates: by its SHA-256 or its subject. It has the client's scopes.
type settings struct{}
