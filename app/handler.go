package app

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"sallyport/authserver"
	"sallyport/dialect"
	"sallyport/oauth"
	"sallyport/problem"
	"sallyport/realm"
	"sallyport/web"
)

// realmsPrefix is where realms other than the default one are found on any host.
const realmsPrefix = "/realms/"

// A router finds out for which realm a request is and who serves it:
//
//	realm: by host name ─▶ by /realms/NAME/ ─▶ the default one
//	face:  a path of a dialect that the realm opens ─▶ a standard endpoint ─▶ a registered API
//
// An API is also called by what a dialect of the realm says is its path.
type router struct {
	realms   *realm.Directory
	dialects []dialect.Dialect // whose endpoints are served
	standard web.Routes
	callers  []dialect.Dialect       // by whose paths APIs can be called
	gateway  http.Handler            // nil: the APIs have a listener of their own
	fixed    map[string]http.Handler // paths that belong to no realm: health
	built    atomic.Pointer[map[*realm.Realm]paths]
	mu       sync.Mutex // held while built is replaced
}

// paths are those of one realm.
type paths struct {
	exact map[string]route
	calls []func(host, path string) (web.Called, bool)
}

// Names of faces in logs and metrics; a dialect has its own.
const (
	authserverFace = "authserver"
	gatewayFace    = "gateway" // which names itself
)

// A route is who serves a path.
type route struct {
	face    string
	handler http.Handler
}

// ServeHTTP implements http.Handler.
func (m *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := m.fixed[r.URL.Path]; h != nil {
		h.ServeHTTP(w, r)
		return
	}
	rl, rest := m.find(r)
	visit := web.VisitOf(r.Context())
	if rl == nil {
		visit.Reason = string(oauth.RealmUnknown)
		problem.Problem{Status: http.StatusNotFound, Detail: "There is no such realm here.", Reason: string(oauth.RealmUnknown)}.Write(w, r)
		return
	}
	visit.Context = realm.NewContext(visit.Context, rl)
	if rest != r.URL.EscapedPath() {
		u := *r.URL
		// rest is a piece of a path that net/url has decoded before, so it can be decoded.
		u.Path, _ = url.PathUnescape(rest)
		u.RawPath = rest // also where nothing is escaped: net/url would escape more than was
		r.URL = &u
	}
	paths := m.paths(rl)
	if to, ok := paths.exact[r.URL.Path]; ok {
		visit.Face = to.face
		to.handler.ServeHTTP(w, r)
		return
	}
	if m.gateway == nil {
		problem.Problem{Status: http.StatusNotFound, Detail: "Nothing is served under this path."}.Write(w, r)
		return
	}
	if len(paths.calls) > 0 {
		visit.Called = paths.called(r)
	}
	m.gateway.ServeHTTP(w, r)
}

// called asks the dialects which API a request is for. Their forms are those of what was received, which the gateway then
// reads as it reads every path.
func (p paths) called(r *http.Request) *web.Called {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.EscapedPath()
	}
	for _, read := range p.calls {
		if to, ok := read(r.Host, path); ok {
			found := to // so that a call that is none of theirs costs no allocation
			return &found
		}
	}
	return nil
}

// find returns the realm of a request and the path below the realm's root, as it is written in the request.
func (m *router) find(r *http.Request) (*realm.Realm, string) {
	path := r.URL.EscapedPath()
	own := m.realms.ByHost(r.Host)
	// RFC 8414 sections 3.1 and 5: the well-known path comes before the path of the issuer. OpenID Connect Discovery has it
	// behind, which is a path like any other.
	for _, known := range []string{authserver.MetadataPath, authserver.DiscoveryPath} {
		if name, ok := strings.CutPrefix(path, known+realmsPrefix); ok {
			return allowed(own, m.realms.ByName(name)), known
		}
	}
	if below, ok := strings.CutPrefix(path, realmsPrefix); ok {
		name, rest, _ := strings.Cut(below, "/")
		return allowed(own, m.realms.ByName(name)), "/" + rest
	}
	if own != nil {
		return own, path
	}
	return m.realms.ByName(realm.Default), path
}

// allowed keeps other realms away from a host name that belongs to one.
func allowed(own, named *realm.Realm) *realm.Realm {
	if own != nil && own != named {
		return nil
	}
	return named
}

// paths returns the paths of a realm. They are built once for each state of the realm.
func (m *router) paths(rl *realm.Realm) paths {
	if built := m.built.Load(); built != nil {
		if p, ok := (*built)[rl]; ok {
			return p
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[*realm.Realm]paths{rl: m.build(rl)}
	for _, other := range m.realms.All() {
		if other != rl {
			next[other] = m.build(other)
		}
	}
	m.built.Store(&next)
	return next[rl]
}

func (m *router) build(rl *realm.Realm) paths {
	p := paths{exact: map[string]route{}}
	for path, h := range m.standard {
		p.exact[path] = route{face: authserverFace, handler: h}
	}
	for _, d := range m.dialects {
		if _, open := rl.Opens(d.Name()); open {
			for path, h := range d.Routes() {
				p.exact[path] = route{face: d.Name(), handler: h}
			}
		}
	}
	for _, d := range m.callers {
		settings, open := rl.Opens(d.Name())
		if c, ok := d.(dialect.Caller); ok && open {
			p.calls = append(p.calls, c.Calls(settings))
		}
	}
	return p
}
