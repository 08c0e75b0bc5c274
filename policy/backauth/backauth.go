// Package backauth lets callers say with what credential the upstream is called, as digiRunner has it:
//
//	backAuth: true     the Authorization that the caller sent us
//	backAuth: VALUE    that value
//	id-token: TOKEN    "Bearer" and the token, before either
//
// Without this policy a credential that was for us goes no further. With it an upstream may get one that opens other APIs
// here, so it is for upstreams that are trusted with that. The fields themselves end here.
package backauth

import (
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"strings"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/token"
)

//go:embed settings.go
var source string

// The fields, as keys of a header.
const (
	authorization = "Authorization"
	backAuth      = "Backauth"
	idToken       = "Id-Token"
	tokenPayload  = "Tokenpayload"
)

type backauth struct {
	Settings
}

// Kind returns the policy.
func Kind() policy.Kind {
	return policy.Kind{Rank: policy.RankHeaders, Source: source, New: func(_ policy.Site, raw json.RawMessage) (policy.Policy, error) {
		p := &backauth{}
		if err := policy.Decode(raw, &p.Settings); err != nil {
			return nil, err
		}
		return p, nil
	}}
}

// Request implements policy.Policy.
func (p *backauth) Request(_ context.Context, c *policy.Call) error {
	own, err := take(c.Header, backAuth)
	if err != nil {
		return err
	}
	identity, err := take(c.Header, idToken)
	if err != nil {
		return err
	}
	c.Header.Del(tokenPayload) // a caller does not say what its token says
	switch {
	case identity != "":
		if strings.ContainsAny(identity, " \t,") {
			return malformed("The field id-token holds no token. Send the token alone.")
		}
		c.Header.Set(authorization, "Bearer "+identity)
	case strings.EqualFold(own, "true"):
		if c.Caller.Presented != "" {
			c.Header.Set(authorization, c.Caller.Presented)
		}
	case own != "":
		c.Header.Set(authorization, own)
	}
	if p.TokenPayload {
		if claims := payload(&c.Caller); claims != "" {
			c.Header.Set(tokenPayload, claims)
		}
	}
	return nil
}

// take takes a field out of the header.
func take(h policy.Header, name string) (string, error) {
	fields := h.Values(name)
	switch len(fields) {
	case 0:
		return "", nil
	case 1:
		value := strings.Trim(fields[0], " \t")
		h.Del(name)
		return value, nil
	}
	return "", malformed("The field " + name + " is there more than once. Send it once.")
}

func malformed(detail string) *policy.Refusal {
	return &policy.Refusal{Status: 400, Reason: oauth.RequestMalformed, Detail: detail}
}

// payload is what a caller's access token says: of a JWT (RFC 7519 section 3) its own words, of any other what it stands for.
func payload(c *policy.Caller) string {
	if c.Token == nil {
		return ""
	}
	if _, raw, ok := strings.Cut(c.Presented, " "); ok {
		if parts := strings.Split(strings.TrimLeft(raw, " "), "."); len(parts) == 3 {
			said, err := base64.RawURLEncoding.DecodeString(parts[1])
			if err == nil && len(said) > 0 && said[0] == '{' && json.Valid(said) {
				return parts[1]
			}
		}
	}
	said, err := json.Marshal(claimsOf(c.Token))
	if err != nil { // there is nothing in it that cannot be written
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(said)
}

// claims are named as in digiRunner's tokens.
type claims struct {
	Audience []string `json:"aud"`
	User     string   `json:"user_name,omitempty"`
	Scope    []string `json:"scope"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	Client   string   `json:"client_id"`
}

func claimsOf(a *token.Access) claims {
	return claims{
		Audience: append([]string{}, a.Audience...), User: a.User, Scope: append([]string{}, a.Scope...),
		Expires: a.ExpiresAt.Unix(), IssuedAt: a.IssuedAt.Unix(), ID: a.ID, Client: a.Client,
	}
}
