package grant

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

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

// authenticate finds the client and checks its secret (RFC 6749 section 2.3), with guesses slowed down. The secret of a
// public client is ignored: it has none that could be compared, and what cannot be compared proves nothing.
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
		return nil, false, oauth.Fail(oauth.ClientUnknown, creds.ID)
	}
	if reason := unfit(c, e.Now()); reason != "" {
		return nil, false, oauth.Fail(reason, c.ID)
	}
	switch {
	case creds.Secret == "" && needsSecret(c):
		return nil, false, oauth.Fail(oauth.SecretMissing, c.ID)
	case creds.Secret == "" || c.Type == client.Public:
		return c, false, nil
	}
	switch err := e.Secrets.Verify(ctx, c, creds.Secret); oauth.ReasonOf(err) {
	case "":
		outcome = throttle.Succeeded
		return c, true, nil
	case oauth.SecretWrong:
		outcome = throttle.Failed
		return nil, false, err
	default:
		return nil, false, err
	}
}

// unfit is why a client may not act at the moment, "" if it may.
func unfit(c *client.Client, now time.Time) oauth.Reason {
	switch {
	case c.Status == client.Locked:
		return oauth.ClientLocked
	case c.Status != client.On:
		return oauth.ClientDisabled
	case now.Before(c.NotBefore):
		return oauth.ClientNotYetValid
	case !c.NotAfter.IsZero() && !now.Before(c.NotAfter):
		return oauth.ClientExpired
	}
	return ""
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
