package backauth

// Settings are what the upstream is told beside.
type Settings struct {
	// TokenPayload adds the field tokenpayload: what the caller's access token says, as JSON in base64url without padding.
	// Calls with another credential have no such field.
	TokenPayload bool `json:"token_payload,omitempty"`
}
