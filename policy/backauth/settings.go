package backauth

// Settings are what the upstream is told beside the call. With this policy callers say with what credential it is called, as
// digiRunner has it: the field "backAuth: true" passes the caller's own Authorization on, "backAuth: VALUE" sends that value
// in its place, and "id-token: TOKEN" sends a bearer token, before either. It is for upstreams that are trusted with
// credentials which open other APIs here.
type Settings struct {
	// TokenPayload adds the field tokenpayload: what the caller's access token says, as JSON in base64url without padding.
	// Calls with another credential have no such field.
	TokenPayload bool `json:"token_payload,omitempty"`
}
