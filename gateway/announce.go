package gateway

import (
	"fmt"
	"net/http"

	"sallyport/gateway/lean"
	"sallyport/problem"
)

// announce collects what the upstream is told of who calls and how: c.said. Everything that could be mistaken for it has
// been removed from the request's header before the policies ran; what a policy has set under these names goes now.
func (c *call) announce() {
	c.said = c.room[:0]
	if c.Source.IsValid() {
		c.say("X-Forwarded-For", c.Source.String())
	}
	c.say("X-Forwarded-Host", c.r.Host)
	if c.Peer.Secure {
		c.say("X-Forwarded-Proto", "https")
	} else {
		c.say("X-Forwarded-Proto", "http")
	}
	c.say("Via", c.via())
	if c.route.api.Strip && c.covered > 0 {
		c.say("X-Forwarded-Prefix", c.path[:c.covered])
	}
	if c.Caller.Client != "" {
		c.say("X-Sallyport-Client", headerValue(c.Caller.Client))
		c.say("X-Sallyport-Scope", c.Caller.Scope.String())
	}
	if c.Caller.User != "" {
		c.say("X-Sallyport-User", headerValue(c.Caller.User))
	}
	if id := c.id(); id != "" {
		c.say(problem.IDHeader, id)
	}
	if len(c.route.api.Policies) > 0 {
		for _, f := range c.said {
			delete(c.r.Header, f.Name)
		}
	}
}

func (c *call) say(name, value string) { c.said = append(c.said, lean.Field{Name: name, Value: value}) }

// via names the gateway behind those that the call has come through (RFC 9110 section 7.6.3).
func (c *call) via() string {
	before := c.r.Header["Via"]
	if before == nil && c.r.ProtoMajor == 1 && c.r.ProtoMinor == 1 {
		return via11
	}
	delete(c.r.Header, "Via")
	list := ""
	for _, via := range before {
		list += via + ", "
	}
	return fmt.Sprintf("%s%d.%d %s", list, c.r.ProtoMajor, c.r.ProtoMinor, pseudonym)
}

const via11 = "1.1 " + pseudonym

// sayIn writes what was collected into a header, for an engine that has no other place for it.
func (c *call) sayIn(h http.Header) {
	for _, f := range c.said {
		h[f.Name] = []string{f.Value}
	}
}
