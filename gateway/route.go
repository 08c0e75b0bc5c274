package gateway

import (
	"errors"
	"net/url"
	"strings"

	"sallyport/api"
	"sallyport/policy"
)

// A route is an API made ready.
type route struct {
	api    *api.API
	chain  *policy.Chain
	refuse RefuseFunc // nil: the default
	meter  Meter      // nil: none
	fault  error      // why it cannot be served; its callers are refused, and never served by a shorter prefix

	scheme, host, base string // of the upstream
	strip              int    // bytes that are taken off the path
}

func compileRoute(a *api.API, c Config) *route {
	r := &route{api: a, refuse: c.Refuse[a.Errors]}
	if c.Meter != nil {
		r.meter = c.Meter(a.Realm, a.Name)
	}
	path, pathErr := api.ParsePath(a.Path)
	if pathErr == nil && path != a.Path {
		pathErr = errors.New("path: it is not in its simplest spelling")
	}
	upstream, upstreamErr := url.Parse(a.Upstream)
	if upstreamErr != nil || upstream.Host == "" || upstream.Scheme != "http" && upstream.Scheme != "https" {
		upstream, upstreamErr = &url.URL{}, errors.New("upstream: it is not an http or https URL")
	}
	r.scheme, r.host, r.base = upstream.Scheme, upstream.Host, strings.TrimSuffix(upstream.EscapedPath(), "/")
	var chainErr error
	r.chain, chainErr = policy.NewChain(a, c.Parts)
	r.fault = errors.Join(pathErr, upstreamErr, chainErr)
	if a.Strip {
		r.strip = len(strings.TrimSuffix(a.Path, "/"))
	}
	return r
}

// target returns the path that is sent upstream for a path that was matched.
func (r *route) target(path string) string {
	rest := path[r.strip:]
	switch {
	case r.base == "" && rest == "":
		return "/"
	case r.base == "":
		return rest
	}
	return r.base + rest
}
