package realm

import (
	"fmt"
	"slices"
	"strings"
)

// A TrustedIssuer is another authorization server whose access tokens the gateway takes: JWTs in the manner of RFC 9068.
// Such a token acts as a client of the realm, has none but that client's scopes, and is good until it expires: nobody tells
// this server when it is revoked.
type TrustedIssuer struct {
	Issuer   string   `json:"issuer" yaml:"issuer"`                         // `iss` of its tokens, exactly
	JWKSURI  string   `json:"jwks_uri,omitempty" yaml:"jwks_uri,omitempty"` // where its keys are; default: as its metadata say (OpenID Connect Discovery section 4)
	Audience []string `json:"audience" yaml:"audience"`                     // any of these must be in `aud`
	Algs     []string `json:"algs,omitempty" yaml:"algs,omitempty"`         // signatures that it makes; default RS256, PS256, ES256 and EdDSA
	Client   string   `json:"client" yaml:"client"`                         // client that its tokens act as, or `claim:NAME` for the one that a claim names
	Scopes   string   `json:"scopes,omitempty" yaml:"scopes,omitempty"`     // claim that holds the scopes; default scope
	User     string   `json:"user,omitempty" yaml:"user,omitempty"`         // claim that names the user, told to the upstream as one of this realm's; default: nobody is named
}

// ClaimPrefix in front of a name says that a claim holds the value.
const ClaimPrefix = "claim:"

// foreignAlgs are the signatures that a trusted issuer may make. A MAC is none: what verifies it could make it.
var foreignAlgs = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// DefaultForeignAlgs are the signatures that are taken of an issuer that names none.
func DefaultForeignAlgs() []string { return []string{"RS256", "PS256", "ES256", "EdDSA"} }

// Check reports what is wrong with the settings, nil if nothing.
func (t *TrustedIssuer) Check() error {
	if t.Issuer == "" {
		return fmt.Errorf("issuer: is missing; write the `iss` of its tokens")
	}
	if err := checkIssuer(t.Issuer); err != nil {
		return err
	}
	if t.JWKSURI != "" {
		if err := checkIssuer(strings.SplitN(t.JWKSURI, "?", 2)[0]); err != nil || strings.Contains(t.JWKSURI, "#") {
			return fmt.Errorf("jwks_uri: %s is not a URL to fetch keys from; use https, or http on localhost", Show(t.JWKSURI))
		}
	}
	if len(t.Audience) == 0 || slices.Contains(t.Audience, "") {
		return fmt.Errorf("audience: is missing; name what `aud` says when a token is for this gateway, or any token of that issuer would do")
	}
	for _, a := range t.Algs {
		if !slices.Contains(foreignAlgs, a) {
			return fmt.Errorf("algs: %s is not a signature that is taken; use %s", Show(a), strings.Join(foreignAlgs, ", "))
		}
	}
	if name, isClaim := strings.CutPrefix(t.Client, ClaimPrefix); name == "" || len(t.Client) > 255 || !Printable(t.Client) {
		if isClaim {
			return fmt.Errorf("client: names no claim; write it like claim:azp")
		}
		return fmt.Errorf("client: is missing; name the client that tokens act as, or a claim, like claim:azp")
	}
	return nil
}

// checkTrusted holds the trusted issuers of a realm against each other and the realm's own.
func checkTrusted(r *Realm) error {
	for i := range r.TrustedIssuers {
		t := &r.TrustedIssuers[i]
		if err := t.Check(); err != nil {
			return fmt.Errorf("trusted_issuers: number %d: %w", i+1, err)
		}
		if t.Issuer == r.Issuer {
			return fmt.Errorf("trusted_issuers: %s is the realm itself, whose tokens are taken anyway; remove it", Show(t.Issuer))
		}
		if slices.ContainsFunc(r.TrustedIssuers[:i], func(o TrustedIssuer) bool { return o.Issuer == t.Issuer }) {
			return fmt.Errorf("trusted_issuers: %s is given twice; give it once", Show(t.Issuer))
		}
	}
	return nil
}
