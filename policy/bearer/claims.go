package bearer

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

// skew is how far another issuer's clock may be ahead of ours.
const skew = time.Minute

// claims are the claims of a JWT, by their exact names.
type claims map[string]json.RawMessage

// text returns a claim that is a string, "" if it is none.
func (c claims) text(name string) (s string) {
	if json.Unmarshal(c[name], &s) != nil {
		return ""
	}
	return s
}

// list returns a claim that is an array of strings, or one string.
func (c claims) list(name string) (list []string) {
	if json.Unmarshal(c[name], &list) == nil {
		return list
	}
	if s := c.text(name); s != "" {
		return []string{s}
	}
	return nil
}

// moment returns a NumericDate (RFC 7519 section 2).
func (c claims) moment(name string) (at time.Time, ok bool) {
	var seconds float64
	if raw := c[name]; len(raw) == 0 || string(raw) == "null" || json.Unmarshal(raw, &seconds) != nil || math.Abs(seconds) > 1e11 {
		return time.Time{}, false
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), true
}

// scopes returns the scopes in a claim: a list, or one text with spaces between them.
func (c claims) scopes(name string) (set scope.Set) {
	for _, text := range c.list(name) {
		for s := range strings.FieldsSeq(text) {
			if scope.ValidName(s) && !slices.Contains(set, s) {
				set = append(set, s)
			}
		}
	}
	return set
}

// access checks the claims of a token whose signature is right (RFC 9068 section 4), and says what it is here.
func (c claims) access(t *realm.TrustedIssuer, now time.Time) (*token.Access, error) {
	a := &token.Access{ID: c.text("jti"), Audience: c.list("aud"), Format: realm.JWT}
	var ok bool
	if a.ExpiresAt, ok = c.moment("exp"); !ok {
		return nil, bad("it has no exp")
	}
	if !now.Before(a.ExpiresAt) {
		return nil, oauth.Fail(oauth.TokenExpired, a.ID)
	}
	for _, name := range []string{"nbf", "iat"} {
		at, ok := c.moment(name)
		if _, there := c[name]; there && !ok {
			return nil, bad("its %s is no date", name)
		}
		if at.After(now.Add(skew)) {
			return nil, bad("its %s is in the future", name)
		}
	}
	if !slices.ContainsFunc(a.Audience, func(for_ string) bool { return slices.Contains(t.Audience, for_) }) {
		return nil, bad("its aud is none of %v", t.Audience)
	}
	if _, bound := c["cnf"]; bound {
		// RFC 9449 section 7.1: without the proof it is a stolen token.
		return nil, bad("it is bound to a key of its holder, which is not proved here")
	}
	a.Client = t.Client
	if claim, is := strings.CutPrefix(t.Client, realm.ClaimPrefix); is {
		if a.Client = c.text(claim); a.Client == "" {
			return nil, bad("its claim %s names no client", claim)
		}
	}
	if t.User != "" {
		a.User = c.text(t.User)
	}
	name := t.Scopes
	if name == "" {
		name = "scope"
	}
	a.Scope = c.scopes(name)
	a.IssuedAt, _ = c.moment("iat")
	a.StartedAt = a.IssuedAt
	return a, nil
}
