package gateway

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/web"
)

// A call is one call on its way through. It is the context of the request as well, which saves an allocation on every
// call. It belongs to the goroutine that serves the request, all but the body, which the transport reads.
type call struct {
	context.Context
	policy.Call

	route  *route       // nil until it is known
	visit  *web.Visit   // nil outside of a listener
	path   string       // what was matched: a policy cannot change what is sent
	end    int          // bytes of path that the API covers
	start  time.Time    //
	status int          // answered
	reason oauth.Reason // of the refusal
	body   callBody     // of the request
	values [7]string    // of the headers that we add
}

type callKey struct{}

// Value implements context.Context.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

func (c *call) id() string {
	if c.visit != nil {
		return c.visit.ID
	}
	return ""
}

// refuse answers with a refusal, in the shape that the API's callers know.
func (c *call) refuse(w http.ResponseWriter, r *http.Request, refusal *policy.Refusal) {
	c.status, c.reason = refusal.Status, refusal.Reason
	setRetryAfter(w.Header(), refusal.RetryAfter)
	if c.route != nil && c.route.refuse != nil {
		c.route.refuse(w, r, refusal)
		return
	}
	refuse(w, r, refusal)
}

// done tells the log and the counters what became of the call, also when the connection was cut.
func (c *call) done(now func() time.Time) {
	if c.visit != nil {
		c.visit.Client, c.visit.Reason = c.Caller.Client, string(c.reason)
		if c.route != nil {
			c.visit.API = c.route.api.Name
		}
	}
	if c.route != nil && c.route.meter != nil {
		c.route.meter(c.status, c.reason, now().Sub(c.start))
	}
}

// callBody remembers whether it was the caller's fault that a body could not be sent on.
type callBody struct {
	io.ReadCloser
	failed atomic.Bool // set by the transport's goroutine
}

// Read implements io.Reader.
func (b *callBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.failed.Store(true)
	}
	return n, err
}
