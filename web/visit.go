package web

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"sallyport/explain"
)

// A Visit is what the listener knows about one request, and what those who serve it add for the log. It is the request's
// context at the same time, so that a request costs one allocation and one value in its context, not five.
//
// The fields belong to the goroutine that serves the request. They are read when it is done.
type Visit struct {
	// Context is the request's own. Whoever has not yet derived anything from the visit may put more into it, in place
	// of another copy of the request:
	//
	//	v.Context = realm.NewContext(v.Context, r)
	context.Context

	ID     string     // of the request: in the log, in the response header X-Request-Id, in problems
	Source netip.Addr // where it came from, trusted proxies taken into account
	Secure bool       // it came by https, if only as far as a trusted proxy

	Trusted bool // it came through a trusted proxy

	Called *Called // which API is called, if another product's path says so; nil: the path itself does

	Face   string // who serves it, for metrics and the log; set by the listener's routing
	API    string // the API called; set by the gateway
	Client string // the client that called it
	Reason string // why it was refused

	// Refused is what is remembered of a refusal, for those who ask why; nil: what the fields above say. The Front fills
	// in what it knows itself: id, time, method, host, path, source, status, and what is empty of the fields above.
	Refused *explain.Record
	// Span is the visit's part of a trace; nil: nobody traces.
	Span Span

	method, path string // as they were before anybody rewrote them
	rawPath      string // spelled as it came, if that is not how a URL would write it
	host, proto  string
	sent         sent
	start        time.Time
	answer       answer
	idHeader     [1]string
}

type visitKey struct{}

// Value implements context.Context.
func (v *Visit) Value(key any) any {
	if key == (visitKey{}) {
		return v
	}
	return v.Context.Value(key)
}

// VisitOf returns the visit a context belongs to, nil if there is none.
func VisitOf(ctx context.Context) *Visit {
	v, _ := ctx.Value(visitKey{}).(*Visit)
	return v
}

// WithSource returns a context that carries the address a request came from.
func WithSource(ctx context.Context, addr netip.Addr) context.Context {
	v := &Visit{Context: ctx, Source: addr}
	if outer := VisitOf(ctx); outer != nil {
		v.ID, v.Secure = outer.ID, outer.Secure
	}
	return v
}

// Source returns the address the request came from: the one its visit tells, otherwise the peer's.
func Source(r *http.Request) netip.Addr {
	if v := VisitOf(r.Context()); v != nil {
		return v.Source
	}
	return Peer(r)
}

// RequestID returns the id of the request, "" if it has none.
func RequestID(ctx context.Context) string {
	if v := VisitOf(ctx); v != nil {
		return v.ID
	}
	return ""
}

// Method returns the request's method as it arrived.
func (v *Visit) Method() string { return v.method }

// Path returns the request's path as it arrived, still encoded: a refusal may be about the spelling. The query, which may
// hold a token, is not part of it.
func (v *Visit) Path() string {
	if v.rawPath != "" {
		return v.rawPath
	}
	return (&url.URL{Path: v.path}).EscapedPath()
}

// Host returns the host that was asked for, as it arrived.
func (v *Visit) Host() string { return v.host }

// Start returns when the request arrived.
func (v *Visit) Start() time.Time { return v.start }

// Status returns the status that was answered, 0 as long as none was.
func (v *Visit) Status() int { return v.answer.status }

// Bytes returns how many bytes of body were answered.
func (v *Visit) Bytes() int64 { return v.answer.bytes }
