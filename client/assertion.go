package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/jose"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/ticket"
)

// AssertionType is the one client_assertion_type that is taken (RFC 7523 section 2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const (
	// MaxAssertionAge is how far ahead an assertion may end: for so long it is known which ones were used. Libraries that
	// are asked for nothing else make assertions that live an hour.
	MaxAssertionAge = time.Hour
	assertionSkew   = 30 * time.Second // how far a client's clock may be ahead of ours
	maxTokenID      = 512              // bytes of a jti
)

// A Claimer notes what may be used once. It is a ticket.Book.
type Claimer interface {
	ClaimTicket(ctx context.Context, t ticket.Ticket) (bool, error)
}

// AssertionConfig is what Assertions work with.
type AssertionConfig struct {
	Sets    *jose.Sets
	Tickets Claimer
	// Open decrypts a client's sealed secret; id is the client's id, a slash, and the secret's id.
	Open func(realm, id string, sealed []byte) ([]byte, error)
	Now  func() time.Time
}

// Assertions check client assertions (RFC 7523, OpenID Connect Core section 9) by the rules of RFC 10070: aud is the issuer
// as one string, so that what a client signs for one server is of no use at another.
type Assertions struct{ c AssertionConfig }

// NewAssertions returns the checker.
func NewAssertions(c AssertionConfig) *Assertions { return &Assertions{c} }

// AssertionAlgs are the algorithms of a method, none if it has no assertions.
func AssertionAlgs(m Method) []string {
	switch m {
	case MethodPrivateKeyJWT:
		return jose.Asymmetric()
	case MethodSecretJWT:
		return jose.Symmetric()
	}
	return nil
}

// AssertionCredentials reads a client_assertion as far as it must be known to find the client: who it says it is from, and
// which of the two methods it is of. Nothing is believed. ID is empty if it names nobody.
func AssertionCredentials(assertion, assertionType string) Credentials {
	c := Credentials{Method: MethodPrivateKeyJWT, Assertion: assertion, HasAssertion: true, AssertionType: assertionType}
	t, err := jose.Peek(assertion)
	if err != nil {
		return c
	}
	if slices.Contains(jose.Symmetric(), t.Alg) {
		c.Method = MethodSecretJWT
	}
	if claims, err := jose.ParseClaims(t.Payload); err == nil {
		c.ID = claims.Text("sub") // RFC 7523 section 3
	}
	return c
}

// Verify returns nil if the assertion in creds is the client's, for this realm, and was not used before. Otherwise the reason
// is AssertionInvalid, AssertionReplayed or ClientKeysMissing. If there is no such client, c is nil, and an assertion takes
// as long to be refused as one whose signature is wrong.
func (a *Assertions) Verify(ctx context.Context, r *realm.Realm, c *Client, creds Credentials) error {
	if c == nil {
		_, _ = a.c.Sets.Verify(ctx, jose.Source{Inline: []byte(nobody)}, jose.Asymmetric(), creds.Assertion)
		return oauth.Fail(oauth.ClientUnknown, creds.ID)
	}
	if creds.AssertionType != AssertionType {
		return oauth.Because(oauth.AssertionInvalid, fmt.Errorf("client_assertion_type is not %s", AssertionType))
	}
	t, err := a.signed(ctx, r, c, creds)
	switch {
	case errors.Is(err, jose.ErrKeys):
		return oauth.Because(oauth.ClientKeysMissing, err)
	case errors.Is(err, jose.ErrMalformed), errors.Is(err, jose.ErrSignature):
		return oauth.Because(oauth.AssertionInvalid, err)
	case err != nil:
		return err
	}
	claims, err := jose.ParseClaims(t.Payload)
	if err != nil {
		return oauth.Because(oauth.AssertionInvalid, err)
	}
	now := a.c.Now()
	if err := checkAssertion(r, c, t, claims, now); err != nil {
		return oauth.Because(oauth.AssertionInvalid, err)
	}
	return a.once(ctx, r, c, claims)
}

// signed verifies the signature by what the client is registered with.
func (a *Assertions) signed(ctx context.Context, r *realm.Realm, c *Client, creds Credentials) (*jose.Token, error) {
	algs := AssertionAlgs(c.AuthMethod)
	if c.AuthAlg != "" {
		algs = slices.DeleteFunc(algs, func(alg string) bool { return alg != c.AuthAlg })
	}
	if c.AuthMethod == MethodPrivateKeyJWT {
		return a.c.Sets.Verify(ctx, jose.Source{Inline: c.JWKS, URI: c.JWKSURI}, algs, creds.Assertion)
	}
	err := fmt.Errorf("%w: no live secret that can be opened", jose.ErrKeys)
	now := a.c.Now()
	for _, s := range c.Secrets {
		if len(s.Sealed) == 0 || !s.Live(now) {
			continue
		}
		secret, unsealed := a.c.Open(r.Name, c.ID+"/"+s.ID, s.Sealed)
		if unsealed != nil {
			err = fmt.Errorf("secret %s of client %s: %w", s.ID, c.ID, unsealed)
			continue
		}
		t, wrong := a.c.Sets.Verify(ctx, jose.Source{Secret: secret}, algs, creds.Assertion)
		if wrong == nil {
			return t, nil
		}
		err = wrong
	}
	return nil, err
}

// checkAssertion holds the claims against RFC 7523 section 3.
func checkAssertion(r *realm.Realm, c *Client, t *jose.Token, claims jose.Claims, now time.Time) error {
	switch typ := strings.TrimPrefix(strings.ToLower(t.Type), "application/"); {
	case typ != "" && typ != "jwt" && typ != "client-authentication+jwt": // RFC 8725 section 3.11
		return errors.New("its typ is that of something else")
	case claims.Text("iss") != c.ID, claims.Text("sub") != c.ID:
		return errors.New("its iss and sub are not both the client")
	case r.Issuer == "", claims.Text("aud") != r.Issuer: // RFC 10070: one string, and never an endpoint
		return errors.New("its aud is not the issuer as a single string")
	case claims.Text("jti") == "" || len(claims.Text("jti")) > maxTokenID:
		return errors.New("it has no jti, or a long one")
	}
	switch exp, ok := claims.Time("exp"); {
	case !ok:
		return errors.New("it has no exp")
	case !now.Before(exp):
		return errors.New("it is expired")
	case exp.After(now.Add(MaxAssertionAge + assertionSkew)):
		return fmt.Errorf("its exp is more than %v ahead", MaxAssertionAge)
	}
	for _, name := range []string{"nbf", "iat"} {
		at, ok := claims.Time(name)
		if claims.Has(name) && !ok {
			return fmt.Errorf("its %s is no date", name)
		}
		if at.After(now.Add(assertionSkew)) {
			return fmt.Errorf("its %s is in the future", name)
		}
	}
	return nil
}

// once notes the assertion as used (RFC 7523 section 3, point 7), for as long as it could be used again.
func (a *Assertions) once(ctx context.Context, r *realm.Realm, c *Client, claims jose.Claims) error {
	exp, _ := claims.Time("exp")
	t := ticket.Ticket{
		Realm: r.Name, Kind: ticket.Assertion, ExpiresAt: exp.Add(time.Second),
		Hash: ticket.Hash("client assertion\x00" + c.ID + "\x00" + claims.Text("jti")),
	}
	switch first, err := a.c.Tickets.ClaimTicket(ctx, t); {
	case err != nil:
		return err
	case !first:
		return oauth.Fail(oauth.AssertionReplayed, c.ID)
	}
	return nil
}
