package bearer

import _ "embed"

// Source is the text of this file: the manual is made from its comment.
//
//go:embed settings.go
var Source string

// settings: there are none. The caller sends an access token in the Authorization field (RFC 6750), of any form that this
// server issues, or a JWT of an issuer that the realm lists under trusted_issuers. Tokens in the query or the body are not
// looked at. A revoked token is refused at once.
type settings struct{}
