// Package authserver is the front door of the standards: the authorization endpoint (RFC 6749 section 3.1, OpenID Connect Core
// section 3.1.2) and the one where requests are pushed (RFC 9126), the token endpoint (RFC 6749 section 3.2), revocation (RFC
// 7009), introspection (RFC 7662), UserInfo (OpenID Connect Core section 5.3), the published keys (RFC 7517) and the metadata
// that tells where all of them are (RFC 8414, OpenID Connect Discovery).
//
// It translates and decides nothing about tokens: package grant decides who gets one, package token whether one is good,
// package authorize what a request may ask and what comes next. The pages that people see on the way are children of this
// folder; each of them ends with a redirect to /authorize and none knows another:
//
//	         ┌─────────────────────────────────────────────────────────────┐
//	         ▼                                                             │ 303 /authorize?flow=…
//	/authorize ── authorize.Next ──▶ finish, refuse: back to the client    │
//	                     └─────────▶ 303 /signin, /signin/second, … ───────┘
//
// What it refuses on its own is what the standards forbid a request to look like: a parameter given twice, two ways of
// client authentication at once, a method or content type that an endpoint does not read.
package authserver

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"sallyport/authorize"
	"sallyport/authserver/pages"
	"sallyport/claims"
	"sallyport/client"
	"sallyport/consent"
	"sallyport/factor"
	"sallyport/grant"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/token"
	"sallyport/user"
	"sallyport/web"
)

// Config is what the front door works with.
type Config struct {
	Engine *grant.Engine
	Tokens *token.Service
	Keys   *key.Ring
	Realms *realm.Directory
	Log    *slog.Logger     // nil: slog.Default
	Now    func() time.Time // nil: time.Now

	// What the authorization endpoint and UserInfo need beside that.
	Reader   *authorize.Reader
	Flows    *authorize.Flows
	Codes    *authorize.Codes
	Sessions Sessions
	Consents Consents
	Factors  Factors
	Clients  Clients
	Users    Users
	Claims   *claims.Mapper
	Pages    *pages.Set
}

// Sessions finds who is signed in; *session.Manager does.
type Sessions interface {
	// Find returns the session that a secret opens in the realm, nil if there is none that is good.
	Find(ctx context.Context, r *realm.Realm, secret string) (*session.Session, error)
	// Join notes that a client gets something in a session, to be told when that ends.
	Join(ctx context.Context, s *session.Session, client string) error
}

// Consents finds what users have agreed to; *consent.Book does.
type Consents interface {
	Get(ctx context.Context, realm, user, client string) (*consent.Consent, error)
}

// Factors tells what users can prove themselves by; *factor.Service does.
type Factors interface {
	Summary(ctx context.Context, realm, user string) (factor.Summary, error)
}

// Clients finds clients; *client.Directory does.
type Clients interface {
	Get(ctx context.Context, realm, id string) (*client.Client, error)
}

// Users finds users; *user.Directory does.
type Users interface {
	Get(ctx context.Context, realm, name string) (*user.User, error)
}

// A Face serves the standard endpoints of every realm.
type Face struct {
	engine   *grant.Engine
	tokens   *token.Service
	keys     *key.Ring
	realms   *realm.Directory
	log      *slog.Logger
	now      func() time.Time
	reader   *authorize.Reader
	flows    *authorize.Flows
	codes    *authorize.Codes
	sessions Sessions
	consents Consents
	factors  Factors
	clients  Clients
	users    Users
	claims   *claims.Mapper
	pages    *pages.Set
}

// New returns the front door.
func New(c Config) *Face {
	f := &Face{
		engine: c.Engine, tokens: c.Tokens, keys: c.Keys, realms: c.Realms, log: c.Log, now: c.Now,
		reader: c.Reader, flows: c.Flows, codes: c.Codes, sessions: c.Sessions, consents: c.Consents, factors: c.Factors,
		clients: c.Clients, users: c.Users, claims: c.Claims, pages: c.Pages,
	}
	if f.log == nil {
		f.log = slog.Default()
	}
	if f.now == nil {
		f.now = time.Now
	}
	return f
}

// MetadataPath and DiscoveryPath are where the metadata of a realm is found below its root. RFC 8414 section 3 inserts the path
// of the issuer after the first, so the listener serves the same handler at MetadataPath + "/realms/NAME" as well.
const (
	MetadataPath  = "/.well-known/oauth-authorization-server"
	DiscoveryPath = "/.well-known/openid-configuration" // OpenID Connect Discovery section 4
)

// Paths of the endpoints below a realm's root.
const (
	authorizePath  = "/authorize"
	parPath        = "/par"
	tokenPath      = "/token"
	revokePath     = "/revoke"
	introspectPath = "/introspect"
	userinfoPath   = "/userinfo"
	jwksPath       = "/jwks"
	registerPath   = "/register" // served by package register
	logoutPath     = "/logout"   // served by package logout
)

// Routes returns the endpoints by their paths below a realm's root. The realm is in the request's context.
func (f *Face) Routes() web.Routes {
	return web.Routes{
		authorizePath:  f.browser(f.authorize),
		parPath:        f.handler(f.par),
		tokenPath:      f.handler(f.token),
		revokePath:     f.handler(f.revoke),
		introspectPath: f.handler(f.introspect),
		userinfoPath:   f.handler(f.userinfo),
		jwksPath:       f.handler(f.jwks),
		MetadataPath:   f.handler(f.metadata),
		DiscoveryPath:  f.handler(f.metadata),
	}
}

// handler adapts an endpoint: the one place where its errors are logged and written.
func (f *Face) handler(serve func(http.ResponseWriter, *http.Request, *realm.Realm) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rl := realm.FromContext(r.Context())
		if rl == nil {
			web.WriteError(w, oauth.Fail(oauth.RealmUnknown, ""), "")
			return
		}
		if err := serve(w, r, rl); err != nil {
			f.fail(r.Context(), w, r.URL.Path, rl, err)
		}
	})
}

func (f *Face) fail(ctx context.Context, w http.ResponseWriter, path string, rl *realm.Realm, err error) {
	e := oauth.AsError(err)
	if e.Code == oauth.ServerError || e.Reason == oauth.Unavailable {
		f.log.ErrorContext(ctx, "request failed", "path", path, "realm", rl.Name, "reason", e.Reason, "err", e.Err)
	}
	web.WriteError(w, e, rl.Name)
}

// form reads the parameters of a POST. RFC 6749 section 3.2: they are in the body, and none is there twice.
func form(w http.ResponseWriter, r *http.Request) (oauth.Params, error) {
	if err := web.Allow(w, r, http.MethodPost); err != nil {
		return oauth.Params{}, err
	}
	p, err := web.ReadForm(w, r)
	if err != nil {
		return oauth.Params{}, err
	}
	if name := p.Duplicate(); name != "" {
		return oauth.Params{}, web.Duplicated(name)
	}
	return p, nil
}
