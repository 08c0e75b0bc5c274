package bearer

import (
	"slices"
	"strings"
	"time"

	"sallyport/jose"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

// skew is how far another issuer's clock may be ahead of ours.
const skew = time.Minute

// scopes returns the scopes in a claim: a list, or one text with spaces between them.
func scopes(c jose.Claims, name string) (set scope.Set) {
	for _, text := range c.List(name) {
		for s := range strings.FieldsSeq(text) {
			if scope.ValidName(s) && !slices.Contains(set, s) {
				set = append(set, s)
			}
		}
	}
	return set
}

// access checks the claims of a token whose signature is right (RFC 9068 section 4), and says what it is here.
func access(c jose.Claims, t *realm.TrustedIssuer, now time.Time) (*token.Access, error) {
	a := &token.Access{ID: c.Text("jti"), Audience: c.List("aud"), Format: realm.JWT}
	var ok bool
	if a.ExpiresAt, ok = c.Time("exp"); !ok {
		return nil, bad("it has no exp")
	}
	if !now.Before(a.ExpiresAt) {
		return nil, oauth.Fail(oauth.TokenExpired, a.ID)
	}
	for _, name := range []string{"nbf", "iat", "auth_time"} {
		at, ok := c.Time(name)
		if c.Has(name) && !ok {
			return nil, bad("its %s is no date", name)
		}
		if at.After(now.Add(skew)) {
			return nil, bad("its %s is in the future", name)
		}
	}
	if !slices.ContainsFunc(a.Audience, func(for_ string) bool { return slices.Contains(t.Audience, for_) }) {
		return nil, bad("its aud is none of %v", t.Audience)
	}
	if c.Has("cnf") {
		// RFC 9449 section 7.1: without the proof it is a stolen token.
		return nil, bad("it is bound to a key of its holder, which is not proved here")
	}
	a.Client = t.Client
	if claim, is := strings.CutPrefix(t.Client, realm.ClaimPrefix); is {
		if a.Client = c.Text(claim); a.Client == "" {
			return nil, bad("its claim %s names no client", claim)
		}
	}
	if t.User != "" {
		a.User = c.Text(t.User)
	}
	name := t.Scopes
	if name == "" {
		name = "scope"
	}
	a.Scope = scopes(c, name)
	a.IssuedAt, _ = c.Time("iat")
	a.StartedAt = a.IssuedAt
	// RFC 9068 section 2.2.1: how the user signed in, where the issuer says it.
	if at, ok := c.Time("auth_time"); ok && a.User != "" {
		a.SignIn, a.StartedAt = &token.SignIn{At: at, ACR: c.Text("acr")}, at
	}
	return a, nil
}
