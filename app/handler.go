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
type router struct {
	realms   *realm.Directory
	dialects []dialect.Dialect
	standard web.Routes
	gateway  http.Handler            // nil: the APIs have a listener of their own
	fixed    map[string]http.Handler // paths that belong to no realm: health
	built    atomic.Pointer[map[*realm.Realm]map[string]route]
	mu       sync.Mutex // held while built is replaced
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
		if u.Path, u.RawPath = rest, ""; strings.Contains(rest, "%") {
			// rest is a piece of a path that net/url has decoded before, so it can be decoded.
			u.Path, _ = url.PathUnescape(rest)
			u.RawPath = rest
		}
		r.URL = &u
	}
	if to, ok := m.routes(rl)[r.URL.Path]; ok {
		visit.Face = to.face
		to.handler.ServeHTTP(w, r)
		return
	}
	if m.gateway == nil {
		problem.Problem{Status: http.StatusNotFound, Detail: "Nothing is served under this path."}.Write(w, r)
		return
	}
	m.gateway.ServeHTTP(w, r)
}

// find returns the realm of a request and the path below the realm's root, as it is written in the request.
func (m *router) find(r *http.Request) (*realm.Realm, string) {
	path := r.URL.EscapedPath()
	own := m.realms.ByHost(r.Host)
	// RFC 8414 section 3.1: the well-known path comes before the path of the issuer.
	if name, ok := strings.CutPrefix(path, authserver.MetadataPath+realmsPrefix); ok {
		return allowed(own, m.realms.ByName(name)), authserver.MetadataPath
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

// routes returns the exact paths of a realm. They are built once for each state of the realm.
func (m *router) routes(rl *realm.Realm) map[string]route {
	if built := m.built.Load(); built != nil {
		if routes, ok := (*built)[rl]; ok {
			return routes
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[*realm.Realm]map[string]route{rl: m.build(rl)}
	for _, other := range m.realms.All() {
		if other != rl {
			next[other] = m.build(other)
		}
	}
	m.built.Store(&next)
	return next[rl]
}

func (m *router) build(rl *realm.Realm) map[string]route {
	routes := map[string]route{}
	for path, h := range m.standard {
		routes[path] = route{face: authserverFace, handler: h}
	}
	for _, d := range m.dialects {
		if _, open := rl.Opens(d.Name()); open {
			for path, h := range d.Routes() {
				routes[path] = route{face: d.Name(), handler: h}
			}
		}
	}
	return routes
}
