package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sallyport/gateway/lean"
	"sallyport/gateway/upstream"
	"sallyport/policy"
)

// forward sends the call upstream and the answer back.
//
// What passes through may be large and slow, and so may the answer, during which the server watches the connection. So
// its limit on the time that a request may take to arrive ends here, and no earlier: whoever has not been let in must not
// be able to hold a connection for ever. From here on the limit is on the time between two pieces.
func (c *call) forward() {
	if c.body.from != nil {
		_ = http.NewResponseController(c.w).SetReadDeadline(time.Time{}) // not every ResponseWriter has a connection
	}
	c.body.idle = c.route.link.limits.Idle
	h := c.r.Header
	c.announce()
	c.out.Method, c.out.Header, c.out.URL = c.Call.Method, h, &c.url
	if c.websocket {
		h["Connection"], h["Upgrade"] = upgrade, websocket
	}
	c.announceTrailers()
	c.mirror()
	c.keepBody()
	res, err := c.exchange()
	if err != nil {
		c.failed(err)
		return
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		c.switchProtocols(res)
		return
	}
	c.deliver(res)
}

var (
	upgrade   = []string{"Upgrade"}
	websocket = []string{"websocket"}
)

// announceTrailers prepares the trailer fields that the caller has announced, so that the upstream is told of them. Those
// that a caller must not set are left out, and so is what comes without having been announced, and what is no name: it
// would be the target's fault to net/http's transport.
func (c *call) announceTrailers() {
	if len(c.r.Trailer) == 0 {
		return
	}
	trailers := http.Header{}
	for name := range c.r.Trailer {
		if lean.IsToken(name) && !isHop(name) && !isFraming(name) && !isIdentity(name) && name != "Authorization" && name != "Cookie" {
			trailers[name] = nil
		}
	}
	if len(trailers) > 0 {
		c.out.Trailer = trailers
	}
}

// takeTrailers is called when the caller's body is at its end, by whoever reads it.
func (c *call) takeTrailers() {
	for name := range c.out.Trailer {
		c.out.Trailer[name] = c.r.Trailer[name]
	}
}

// keepBody reads a small body before it is sent, if the API wants calls to be sent again that fail. The engine may have read
// it before it knows that there is no connection.
func (c *call) keepBody() {
	if n := c.body.length; n > 0 && n <= largestCopy && c.route.api.Retry.Attempts > 0 && c.r.Header["Expect"] == nil {
		_, _ = c.body.Read(largestCopy) // who sends it finds out what is wrong with it
	}
}

// exchange sends the request to a target, and to others as long as that fails and may be tried again. The target of the
// answer is c.target.
func (c *call) exchange() (*http.Response, error) {
	group := c.route.group
	key := c.balanceKey(group.Key())
	c.tried = c.known[:0]
	for {
		t, err := group.Pick(c.Source, key, c.tried)
		if err != nil {
			return nil, err
		}
		group.Begin(t)
		c.target, c.answered, c.broke = t, 0, nil
		res, err := c.attempt(t)
		if err != nil {
			c.broke = c.blame(err)
		} else {
			c.answered = res.StatusCode
		}
		if c.Context.Err() != nil || res == nil && c.broke == nil ||
			!group.MayRetry(c.sent-1, c.out.Method, c.body.spent(), connected(err), c.answered) {
			return res, err
		}
		if res != nil {
			_ = res.Body.Close() // whoever sent it has more to say than anybody wants to read
		}
		c.release()
		c.tried = append(c.tried, t)
		c.out = c.out.WithContext(c) // somebody may still look at the first
		c.keep = true
	}
}

// attempt sends the request to one target.
func (c *call) attempt(t *upstream.Target) (*http.Response, error) {
	c.address(t)
	c.out.ContentLength = c.body.length
	if body := c.body.send(); body != nil {
		c.out.Body = body
		if len(c.out.Trailer) > 0 {
			c.out.ContentLength = -1 // only chunks have trailers
		}
	} else {
		c.out.Body, c.out.ContentLength = nil, 0
	}
	done := func(int, error) {}
	if c.visit != nil && c.visit.Span != nil {
		done = c.visit.Span.Upstream(c.out)
	}
	c.sent++
	c.early.wait(true)
	res, err := c.route.link.send(c)
	c.early.wait(false)
	if err == nil && (res.StatusCode < 200 || res.StatusCode > 999) && !(res.StatusCode == 101 && c.websocket) {
		_ = res.Body.Close()
		res, err = nil, errStatus
	}
	if err != nil {
		done(0, err)
		return nil, err
	}
	done(res.StatusCode, nil)
	return res, nil
}

var errStatus = errors.New("the upstream answered with a status that no answer has here")

// address writes where the request goes. What goes on the wire is RawPath, for it is a valid encoding of Path. The query
// goes as it came: it was no part of the decision, and what a library would leave out of it is for the upstream to judge.
//
// A path that a policy has changed is what it says: it goes behind the target's own, and nothing is taken off.
func (c *call) address(t *upstream.Target) {
	path := ""
	if c.Call.Path == c.path {
		path = c.route.target(t, c.path, c.covered, c.Call.Params)
	} else {
		path = t.Path(c.Call.Path, c.Call.Params)
	}
	plain, err := url.PathUnescape(path)
	if err != nil { // cannot happen: the path was parsed
		plain = path
	}
	c.url = url.URL{Scheme: t.Scheme, Host: t.Host, Path: plain, RawPath: path, RawQuery: c.Call.Query}
	switch host := c.route.api.Upstreams.Host; host {
	case "":
		c.out.Host = ""
	case "caller":
		c.out.Host = c.r.Host
	default:
		c.out.Host = host
	}
}

// balanceKey is the part of the call that targets are chosen by.
func (c *call) balanceKey(k upstream.Key) string {
	switch k.Part {
	case upstream.PartClient:
		return c.Caller.Client
	case upstream.PartUser:
		return c.Caller.User
	case upstream.PartPath:
		return c.path
	case upstream.PartHeader:
		return c.r.Header.Get(k.Name)
	case upstream.PartCookie:
		if cookie, err := c.r.Cookie(k.Name); err == nil {
			return cookie.Value
		}
	}
	return ""
}

// mirror sends a copy of the call elsewhere, if the API wants that. A call with a body that is large, or of a length that
// nobody knows yet, is not copied: it would have to be kept.
func (c *call) mirror() {
	t, yes := c.route.group.Mirror()
	if !yes || c.websocket || c.body.length < 0 || c.body.length > largestCopy {
		return
	}
	body, err := c.body.Read(largestCopy)
	if err != nil {
		return // the call itself will fail by it
	}
	c.address(t)
	u := c.url
	h := c.r.Header.Clone()
	c.sayIn(h)
	delete(h, "Expect")
	if c.body.length > 0 {
		delete(c.r.Header, "Expect") // it has been met
	}
	c.g.copies.send(c.route, t, &http.Request{
		Method: c.out.Method, URL: &u, Host: c.out.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(body)), Body: http.NoBody,
	}, strings.Clone(string(body)))
}

// answerItself gives the answer of a policy.
func (c *call) answerItself() {
	a := c.Call.Answer
	h := make(policy.Fields, len(a.Header))
	for _, f := range a.Header {
		h.Add(f.Name, f.Value)
	}
	c.response = policy.Response{Status: a.Status, Header: h, Body: bytesBody(a.Body), Length: int64(len(a.Body)), Answered: true}
	c.respond(nil)
}
