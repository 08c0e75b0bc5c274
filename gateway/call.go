package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"sync"
	"time"

	"sallyport/explain"
	"sallyport/gateway/lean"
	"sallyport/gateway/upstream"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/web"
)

// A call is one call on its way through. It belongs to the goroutine that serves the request, all but the body, which the
// engine reads, and what early says.
//
// It is the context of what is sent upstream, which saves an allocation on every call; policies get the request's own.
// When the call is over it is used again, unless somebody may still hold on to it: then keep is set. The lean engine is
// done with a request when the answer's body and the request's are closed; net/http's transport gives no such promise. Of
// what is lent to a policy, nothing may be kept: not the call, not the answer's fields.
type call struct {
	context.Context // of the request
	policy.Call

	g     *Gateway
	w     http.ResponseWriter
	r     *http.Request
	route *route     // nil until it is known
	visit *web.Visit // nil outside of a listener
	start time.Time

	path      string // what was matched
	covered   int    // bytes of it that the API covers
	websocket bool   // the caller asks to switch
	preflight bool   // the caller asks whether it may call with another method; this one is not served
	ran       bool   // the chain has seen the call and must be told of its end
	whole     bool   // it was served without a panic
	keep      bool   // somebody may hold on to it

	body     body             // of the request
	out      *http.Request    // what is sent; its context is the call
	url      url.URL          // of out
	answer   *lean.Answer     // memory for what comes back
	response policy.Response  // what policies see of it
	target   *upstream.Target // that has the call; nil: none has
	tried    []*upstream.Target
	sent     int   // attempts
	answered int   // status of the target's answer, 0 as long as there is none
	broke    error // why there was none, or not all of it
	early    early

	status int // answered to the caller
	reason oauth.Reason
	cause  error // of a fault, for those who ask why

	params [8]policy.Param
	known  [4]*upstream.Target // room for tried
	said   []lean.Field        // what the upstream is told
	room   [9]lean.Field       // for it
}

// early passes on what an upstream says before its answer (RFC 9110 section 15.2). The transport may come with it at any
// time; it counts while the call waits.
type early struct {
	trace context.Context // by which the engines find this

	mu      sync.Mutex
	waiting bool
	passed  int
}

// mostInterim is how many interim answers one call may have. net/http's transport counts them no more if somebody listens.
const mostInterim = 100

var errInterim = &lean.Error{Kind: lean.ErrMalformed, Err: errors.New("there are too many answers before it")}

// newCall makes a call for the pool.
func (g *Gateway) newCall() *call {
	c := &call{g: g}
	c.early.trace = httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{Got1xxResponse: c.informational})
	c.out = (&http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(c)
	return c
}

// begin takes a call from the pool.
func (g *Gateway) begin(w http.ResponseWriter, r *http.Request) *call {
	c := g.calls.Get().(*call)
	c.Context, c.w, c.r = r.Context(), w, r
	if c.visit = web.VisitOf(c.Context); c.visit != nil {
		c.visit.Face = Face
		c.start = c.visit.Start()
	}
	if c.start.IsZero() {
		c.start = g.now()
	}
	return c
}

// Value implements context.Context.
func (c *call) Value(key any) any {
	if v := c.early.trace.Value(key); v != nil {
		return v
	}
	return c.Context.Value(key)
}

func (c *call) id() string {
	if c.visit != nil {
		return c.visit.ID
	}
	return ""
}

// refuse answers with a refusal, in the shape that the API's callers know: the API's own, or else that of the dialect by
// whose path they called.
func (c *call) refuse(refusal *policy.Refusal) {
	c.status, c.reason = refusal.Status, refusal.Reason
	if c.visit != nil {
		c.visit.Refused = c.record(refusal)
	}
	if c.sent > 0 && !c.body.complete() { // the rest of the request must not be taken for another
		c.body.stop()
		if c.r.ProtoMajor == 1 {
			c.w.Header().Set("Connection", "close")
		}
	}
	setRetryAfter(c.w.Header(), refusal.RetryAfter)
	write := refuse
	if c.route != nil && c.route.refuse != nil {
		write = c.route.refuse
	} else if to := c.called(); to != nil && c.g.refuse[to.Dialect] != nil {
		write = c.g.refuse[to.Dialect]
	}
	write(c.w, c.r, &c.Call, refusal)
}

