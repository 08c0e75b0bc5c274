package digirunner

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// claims is what a JWT says about itself. Nothing is verified here: it serves to name a token in an error text, and to
// describe one that package token has verified already.
type claims struct {
	ID       string          `json:"jti"`
	Issuer   string          `json:"iss"`
	Client   string          `json:"client_id"`
	User     string          `json:"user_name"`
	IssuedAt int64           `json:"iat"`
	Expires  *json.Number    `json:"exp"`
	Audience json.RawMessage `json:"aud"`

	read bool // there was a payload
}

// peek reads the payload of a JWT, zero claims if it cannot be read.
func peek(token string) claims {
	var c claims
	_, rest, ok := strings.Cut(token, ".")
	if !ok || len(rest) > maxQuotedToken*2 {
		return c
	}
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return claims{}
	}
	c.read = true
	return c
}

// audience is the "aud" claim as one text, its members separated by commas, which is how the product keeps it.
func (c claims) audience() string {
	var many []string
	if json.Unmarshal(c.Audience, &many) == nil {
		return strings.Join(many, ",")
	}
	var one string
	if json.Unmarshal(c.Audience, &one) == nil {
		return one
	}
	return ""
}
