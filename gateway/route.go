package gateway

import (
	"errors"
	"reflect"

	"sallyport/api"
	"sallyport/gateway/match"
	"sallyport/gateway/upstream"
	"sallyport/policy"
)

// A route is an API made ready. It is never modified.
type route struct {
	api    *api.API
	chain  *policy.Chain
	looks  bool       // some policy wants to see what comes back
	refuse RefuseFunc // nil: the default
	meter  Meter      // nil: none
	fault  error      // why it cannot be served; its callers are refused, and never served by a shorter prefix
	parts  *match.Routes
	group  *upstream.Group
	link   *link
}

// A compiler makes routes. What an API's change leaves as it was is kept, and with it what has been counted and learned:
// the limits of its policies as long as the policies are the same, the health of its targets, its connections.
//
// It belongs to the goroutine that reads the APIs.
type compiler struct {
	config    Config
	upstreams *upstream.Manager
	links     links
	last      map[siteKey]*route // of the last table
	next      map[siteKey]*route // of the one that is being made
}

type siteKey struct{ realm, api string }

func newCompiler(c Config, upstreams *upstream.Manager) *compiler {
	return &compiler{config: c, upstreams: upstreams, links: newLinks(c), next: map[siteKey]*route{}}
}

// route makes an API ready. What is wrong with it is in the route.
func (m *compiler) route(a *api.API) *route {
	key := siteKey{a.Realm, a.Name}
	old := m.last[key]
	if old != nil && old.fault == nil && reflect.DeepEqual(old.api, a) {
		m.links.use(old.link)
		m.next[key] = old
		return old
	}
	r := &route{api: a, refuse: m.config.Refuse[a.Errors]}
	m.next[key] = r
	if old != nil {
		r.meter = old.meter
	} else if m.config.Meter != nil {
		r.meter = m.config.Meter(a.Realm, a.Name)
	}
	var chainErr, groupErr error
	if old != nil && old.chain != nil && samePolicies(old.api, a) {
		r.chain = old.chain
	} else {
		r.chain, chainErr = policy.NewChain(a, m.config.Parts)
	}
	r.looks = r.chain != nil && r.chain.Looks()
	r.group, groupErr = m.upstreams.Group(a)
	r.link = m.links.of(a)
	var partsErr error
	r.parts, partsErr = compileParts(a)
	r.fault = errors.Join(partsErr, groupErr, chainErr)
	return r
}

// samePolicies reports whether a chain of one API is as good for another.
func samePolicies(a, b *api.API) bool {
	if !reflect.DeepEqual(a.Auth, b.Auth) || !reflect.DeepEqual(a.Policies, b.Policies) || len(a.Routes) != len(b.Routes) {
		return false
	}
	for i := range a.Routes {
		if !reflect.DeepEqual(a.Routes[i].Auth, b.Routes[i].Auth) {
			return false
		}
	}
	return true
}

// finish ends the making of a table: what no route of it uses is let go.
func (m *compiler) finish() {
	var groups []*upstream.Group
	for _, r := range m.next {
		if r.group != nil {
			groups = append(groups, r.group)
		}
	}
	m.upstreams.Sweep(groups)
	m.links.sweep()
	m.last, m.next = m.next, map[siteKey]*route{}
}

func (m *compiler) close() { m.links.close() }

// target returns the path that is sent for a path of which the API covers so many bytes.
func (r *route) target(t *upstream.Target, path string, covered int, params []policy.Param) string {
	if r.api.Strip {
		path = path[covered:]
	}
	return t.Path(path, params)
}
