package bearer

import (
	_ "embed"

	"sallyport/realm"
)

// Source is the text of this file: the manual is made from its comment.
//
//go:embed settings.go
var Source string

// settings are what an API says about access tokens. The caller sends one in the Authorization field (RFC 6750), of any form
// that this server issues, or a JWT of an issuer that the realm lists under trusted_issuers. Tokens in the query or the body are
// not looked at. A revoked token is refused at once. With acr or max_age, a token behind which there is no such sign-in is
// refused with insufficient_user_authentication, and a client that knows RFC 9470 sends its user to sign in better or anew.
type settings struct {
	// ACR is how well the user must have signed in: 1 (one factor), 2 (two factors) or phr (a passkey with user verification),
	// each of which is met by those after it; or a class of another issuer, which is met by itself alone. If it is not given,
	// any token will do, also one without a user.
	ACR string `json:"acr,omitempty"`
	// MaxAge is how long ago the sign-in may have been, such as 5m. Any time ago if it is not given.
	MaxAge realm.Duration `json:"max_age,omitempty"`
}
