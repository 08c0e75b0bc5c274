package grant

import (
	"context"
	"net/netip"
	"time"

	"sallyport/audit"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/throttle"
	"sallyport/token"
)

// Realms knows the scopes of each realm.
type Realms interface {
	Scope(realm, name string) (scope.Scope, bool)
}

// Clients finds clients.
type Clients interface {
	Get(ctx context.Context, realm, id string) (*client.Client, error)
}

// Secrets checks client secrets.
type Secrets interface {
	Verify(ctx context.Context, c *client.Client, secret string) error
}

// Assertions checks client assertions (RFC 7523 section 2.2).
type Assertions interface {
	Verify(ctx context.Context, r *realm.Realm, c *client.Client, creds client.Credentials) error
}

// Tokens issues what the pipeline has cleared.
type Tokens interface {
	Issue(ctx context.Context, a token.Authorization) (*token.Issued, error)
}

// Config is what an Engine works with. Every field but Assertions must be set.
type Config struct {
	Realms  Realms
	Clients Clients
	Secrets Secrets
	// Assertions: nil, no client authenticates by one.
	Assertions Assertions
	Tokens     Tokens
	Grants     []Grant
	Throttle   *throttle.Throttle
	Audit      audit.Recorder
	Now        func() time.Time
}

// An Engine is the pipeline.
type Engine struct {
	Config
	grants map[string]Grant
}

// New returns an engine that serves the given grants. Of two of the same type the first counts.
func New(c Config) *Engine {
	e := &Engine{Config: c, grants: map[string]Grant{}}
	for _, g := range c.Grants {
		if _, taken := e.grants[g.Type()]; !taken {
			e.grants[g.Type()] = g
		}
	}
	return e
}

// Exchange takes one call to a token endpoint from credentials to tokens. The error is an *oauth.Error. Its outcome is
// recorded once, whatever it is. The first check that fails decides the reason; the order is that of the calls below.
func (e *Engine) Exchange(ctx context.Context, req Request) (*token.Issued, error) {
	t := trail{Event: audit.Event{Dialect: req.Rules.Dialect, Source: req.Source}}
	issued, err := e.exchange(ctx, &req, &t)
	if err != nil {
		refusal := oauth.AsError(err)
		e.refused(ctx, t, refusal)
		return nil, refusal
	}
	e.issued(ctx, t)
	return issued, nil
}

func (e *Engine) exchange(ctx context.Context, req *Request, t *trail) (*token.Issued, error) {
	if req.Realm == nil {
		return nil, oauth.Fail(oauth.RealmUnknown, "")
	}
	t.Realm, t.Client = req.Realm.Name, short(req.Client.ID)
	if !req.HasType {
		return nil, oauth.Fail(oauth.GrantTypeMissing, "")
	}
	t.Grant = short(req.Type)
	c, proved, err := e.authenticate(ctx, req.Realm, req.Client, req.Source, req.needsSecret)
	if err != nil {
		return nil, err
	}
	a, g, err := e.admit(req, c, proved)
	if err != nil {
		return nil, err
	}
	t.Grant = g.Type()
	proof, err := g.Prove(ctx, a)
	if err != nil {
		return nil, err
	}
	if proof.User != nil {
		t.User = proof.User.Name
	}
	authorization, err := e.clear(a, g.Type(), proof)
	if err != nil {
		return nil, err
	}
	return e.Tokens.Issue(ctx, authorization)
}

// Authenticate finds out which client calls an endpoint other than the token endpoint (introspection, revocation), by the
// same throttle, secrets, status and dates. Proved is false for a client that may go without a secret and did, or that is
// public; what such a client may do is for the endpoint to say. The error is an *oauth.Error; failures are recorded.
func (e *Engine) Authenticate(ctx context.Context, r *realm.Realm, creds client.Credentials, source netip.Addr, dialect string) (c *client.Client, proved bool, err error) {
	if r == nil {
		return nil, false, oauth.Fail(oauth.RealmUnknown, "")
	}
	c, proved, err = e.authenticate(ctx, r, creds, source, needsSecret)
	if err != nil {
		refusal := oauth.AsError(err)
		e.refused(ctx, trail{Event: audit.Event{Realm: r.Name, Client: short(creds.ID), Dialect: dialect, Source: source}}, refusal)
		return nil, false, refusal
	}
	return c, proved, nil
}
