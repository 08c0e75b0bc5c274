package digirunner

import (
	"encoding/json"
	"strings"
)

// discovered is the metadata of one kind of sign-in (OpenID Connect Discovery section 3), in wire order. The members after
// CodeChallengeMethods are not the product's, but required.
type discovered struct {
	Issuer               string   `json:"issuer"`
	Authorization        string   `json:"authorization_endpoint"`
	Token                string   `json:"token_endpoint"`
	UserInfo             string   `json:"userinfo_endpoint"`
	Keys                 string   `json:"jwks_uri"`
	IDTokenAlgs          []string `json:"id_token_signing_alg_values_supported"`
	Scopes               []string `json:"scopes_supported"`
	CodeChallengeMethods []string `json:"code_challenge_methods_supported"`
	ResponseTypes        []string `json:"response_types_supported"`
	SubjectTypes         []string `json:"subject_types_supported"`
}

// discovery serves the metadata of a kind of sign-in, under its two paths. They name one issuer, which is what ID tokens say.
func (f *front) discovery(provider string) func(*call) error {
	return func(c *call) error {
		base := strings.TrimSuffix(c.realm.Issuer, "/")
		body, err := json.Marshal(discovered{
			Issuer:               issuers(c.realm) + "/" + provider,
			Authorization:        base + authorizePath(provider),
			Token:                base + "/oauth/token",
			UserInfo:             base + userinfoPath,
			Keys:                 base + keysPath,
			IDTokenAlgs:          []string{"RS256"},
			Scopes:               signInScopes,
			CodeChallengeMethods: []string{"S256"},
			ResponseTypes:        []string{"code"},
			SubjectTypes:         []string{"public"},
		})
		if err != nil {
			return err
		}
		publish(c.w, "application/json", body)
		return nil
	}
}

// refuseElsewhere answers for a kind of sign-in that no realm has.
func refuseElsewhere(provider string) func(*call) error {
	return func(*call) error { return notServed(provider) }
}
