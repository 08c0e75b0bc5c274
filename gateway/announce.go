package gateway

import (
	"fmt"
	"net/http"

	"sallyport/problem"
)

// Values that are shared by all requests; nobody appends to or writes into a header's values.
var (
	protoHTTPS = []string{"https"}
	protoHTTP  = []string{"http"}
	via11      = []string{"1.1 " + pseudonym}
)

// announce tells the upstream who calls and how. Everything that could be mistaken for it has been removed from h.
func (c *call) announce(h http.Header) {
	n := 0
	set := func(name, value string) {
		c.values[n] = value
		h[name] = c.values[n : n+1 : n+1]
		n++
	}
	if c.Source.IsValid() {
		set("X-Forwarded-For", c.Source.String())
	}
	set("X-Forwarded-Host", c.r.Host)
	if c.Peer.Secure {
		h["X-Forwarded-Proto"] = protoHTTPS
	} else {
		h["X-Forwarded-Proto"] = protoHTTP
	}
	// RFC 9110 section 7.6.3: a gateway names itself in every request.
	if via := h["Via"]; via == nil && c.r.ProtoMajor == 1 && c.r.ProtoMinor == 1 {
		h["Via"] = via11
	} else {
		h["Via"] = append(via[:len(via):len(via)], fmt.Sprintf("%d.%d %s", c.r.ProtoMajor, c.r.ProtoMinor, pseudonym))
	}
	if c.route.api.Strip && c.covered > 0 {
		set("X-Forwarded-Prefix", c.path[:c.covered])
	}
	if c.Caller.Client != "" {
		set("X-Sallyport-Client", headerValue(c.Caller.Client))
		set("X-Sallyport-Scope", c.Caller.Scope.String())
	}
	if c.Caller.User != "" {
		set("X-Sallyport-User", headerValue(c.Caller.User))
	}
	if id := c.id(); id != "" {
		set(problem.IDHeader, id)
	}
}
