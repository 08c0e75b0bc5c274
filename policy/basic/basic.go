// Package basic is the way in by client id and secret, sent with every call (RFC 7617). It is for confidential clients that
// may act for themselves: those who could get a token by the client_credentials grant. Guesses are slowed down by the
// same throttle as at the token endpoint.
//
// In the product's own words a caller cannot tell an unknown id from a wrong secret, nor from a client that is switched
// off. Where a dialect writes an API's refusals, it is told the reason, because that product's callers are told as well.
package basic

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
)

const (
	scheme            = "Basic"
	authorization     = "Authorization"
	clientCredentials = "client_credentials"
)

// An Authenticator finds out which client calls, with guesses slowed down: grant.Engine. The error is an *oauth.Error.
type Authenticator interface {
	Authenticate(ctx context.Context, r *realm.Realm, creds client.Credentials, source netip.Addr, dialect string) (c *client.Client, proved bool, err error)
}

type basic struct {
	clients Authenticator
}

// Kind returns the way in.
func Kind(clients Authenticator) policy.Kind {
	return policy.Kind{Source: Source, New: func(_ policy.Site, given json.RawMessage) (policy.Policy, error) {
		if err := policy.Decode(given, &settings{}); err != nil {
			return nil, err
		}
		return &basic{clients: clients}, nil
	}}
}

// Request implements policy.Policy.
func (p *basic) Request(ctx context.Context, c *policy.Call) error {
	creds, err := credentials(c.Header)
	if err != nil {
		return err
	}
	found, proved, err := p.clients.Authenticate(ctx, c.Realm, creds, c.Source, c.Dialect)
	if err != nil {
		return refuse(c, creds.ID, err)
	}
	if !proved {
		return refuse(c, creds.ID, oauth.Fail(oauth.SecretMissing, creds.ID))
	}
	if found.Type != client.Confidential || !slices.Contains(found.Grants, clientCredentials) {
		return &policy.Refusal{
			Status: 403, Reason: oauth.GrantNotAllowed, Subject: found.ID, Detail: "This client may not call with its id and secret.",
			Facts: []policy.Fact{{Name: "client", Value: found.ID, Public: true}, {Name: "grant that it lacks", Value: clientCredentials, Public: true}},
			Fix:   "Call with a token, or ask an administrator to give the client the grant client_credentials.",
		}
	}
	c.Caller = policy.Caller{Client: found.ID, Scope: found.Scopes, Scheme: scheme, Presented: c.Header.Get(authorization)}
	// The secret was for us. An upstream that got it could use it here in the caller's name.
	c.Header.Del(authorization)
	return nil
}

// Forget implements policy.Forgetter.
func (p *basic) Forget(c *policy.Call) { policy.ForgetScheme(c.Header, scheme) }

// credentials reads the header.
func credentials(h policy.Header) (client.Credentials, error) {
	fields := h.Values(authorization)
	if len(fields) == 0 {
		return client.Credentials{}, missing()
	}
	payload, ok := oauth.BasicPayload(fields[0])
	switch {
	case len(fields) > 1:
		return client.Credentials{}, malformed("The Authorization header is there more than once. Send one.")
	case !ok:
		return client.Credentials{}, missing()
	}
	id, secret, err := oauth.ParseBasic(payload)
	if err != nil {
		return client.Credentials{}, malformed("The Authorization header is not Basic and the Base64 of \"id:secret\".")
	}
	return client.Credentials{Method: client.MethodBasic, ID: id, Secret: secret, HasSecret: true}, nil
}

func missing() *policy.Refusal {
	return &policy.Refusal{
		Status: 401, Reason: oauth.TokenMissing, Scheme: scheme,
		Detail: "A client id and its secret are needed. Send them in the header: Authorization: Basic BASE64(id:secret)",
	}
}

func malformed(detail string) *policy.Refusal {
	return &policy.Refusal{Status: 400, Reason: oauth.RequestMalformed, Scheme: scheme, Challenge: oauth.InvalidRequest, Detail: detail}
}

// refuse turns what the authenticator found into a refusal. A fault of the server stays what it is.
func refuse(c *policy.Call, id string, err error) error {
	e := oauth.AsError(err)
	r := &policy.Refusal{Status: 401, Reason: e.Reason, Scheme: scheme, Subject: id, Detail: e.Description, RetryAfter: e.RetryAfter}
	switch {
	case e.Reason == oauth.TooManyFailures:
		r.Status, r.Scheme = 429, ""
		return r
	case e.Code != oauth.InvalidClient:
		return err
	}
	r.Facts = []policy.Fact{{Name: "client", Value: id, Public: true}, {Name: "what was wrong", Value: string(e.Reason)}}
	r.Fix = "Check the client id and the secret; an administrator sees why in the server's record of this refusal."
	switch {
	case c.Dialect == "":
		r.Reason, r.Detail = oauth.SecretWrong, oauth.Fail(oauth.SecretWrong, "").Description
	case slices.Contains([]oauth.Reason{oauth.ClientDisabled, oauth.ClientLocked, oauth.ClientNotYetValid, oauth.ClientExpired}, e.Reason):
		r.Status, r.Scheme = 403, ""
	}
	return r
}
