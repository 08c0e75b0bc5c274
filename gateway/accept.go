package gateway

import (
	"net/http"
	"slices"
	"strings"

	"sallyport/api"
	"sallyport/gateway/lean"
	"sallyport/gateway/match"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/web"
)

// accept looks at everything that is decided before any policy: whether the request says one thing only, which API and
// which route it is for, and whether they are served. What it leaves of the header is what policies see.
func (c *call) accept() *policy.Refusal {
	if c.r.Method == http.MethodConnect || c.r.Method == http.MethodTrace {
		// RFC 9110 section 9.3.8: an answer to TRACE would show the caller what we tell the upstream.
		c.w.Header().Set("Connection", "close")
		return &policy.Refusal{Status: 501, Reason: oauth.RequestMethod, Detail: "This method is not forwarded."}
	}
	if refusal := c.checkFraming(); refusal != nil {
		c.w.Header().Set("Connection", "close") // what follows on the connection is anybody's guess
		return refusal
	}
	c.websocket = clean(c.r.Header) && c.r.Method == http.MethodGet && c.r.ProtoAtLeast(1, 1) && c.r.ProtoMajor == 1
	if refusal := c.find(); refusal != nil {
		return refusal
	}
	if a := c.route.api; len(a.Methods)+len(a.Allow)+len(a.Routes) > 0 {
		removeOverrides(c.r.Header)
	}
	c.Call.API = c.route.api
	if goesRound(c.r.Header) {
		return &policy.Refusal{Status: 508, Reason: policy.UpstreamLoop, Detail: "This API's server sends calls back to this gateway. Its registration has to be corrected."}
	}
	c.describe()
	// Before a browser calls in another site's name it asks whether it may, with a method that is not the call's own. A
	// policy may answer that.
	refusal := c.narrow()
	if refusal != nil && refusal.Status == http.StatusMethodNotAllowed && c.isPreflight() {
		c.w.Header().Del("Allow")
		c.preflight = true
		return nil
	}
	return refusal
}

// checkFraming refuses requests of which two servers could see different ends, or different hosts. net/http has dealt
// with most of it by now; wire_test.go says with what answer.
func (c *call) checkFraming() *policy.Refusal {
	r := c.r
	if r.ProtoMajor == 1 && r.ProtoMinor == 0 {
		// RFC 9112 section 6.1: an HTTP/1.0 message with a Transfer-Encoding has no certain end. net/http has removed the
		// field by now, so no connection of that version is used again.
		c.w.Header().Set("Connection", "close")
	}
	if len(r.TransferEncoding) > 0 && (len(r.TransferEncoding) > 1 || r.TransferEncoding[0] != "chunked" || r.Header["Content-Length"] != nil) {
		return &policy.Refusal{Status: 400, Reason: policy.RequestRefused, Detail: "This request is not served: it says in more than one way where its body ends."}
	}
	if r.ProtoMajor > 1 && (!lean.IsToken(r.Method) || len(r.Header["Content-Length"]) > 1) {
		// RFC 9113 section 8.1.1 calls both malformed. net/http looks for them in HTTP/1 alone.
		return &policy.Refusal{Status: 400, Reason: policy.RequestRefused, Detail: "This request is not served: it is malformed."}
	}
	// RFC 9110 section 10.1.1. net/http finds the one expectation there is among other words as well; an upstream may not,
	// and then the two wait for different things.
	if expect := r.Header["Expect"]; expect != nil && (len(expect) > 1 || !strings.EqualFold(expect[0], "100-continue")) {
		return &policy.Refusal{Status: 417, Reason: policy.RequestRefused, Detail: "This request expects what is not known here. Leave out Expect, or send 100-continue."}
	}
	// RFC 9113 section 8.3.1: HTTP/2 has the host in a pseudo-header; a Host field must not say otherwise.
	if hosts := r.Header["Host"]; hosts != nil && (len(hosts) > 1 || !strings.EqualFold(hosts[0], r.Host)) {
		return &policy.Refusal{Status: 400, Reason: policy.RequestRefused, Detail: "This request is not served: it names more than one host."}
	}
	return nil
}

// find says which API and which route the call is for.
func (c *call) find() *policy.Refusal {
	r := c.r
	// RFC 9112 section 3.2.2: the target may be a whole URL. One with a user in it is an error (RFC 9110 section 4.2.4).
	// HTTP/2 has the parts of a URL apart (RFC 9113 section 8.3.1).
	if s := r.URL.Scheme; s != "" && (r.ProtoMajor > 1 || s != "http" && s != "https" || r.URL.User != nil || r.URL.Opaque != "") {
		return &policy.Refusal{Status: 400, Reason: policy.PathRefused, Detail: "This request is not served: its target is neither a path nor a plain http or https URL."}
	}
	spelled := received(r)
	to := c.called()
	if to != nil {
		spelled = to.Path
		if to.Foreign {
			return &policy.Refusal{Status: 421, Reason: policy.HostRefused, Detail: "APIs are not called under this host name."}
		}
	}
	path, err := api.ParsePath(spelled)
	if err != nil {
		return &policy.Refusal{Status: 400, Reason: policy.PathRefused, Detail: "This request is not served: " + err.Error() + "."}
	}
	if c.Call.Realm = realm.FromContext(c.Context); c.Call.Realm != nil {
		t := c.g.routes.current(c.Context)
		var named *route
		if to != nil && to.Named {
			if path, named = t.named(c.Call.Realm.Name, path); named == nil {
				return unknown()
			}
		}
		m := t.match.Find(c.Call.Realm.Name, r.Host, path, r.Header, c.params[:0])
		switch {
		case m.Outcome == match.Ambiguous:
			return ambiguous()
		case named != nil && m.Value != named: // a call that another API decides on is made by that one's name
			return unknown()
		}
		c.route, c.covered, c.Call.Params = m.Value, m.End, m.Params
	}
	c.path, c.Call.Path = path, path
	switch {
	case c.route == nil:
		return unknown()
	case c.route.api.Disabled:
		return &policy.Refusal{Status: 503, Reason: policy.APIDisabled, Detail: "This API is switched off."}
	case c.route.fault != nil:
		return &policy.Refusal{Status: 500, Reason: policy.APIMisconfigured, Detail: "This API is registered in a way that the server does not understand. Its log has the details."}
	}
	return nil
}

