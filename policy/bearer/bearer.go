// Package bearer is the way in by an access token in the Authorization header (RFC 6750 section 2.1). It refuses tokens in
// the query and in the body (section 2.2 and 2.3), where they end up in logs and caches: it does not look there.
//
// Beside the realm's own tokens it takes those of issuers that the realm trusts: JWTs verified by the keys those publish
// (RFC 7517), for an audience and with signatures that were written down beforehand.
//
// An API may want the user behind a token to have signed in well, or of late; a token that falls short is refused in the way of
// RFC 9470, so that the client knows what to ask for.
package bearer

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/token"
)

const (
	scheme        = "Bearer"
	authorization = "Authorization"
)

// A Verifier says whether an access token is good. The error is an *oauth.Error: TokenMalformed, TokenExpired or
// TokenRevoked if the token is not, anything else if that could not be found out.
type Verifier interface {
	Verify(ctx context.Context, r *realm.Realm, raw string) (*token.Access, error)
}

type bearer struct {
	settings
	tokens  Verifier
	issuers *Issuers
}

// Kind returns the way in. Issuers verify the tokens of others.
func Kind(tokens Verifier, issuers *Issuers) policy.Kind {
	return policy.Kind{Source: Source, New: func(_ policy.Site, given json.RawMessage) (policy.Policy, error) {
		b := &bearer{tokens: tokens, issuers: issuers}
		if err := policy.Decode(given, &b.settings); err != nil {
			return nil, err
		}
		if err := b.check(); err != nil {
			return nil, err
		}
		return b, nil
	}}
}

// Request implements policy.Policy.
func (b *bearer) Request(ctx context.Context, c *policy.Call) error {
	raw, err := credential(c.Header)
	if err != nil {
		return err
	}
	access, err := b.verify(ctx, c.Realm, raw)
	if err != nil {
		// What is not well-formed is no token, so there is no need to look at each letter of one that is good.
		if !isToken68(raw) {
			return malformed("The Authorization header holds no well-formed token. Send \"Bearer\", a space and the token.")
		}
		return refuse(err)
	}
	if err := b.strongEnough(c, access); err != nil {
		return err
	}
	c.Caller = policy.Caller{Client: access.Client, User: access.User, Scope: access.Scope, Scheme: scheme, Presented: c.Header.Get(authorization), Credential: access.ID, Token: access, Slots: &access.Slots}
	// The token was for us. An upstream that got it could use it here in the caller's name.
	c.Header.Del(authorization)
	return nil
}

// Forget implements policy.Forgetter.
func (b *bearer) Forget(c *policy.Call) { policy.ForgetScheme(c.Header, scheme) }

func (b *bearer) verify(ctx context.Context, r *realm.Realm, raw string) (*token.Access, error) {
	if len(r.TrustedIssuers) > 0 {
		if access, ours, err := b.issuers.verify(ctx, r, raw); ours || err != nil {
			return access, err
		}
	}
	return b.tokens.Verify(ctx, r, raw)
}

// credential reads the token from the header.
func credential(h policy.Header) (string, error) {
	fields := h.Values(authorization)
	switch {
	case len(fields) == 0:
		return "", missing()
	case len(fields) > 1:
		return "", malformed("The Authorization header is there more than once. Send one.")
	}
	// RFC 9110 section 11.1: the name of a scheme compares without case.
	name, raw, _ := strings.Cut(strings.Trim(fields[0], " \t"), " ")
	if !strings.EqualFold(name, scheme) {
		return "", missing()
	}
	return strings.TrimLeft(raw, " "), nil
}

// isToken68 reports whether s has the grammar of a credential (b64token, RFC 6750 section 2.1).
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	if body == "" {
		return false
	}
	for i := range len(body) {
		switch c := body[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}

// missing refuses without an error code: the caller may not know yet that a token is wanted (RFC 6750 section 3.1).
func missing() *policy.Refusal {
	return &policy.Refusal{
		Status: 401, Reason: oauth.TokenMissing, Scheme: scheme,
		Detail: "An access token is needed. Send it in the header: Authorization: Bearer TOKEN",
	}
}

func malformed(detail string) *policy.Refusal {
	return &policy.Refusal{
		Status: 400, Reason: oauth.RequestMalformed, Scheme: scheme, Challenge: oauth.InvalidRequest, Detail: detail,
	}
}

// refuse turns what the verifier found into a refusal. A fault of the server stays what it is: it is not the token that is
// wrong, and a client that was told so would throw a good one away.
func refuse(err error) error {
	e := oauth.AsError(err)
	if e.Code != oauth.InvalidToken {
		return err
	}
	r := &policy.Refusal{
		Status: 401, Reason: e.Reason, Scheme: scheme, Challenge: oauth.InvalidToken, Detail: e.Description, Subject: e.Subject,
		Fix: "Ask the authorization server for a new access token.",
	}
	if e.Subject != "" {
		r.Facts = append(r.Facts, policy.Fact{Name: "token", Value: e.Subject})
	}
	if e.Err != nil {
		r.Facts = append(r.Facts, policy.Fact{Name: "cause", Value: e.Err.Error()})
	}
	// Who holds a token may know that its client or user was switched off. The token is as invalid as any other.
	var cause *oauth.Error
	if errors.As(e.Err, &cause) && e.Reason == oauth.TokenRevoked {
		r.Reason, r.Subject, r.Fix = cause.Reason, cause.Subject, "Ask an administrator whether the client and the user are to be switched on again."
	}
	return r
}
