package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"sallyport/oauth"
	"sallyport/problem"
)

// A Front stands before every face of a listener. It makes the Visit, refuses what no face serves, answers for a handler
// that panicked, and tells the access log and the metrics when a request is done.
type Front struct {
	Next    http.Handler
	IDs     *IDs             // required
	Proxies Proxies          // whose word on where a request came from counts; none: nobody's
	Access  *slog.Logger     // one line per request, level Info; nil: none
	Faults  *slog.Logger     // panics, with their stacks; required
	Observe func(*Visit)     // told of each request when it is done; nil: nobody is
	Now     func() time.Time // required
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := f.arrive(w, r)
	r = r.WithContext(v)
	defer f.leave(v, r)
	if r.Method == http.MethodConnect {
		refuseConnect(&v.answer, r)
		return
	}
	f.Next.ServeHTTP(&v.answer, r)
}

func (f *Front) arrive(w http.ResponseWriter, r *http.Request) *Visit {
	v := &Visit{Context: r.Context(), method: r.Method, path: r.URL.Path, start: f.Now(), Secure: r.TLS != nil}
	v.answer.ResponseWriter = w
	v.Source = Peer(r)
	if f.Proxies.Trust(v.Source) {
		v.Secure = forwardedSecure(r, v.Secure)
		v.ID = forwardedID(r)
		v.Source = f.Proxies.source(v.Source, r.Header["X-Forwarded-For"])
	}
	if v.ID == "" {
		v.ID = f.IDs.Next()
	}
	v.idHeader[0] = v.ID
	w.Header()[problem.IDHeader] = v.idHeader[:]
	return v
}

// leave is deferred: it has the last word on a request, however it ended.
func (f *Front) leave(v *Visit, r *http.Request) {
	fault := recover()
	abort := fault != nil && !f.settle(v, r, fault)
	if v.answer.status == 0 && !abort {
		v.answer.status = http.StatusOK // net/http answers so for a handler that says nothing
	}
	if f.Observe != nil {
		f.Observe(v)
	}
	if f.Access != nil && f.Access.Enabled(context.Background(), slog.LevelInfo) {
		f.writeAccess(v)
	}
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// Took returns how long the request has taken until the moment now.
func (v *Visit) Took(now time.Time) time.Duration { return now.Sub(v.start) }

// refuseConnect answers the method CONNECT, which no face serves: this is no tunnel. The connection ends here, because
// what a client sends behind a CONNECT is not certain to be HTTP (RFC 9110 section 9.3.6).
func refuseConnect(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	problem.Problem{
		Status: http.StatusNotImplemented,
		Detail: "This server opens no tunnels. Send the request itself, not CONNECT.",
		Reason: string(oauth.RequestMethod),
	}.Write(w, r)
}
