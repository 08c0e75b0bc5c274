// Package authserver is the front door of the standards: the token endpoint (RFC 6749 section 3.2), revocation (RFC 7009),
// introspection (RFC 7662), the published keys (RFC 7517) and the metadata that tells where all of them are (RFC 8414).
//
// It translates and decides nothing about tokens: package grant decides who gets one, package token whether one is good.
// What it refuses on its own is what the standards forbid a request to look like: a parameter given twice, two ways of
// client authentication at once, a method or content type that an endpoint does not read.
package authserver

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"sallyport/grant"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
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
}

// A Face serves the standard endpoints of every realm.
type Face struct {
	engine *grant.Engine
	tokens *token.Service
	keys   *key.Ring
	realms *realm.Directory
	log    *slog.Logger
	now    func() time.Time
}

// New returns the front door.
func New(c Config) *Face {
	f := &Face{engine: c.Engine, tokens: c.Tokens, keys: c.Keys, realms: c.Realms, log: c.Log, now: c.Now}
	if f.log == nil {
		f.log = slog.Default()
	}
	if f.now == nil {
		f.now = time.Now
	}
	return f
}

// MetadataPath is where the metadata of a realm is found below its root. RFC 8414 section 3 inserts the path of the issuer
// after it, so the listener serves the same handler at MetadataPath + "/realms/NAME" as well.
const MetadataPath = "/.well-known/oauth-authorization-server"

// Paths of the endpoints below a realm's root.
const (
	tokenPath      = "/token"
	revokePath     = "/revoke"
	introspectPath = "/introspect"
	jwksPath       = "/jwks"
)

// Routes returns the endpoints by their paths below a realm's root. The realm is in the request's context.
func (f *Face) Routes() web.Routes {
	return web.Routes{
		tokenPath:      f.handler(f.token),
		revokePath:     f.handler(f.revoke),
		introspectPath: f.handler(f.introspect),
		jwksPath:       f.handler(f.jwks),
		MetadataPath:   f.handler(f.metadata),
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