// called says which API the call is for, if a dialect's path does; nil: the path itself does.
func (c *call) called() *web.Called {
	if c.visit == nil {
		return nil
	}
	return c.visit.Called
}

// record is what is remembered of a refusal. The listener knows the rest.
func (c *call) record(refusal *policy.Refusal) *explain.Record {
	e := &explain.Record{
		User: c.Caller.User, Way: c.Caller.Way, Client: c.Caller.Client, Reason: string(refusal.Reason),
		Policy: refusal.Policy, Detail: refusal.Detail, Facts: facts(refusal, true), Fix: refusal.Fix,
	}
	if c.Call.Realm != nil {
		e.Realm = c.Call.Realm.Name
	}
	if c.Call.Route != nil {
		e.Route = c.Call.Route.Path
	}
	if c.cause != nil {
		e.Cause = c.cause.Error()
	}
	return e
}

// end is deferred: it tells everybody who has to know that the call is over, however it ended, and puts it away.
func (c *call) end() {
	c.body.stop()
	c.release()
	if c.ran {
		c.route.chain.Done(&c.Call)
	}
	if c.visit != nil {
		c.visit.Client, c.visit.Reason = c.Caller.Client, string(c.reason)
		if c.route != nil {
			c.visit.API = c.route.api.Name
		}
	}
	if c.route != nil && c.route.meter != nil {
		c.route.meter(c.status, c.reason, c.g.now().Sub(c.start))
	}
	if c.whole && !c.keep && !c.body.held() {
		c.reset()
		c.g.calls.Put(c)
	}
}

// release tells the target that it is done with.
func (c *call) release() {
	if c.target != nil {
		c.route.group.End(c.target, c.answered, c.broke)
		c.target, c.answered, c.broke = nil, 0, nil
	}
}

// reset forgets everything of the call. Only what is made once stays: the request, which has the call for its context, and
// the way by which engines find early.
func (c *call) reset() {
	out, trace, g, answer := c.out, c.early.trace, c.g, c.answer
	out.URL, out.Header, out.Body, out.Trailer, out.Host, out.Method, out.ContentLength = nil, nil, nil, nil, "", "", 0
	*c = call{g: g, out: out, answer: answer}
	c.early.trace = trace
}

// wait says that from now on the upstream may have something to say before its answer; over says that it has not.
func (e *early) wait(waiting bool) {
	e.mu.Lock()
	e.waiting = waiting
	e.mu.Unlock()
}

// informational passes on an interim answer. 100 is not: whether the caller is to send its body is between the caller and
// us, and is said when somebody begins to read it. 101 is an answer.
func (c *call) informational(status int, header textproto.MIMEHeader) error {
	c.early.mu.Lock()
	defer c.early.mu.Unlock()
	// RFC 9110 section 15.2: HTTP/1.0 knows no such answers.
	if !c.early.waiting || status == http.StatusContinue || status == http.StatusSwitchingProtocols || !c.r.ProtoAtLeast(1, 1) {
		return nil
	}
	if c.early.passed++; c.early.passed > mostInterim {
		return errInterim
	}
	h := c.w.Header()
	kept := h.Clone() // what belongs to the answer
	clear(h)
	for name, values := range header {
		if !isHop(name) && !isFraming(name) && name != problem.IDHeader {
			h[name] = values
		}
	}
	keepOffPages(h)
	c.w.WriteHeader(status)
	clear(h)
	for name, values := range kept {
		h[name] = values
	}
	return nil
}
