package gateway

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/textproto"
	"strconv"

	"sallyport/gateway/lean"
	"sallyport/oauth"
	"sallyport/policy"
)

// statusClientGone is what the log and the counters say of a call whose caller did not wait for the answer.
const statusClientGone = 499

const askOperator = "Try again later. If it lasts, the API's operator has to look after its server."

// failed answers for an upstream that did not. Policies may know better: one has a copy of an earlier answer.
func (c *call) failed(err error) {
	mine := c.body.failed()
	// A caller who is late is still there, although net/http says that the connection has failed.
	late := mine != nil && mine.Status == http.StatusRequestTimeout
	if c.Context.Err() != nil && !late {
		c.status = statusClientGone
		c.w.WriteHeader(statusClientGone) // nobody reads it
		return
	}
	if mine != nil {
		c.cause = err
		c.refuse(mine)
		return
	}
	refusal := c.failure(err)
	if c.route.looks {
		c.response = policy.Response{Status: refusal.Status, Header: textproto.MIMEHeader{}, Body: http.NoBody, Failure: refusal}
		c.respond(nil)
		return
	}
	c.refuse(refusal)
}

// failure says what the caller is told of an upstream that did not answer.
func (c *call) failure(err error) *policy.Refusal {
	c.cause = err
	var refusal *policy.Refusal
	var timeout net.Error
	switch {
	case errors.As(err, &refusal): // there is no target
		return refusal
	case errors.Is(err, lean.ErrDenied):
		refusal = &policy.Refusal{
			Status: http.StatusBadGateway, Reason: policy.UpstreamDenied,
			Detail: "The API's server is at an address that calls must not go to. Its registration has to be corrected.",
			Fix:    "Ask the API's operator to name a server elsewhere.",
		}
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		refusal = &policy.Refusal{Status: http.StatusGatewayTimeout, Reason: policy.UpstreamTimeout, Detail: "The API's server took too long. Try again shortly.", Fix: askOperator}
	case errors.Is(err, lean.ErrRequest):
		refusal = &policy.Refusal{Status: http.StatusBadRequest, Reason: policy.RequestRefused, Detail: "This request cannot be sent on as it is."}
	default:
		refusal = &policy.Refusal{Status: http.StatusBadGateway, Reason: policy.UpstreamFailed, Detail: "The API's server could not be reached, or broke off. Try again shortly.", Fix: askOperator}
	}
	if c.target != nil {
		refusal.Facts = append(refusal.Facts, policy.Fact{Name: "server", Value: c.target.String()}, policy.Fact{Name: "attempts", Value: strconv.Itoa(c.sent)})
	}
	c.log("a call could not be forwarded", refusal.Reason, err)
	return refusal
}

func (c *call) log(what string, reason oauth.Reason, err error) {
	a := c.route.api
	c.g.log.Warn(what, "realm", a.Realm, "api", a.Name, "id", c.id(), "reason", reason, "cause", err)
}

// blame returns the error of an exchange if it tells something about the target, nil if the caller is to blame.
func (c *call) blame(err error) error {
	if c.Context.Err() != nil || c.body.failed() != nil || errors.Is(err, lean.ErrRequest) {
		return nil
	}
	return err
}

// connected reports whether any of the request may have reached a server.
func connected(err error) bool {
	if err == nil {
		return true
	}
	var op *net.OpError
	switch {
	case errors.Is(err, lean.ErrConnect), errors.Is(err, lean.ErrDenied), errors.As(err, &op) && op.Op == "dial":
		return false
	}
	return true
}
