package grant

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/throttle"
)

const (
	typeClientCredentials = "client_credentials"
	typeRefreshToken      = "refresh_token"
	wordPublic            = "public" // among a client's grants: it may omit its secret where a front door lets it
)

// authenticate finds the client and checks its secret or assertion (RFC 6749 section 2.3, RFC 7523 section 2.2), with
// guesses slowed down. The secret of a public client is ignored: it has none that could be compared, and what cannot be
// compared proves nothing.
func (e *Engine) authenticate(ctx context.Context, r *realm.Realm, creds client.Credentials, source netip.Addr,
	needsSecret func(*client.Client) bool) (c *client.Client, proved bool, err error) {
	if creds.ID == "" {
		return nil, false, oauth.Fail(oauth.ClientMissing, "")
	}
	attempt, err := e.Throttle.Client(ctx, r.Name, creds.ID, source)
	if err != nil {
		return nil, false, err
	}
	outcome := throttle.Undecided
	defer func() { attempt.End(outcome) }()

	c, err = e.Clients.Get(ctx, r.Name, creds.ID)
	if err != nil {
		return nil, false, err
	}
	if c == nil || c.Realm != r.Name {
		outcome = throttle.Failed // as a wrong secret is, so that the throttle does not tell which ids exist
		if creds.HasAssertion && e.Assertions != nil {
			_ = e.Assertions.Verify(ctx, r, nil, creds) // takes as long as that of a client that exists
		}
		return nil, false, oauth.Fail(oauth.ClientUnknown, creds.ID)
	}
	if reason := c.Unfit(e.Now()); reason != "" {
		return nil, false, oauth.Fail(reason, c.ID)
	}
	switch {
	case wrongMethod(c, creds):
		return nil, false, oauth.Fail(oauth.AuthMethodWrong, c.ID)
	case creds.HasAssertion:
		err = e.assertion(ctx, r, c, creds)
	case creds.Secret == "" && needsSecret(c):
		return nil, false, oauth.Fail(oauth.SecretMissing, c.ID)
	case creds.Secret == "" || c.Type == client.Public:
		return c, false, nil
	default:
		err = e.Secrets.Verify(ctx, c, creds.Secret)
	}
	switch oauth.ReasonOf(err) {
	case "":
		outcome = throttle.Succeeded
		return c, true, nil
	case oauth.SecretWrong, oauth.AssertionInvalid, oauth.AssertionReplayed:
		outcome = throttle.Failed
	}
	return nil, false, err
}

func (e *Engine) assertion(ctx context.Context, r *realm.Realm, c *client.Client, creds client.Credentials) error {
	if e.Assertions == nil {
		return oauth.Fail(oauth.AssertionInvalid, c.ID)
	}
	return e.Assertions.Verify(ctx, r, c, creds)
}

// wrongMethod reports whether a client presents itself in another way than it is registered for. One that has keys cannot
// fall back on a secret, or on nothing at all: whoever holds neither key would choose that.
func wrongMethod(c *client.Client, creds client.Credentials) bool {
	byAssertion := c.AuthMethod == client.MethodPrivateKeyJWT || c.AuthMethod == client.MethodSecretJWT
	switch {
	case byAssertion || creds.HasAssertion:
		return !byAssertion || !creds.HasAssertion || creds.Method != c.AuthMethod || c.Type != client.Confidential
	case c.AuthMethod == "" || creds.Secret == "": // without a secret it is for the endpoint to say whether one is needed
		return false
	case c.AuthMethod == client.MethodNone:
		return true
	}
	// A front door of a product that has but one way, which is neither of the two, calls it MethodNone.
	return creds.Method != c.AuthMethod && creds.Method != client.MethodNone
}

// grantType is the grant type as the engine knows it.
func (r *Request) grantType() string {
	if r.Rules.FoldGrant {
		return strings.ToLower(r.Type)
	}
	return r.Type
}

// needsSecret reports whether the client must prove itself for what it asks. Client credentials are for confidential
// clients only (RFC 6749 section 4.4).
func (r *Request) needsSecret(c *client.Client) bool {
	if r.Rules.Secretless != nil {
		return needsSecret(c) || !slices.Contains(r.Rules.Secretless, r.grantType())
	}
	return c.Type != client.Public || r.grantType() == typeClientCredentials
}

// needsSecret is for endpoints where nothing is granted.
func needsSecret(c *client.Client) bool {
	return c.Type != client.Public && !slices.Contains(c.Grants, wordPublic)
}
