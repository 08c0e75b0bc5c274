package gateway

import (
	"fmt"
	"strings"

	"sallyport/api"
)

// A table finds the API of a call. It is never modified.
type table struct {
	realms map[string]*realmTable
	seen   uint64 // how much news it has taken into account
}

type realmTable struct {
	hosts map[string]*prefixes // by host name in lower case
	any   *prefixes            // APIs of no particular host
}

// prefixes maps a path to the API with the longest prefix of whole segments. The root's key is "".
type prefixes struct {
	routes map[string]*route
	depth  int // segments of the longest
}

// compile makes a table. What is wrong with an API is in its route.
func compile(apis []*api.API, c Config) *table {
	t := &table{realms: map[string]*realmTable{}}
	for _, a := range apis {
		realm := t.realms[a.Realm]
		if realm == nil {
			realm = &realmTable{hosts: map[string]*prefixes{}, any: &prefixes{routes: map[string]*route{}}}
			t.realms[a.Realm] = realm
		}
		p := realm.any
		if a.Host != "" {
			host := strings.ToLower(a.Host)
			if p = realm.hosts[host]; p == nil {
				p = &prefixes{routes: map[string]*route{}}
				realm.hosts[host] = p
			}
		}
		p.add(compileRoute(a, c))
	}
	return t
}

func (p *prefixes) add(r *route) {
	key := strings.TrimSuffix(r.api.Path, "/")
	p.depth = max(p.depth, strings.Count(key, "/"))
	if other := p.routes[key]; other != nil {
		// To serve either would be a guess, and they may ask for different things.
		other.fault = fmt.Errorf("path: %q is also the path of %q", other.api.Path, r.api.Name)
		return
	}
	p.routes[key] = r
}

// match returns the route of a path, nil if there is none. APIs of the host come before those of any host. It is
// ambiguous if the path has path parameters and a server that does not see them as part of a segment (RFC 3986
// section 3.3 leaves that open) would find another API.
func (t *table) match(realm, host, path string) (found *route, ambiguous bool) {
	rt := t.realms[realm]
	if rt == nil {
		return nil, false
	}
	if len(rt.hosts) > 0 {
		if p := rt.hosts[hostName(host)]; p != nil {
			if found, ambiguous = p.match(path); found != nil || ambiguous {
				return found, ambiguous
			}
		}
	}
	return rt.any.match(path)
}

func (p *prefixes) match(path string) (found *route, ambiguous bool) {
	head := firstSegments(path, p.depth)
	found = p.longest(head)
	if bare := withoutParameters(head); bare != head && p.longest(bare) != found {
		return nil, true
	}
	return found, false
}

func (p *prefixes) longest(head string) *route {
	for {
		if r := p.routes[head]; r != nil {
			return r
		}
		cut := strings.LastIndexByte(head, '/')
		if cut < 0 {
			return nil
		}
		head = head[:cut]
	}
}

// firstSegments returns at most n segments of the path. No prefix is longer, so looking further would be work that a
// caller could make without bound.
func firstSegments(path string, n int) string {
	for i := 0; i < len(path); i++ {
		if path[i] == '/' {
			if n == 0 {
				return path[:i]
			}
			n--
		}
	}
	return path
}

// withoutParameters returns the path without the path parameters of its segments.
func withoutParameters(path string) string {
	if strings.IndexByte(path, ';') < 0 && !strings.Contains(path, "%3B") {
		return path
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		s, _, _ = strings.Cut(s, ";")
		segments[i], _, _ = strings.Cut(s, "%3B")
	}
	return strings.Join(segments, "/")
}

// hostName returns a Host header without port and trailing dot, in lower case.
func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
