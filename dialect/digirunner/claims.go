package digirunner

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// claims is what a JWT says about itself. Nothing is verified here: it serves to name a token in an error text, and to
// describe one that package token has verified already.
type claims struct {
	ID       string       `json:"jti"`
	Issuer   string       `json:"iss"`
	Client   string       `json:"client_id"`
	User     string       `json:"user_name"`
	IssuedAt int64        `json:"iat"`
	Expires  *json.Number `json:"exp"`
	Audience list         `json:"aud"`
	Provider string       `json:"idp_type"`

	read bool // there was a payload
}

// A list is a claim that is an array of strings, or one string (RFC 7519 section 4.1.3).
type list []string

// UnmarshalJSON implements json.Unmarshaler. What is neither is taken for none: it shall not hide the other claims.
func (l *list) UnmarshalJSON(raw []byte) error {
	var one string
	switch {
	case json.Unmarshal(raw, (*[]string)(l)) == nil:
	case json.Unmarshal(raw, &one) == nil:
		*l = list{one}
	default:
		*l = nil
	}
	return nil
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