func unknown() *policy.Refusal {
	return &policy.Refusal{Status: 404, Reason: policy.APIUnknown, Detail: "Nothing is registered under this path."}
}

func ambiguous() *policy.Refusal {
	return &policy.Refusal{
		Status: 400, Reason: policy.PathRefused,
		Detail: "This request is not served: it can be read in more than one way where that decides what is meant.",
		Fix:    "Send the path without path parameters (\";\") and needless escapes, and each header field once.",
	}
}

// received returns the path as it was on the wire. RawPath is kept where decoding Path again would not give it back.
func received(r *http.Request) string {
	if r.URL.RawPath != "" {
		return r.URL.RawPath
	}
	return r.URL.EscapedPath()
}

// narrow finds the part of the API that the call is for, and refuses what the API does not serve. Which methods it does
// serve is for anybody to know, so they are looked at before the credential.
func (c *call) narrow() *policy.Refusal {
	a := c.route.api
	if !api.Allows(a.Allow, c.r.Method) {
		return c.notAllowed(a.Allow)
	}
	rest := c.path[c.covered:]
	m := c.route.parts.Find(c.r.Method, rest, c.r.Header, c.Call.Params)
	switch {
	case m.Outcome == match.Found:
		c.Call.Route, c.Call.Params = m.Value, m.Params
	case m.Outcome == match.Ambiguous:
		return ambiguous()
	case a.Strict && m.Outcome == match.NotAllowed:
		return c.notAllowed(c.route.parts.Allowed(rest, c.r.Header))
	case a.Strict:
		return &policy.Refusal{Status: 404, Reason: policy.APIUnknown, Detail: "This API has nothing under this path."}
	}
	return nil
}

// notAllowed refuses a method and names the others (RFC 9110 section 15.5.6).
func (c *call) notAllowed(allowed []string) *policy.Refusal {
	methods := strings.Join(allowed, ", ")
	if api.Allows(allowed, http.MethodHead) && !slices.Contains(allowed, http.MethodHead) {
		methods += ", " + http.MethodHead
	}
	c.w.Header().Set("Allow", methods)
	return &policy.Refusal{
		Status: 405, Reason: policy.MethodNotAllowed, Detail: "This is not served with this method. Use one of " + methods + ".",
		Facts: []policy.Fact{{Name: "methods that are served", Value: methods, Public: true}},
	}
}

func (c *call) isPreflight() bool {
	return c.r.Method == http.MethodOptions && len(c.route.api.Policies) > 0 && c.r.Header["Origin"] != nil && c.r.Header["Access-Control-Request-Method"] != nil
}

// describe fills in what policies see.
func (c *call) describe() {
	r := c.r
	c.Call.Method, c.Call.Host, c.Call.Query, c.Call.Header, c.Call.Reply = r.Method, r.Host, r.URL.RawQuery, r.Header, policy.Fields(c.w.Header())
	c.Call.Dialect = c.route.api.Errors
	if to := c.called(); to != nil && c.Call.Dialect == "" {
		c.Call.Dialect = to.Dialect
	}
	c.Call.Body = &c.body
	c.body.begin(c)
	if c.visit != nil {
		c.Call.Source, c.Call.Time, c.Call.Peer.Secure = c.visit.Source, c.visit.Start(), c.visit.Secure
	} else {
		c.Call.Source, c.Call.Peer.Secure = web.Peer(r), r.TLS != nil
	}
	if c.Call.Time.IsZero() {
		c.Call.Time = c.start
	}
	// A certificate counts if it was checked against the server's authorities for clients.
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 && len(r.TLS.PeerCertificates) > 0 {
		leaf := r.TLS.PeerCertificates[0]
		c.Call.Peer.Certificate, c.Call.Peer.Subject = leaf.Raw, leaf.Subject.String()
	}
}

const (
	// pseudonym is what we are called in Via.
	pseudonym = "sallyport"
	// maxRounds is how often a call may have come through gateways like this one. Beyond, an upstream is one of them, and
	// the call would go round until something breaks.
	maxRounds = 5
)

func goesRound(h http.Header) bool {
	rounds := 0
	for _, via := range h["Via"] {
		rounds += strings.Count(via, " "+pseudonym)
	}
	return rounds >= maxRounds
}
