package web

import "net/http"

// A Tracer takes part in traces that reach across servers (W3C Trace Context).
type Tracer interface {
	// Begin is told of a request before anybody serves it; nil: this one is not traced.
	Begin(v *Visit, r *http.Request) Span
}

// A Span is a request's part of a trace. It belongs to the goroutine that serves the request.
type Span interface {
	// Upstream begins the part of a call to an upstream and writes into the header of out what that server needs to
	// continue the trace. The function it returns ends the part; status is 0 if there was no answer.
	Upstream(out *http.Request) func(status int, err error)
	// End is told when the request is done.
	End(v *Visit)
}
