package gateway

import (
	"errors"
	"net/url"
	"strings"

	"sallyport/api"
	"sallyport/gateway/match"
	"sallyport/policy"
)

// A route is an API made ready.
type route struct {
	api    *api.API
	chain  *policy.Chain
	refuse RefuseFunc // nil: the default
	meter  Meter      // nil: none
	fault  error      // why it cannot be served; its callers are refused, and never served by a shorter prefix

	parts *match.Routes

	scheme, host, base string // of the upstream
}

func compileRoute(a *api.API, c Config) *route {
	r := &route{api: a, refuse: c.Refuse[a.Errors]}
	if c.Meter != nil {
		r.meter = c.Meter(a.Realm, a.Name)
	}
	var partsErr error
	r.parts, partsErr = compileParts(a)
	upstream, upstreamErr := url.Parse(a.Upstream)
	if upstreamErr != nil || upstream.Host == "" || upstream.Scheme != "http" && upstream.Scheme != "https" {
		upstream, upstreamErr = &url.URL{}, errors.New("upstream: it is not an http or https URL")
	}
	r.scheme, r.host, r.base = upstream.Scheme, upstream.Host, strings.TrimSuffix(upstream.EscapedPath(), "/")
	var chainErr error
	r.chain, chainErr = policy.NewChain(a, c.Parts)
	r.fault = errors.Join(partsErr, upstreamErr, chainErr)
	return r
}

// target returns the path that is sent upstream for a path of which the API covers so many bytes.
func (r *route) target(path string, covered int) string {
	rest := path
	if r.api.Strip {
		rest = path[covered:]
	}
	switch {
	case r.base == "" && rest == "":
		return "/"
	case r.base == "":
		return rest
	}
	return r.base + rest
}
