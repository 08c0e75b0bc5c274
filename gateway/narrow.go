package gateway

import (
	"net/http"
	"strings"

	"sallyport/api"
	"sallyport/gateway/match"
	"sallyport/policy"
)

// narrow finds the part of the API that the call is for, and refuses what the API does not serve. Which methods it does
// serve is for anybody to know, so they are looked at before the credential.
func (c *call) narrow(reply http.Header, r *http.Request) *policy.Refusal {
	a := c.route.api
	if !api.Allows(a.Allow, r.Method) {
		return notAllowed(reply, a.Allow)
	}
	rest := c.path[c.end:]
	m := c.route.parts.Find(r.Method, rest, r.Header, c.Params)
	switch {
	case m.Outcome == match.Found:
		c.Route, c.Params = m.Value, m.Params
	case m.Outcome == match.Ambiguous:
		return ambiguous()
	case a.Strict && m.Outcome == match.NotAllowed:
		return notAllowed(reply, c.route.parts.Allowed(rest, r.Header))
	case a.Strict:
		return &policy.Refusal{Status: 404, Reason: policy.APIUnknown, Detail: "This API has nothing under this path."}
	}
	return nil
}

func ambiguous() *policy.Refusal {
	return &policy.Refusal{
		Status: 400, Reason: policy.PathRefused,
		Detail: "This request is not served: the path has a path parameter (\";\") where it decides what is meant.",
	}
}

// notAllowed refuses a method and names the others (RFC 9110 section 15.5.6).
func notAllowed(reply http.Header, allowed []string) *policy.Refusal {
	methods := strings.Join(allowed, ", ")
	reply.Set("Allow", methods)
	return &policy.Refusal{
		Status: 405, Reason: policy.MethodNotAllowed, Detail: "This is not served with this method. Use one of " + methods + ".",
	}
}
