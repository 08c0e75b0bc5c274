package web

import (
	"cmp"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"sallyport/explain"
	"sallyport/oauth"
	"sallyport/problem"
)

// A Front stands before every face of a listener. It makes the Visit, refuses what no face serves, answers for a handler
// that panicked, and tells the access log and the metrics when a request is done.
type Front struct {
	Next    http.Handler
	IDs     *IDs             // required
	Proxies Proxies          // whose word on where a request came from counts; none: nobody's
	Access  Access           // told of each request for its log; nil: there is none
	Faults  *slog.Logger     // panics, with their stacks; required
	Observe func(*Visit)     // told of each request when it is done; nil: nobody is
	Explain *explain.Ring    // remembers refusals; nil: nobody does
	Trace   Tracer           // nil: nobody traces
	Now     func() time.Time // required

	// BodyTimeout is how long a body may take to arrive, unless a face says otherwise. 0: the server's ReadTimeout is all
	// there is. Here it costs nothing where there is no body, which is most of the time.
	BodyTimeout time.Duration
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := f.arrive(w, r)
	r = r.WithContext(v)
	defer f.leave(v, r)
	if r.Method == http.MethodConnect {
		v.refuse(r, refusedConnect)
		return
	}
	if len(r.Header) > maxFields {
		v.refuse(r, refusedFields)
		return
	}
	if !validHost(r.Host) {
		v.refuse(r, refusedHost)
		return
	}
	f.Next.ServeHTTP(&v.answer, r)
}

// maxFields is how many names of header fields a request may have. Nobody has use for more, and each costs more memory
// here than it costs its sender to write.
const maxFields = 256

func (f *Front) arrive(w http.ResponseWriter, r *http.Request) *Visit {
	v := &Visit{
		Context: r.Context(), method: r.Method, path: r.URL.Path, rawPath: r.URL.RawPath, host: r.Host, proto: r.Proto, start: f.Now(), Secure: r.TLS != nil,
	}
	v.answer.ResponseWriter = w
	v.Source = Peer(r)
	if f.Proxies.Trust(v.Source) {
		v.Trusted = true
		v.Secure = forwardedSecure(r, v.Secure)
		v.ID = forwardedID(r)
		v.Source = f.Proxies.source(v.Source, r.Header["X-Forwarded-For"])
	}
	if f.BodyTimeout > 0 && r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(f.BodyTimeout)) // not every ResponseWriter has a connection
	}
	if endsHere(r) {
		w.Header()["Connection"] = closing
	}
	if v.ID == "" {
		v.ID = f.IDs.Next()
	}
	v.idHeader[0] = v.ID
	w.Header()[problem.IDHeader] = v.idHeader[:]
	if f.Access != nil {
		v.sent = sentBy(r)
	}
	if f.Trace != nil {
		v.Span = f.Trace.Begin(v, r)
	}
	return v
}

// endsHere reports whether the connection must end with the request, because the server in front of us may see another end
// of its body than we do. RFC 9112 section 6.1 has us close the connection when there is a Content-Length beside a
// Transfer-Encoding. net/http has taken the length away by now, so what comes in chunks through others is treated as if it
// had one: what follows is not read, and cannot be taken for the request of somebody else. A caller of our own connection
// could only deceive itself.
func endsHere(r *http.Request) bool {
	if len(r.TransferEncoding) == 0 || r.ProtoMajor != 1 {
		return false
	}
	h := r.Header
	return h["Via"] != nil || h["X-Forwarded-For"] != nil || h["Forwarded"] != nil
}

var closing = []string{"close"}

// leave is deferred: it has the last word on a request, however it ended.
func (f *Front) leave(v *Visit, r *http.Request) {
	fault := recover()
	abort := fault != nil && !f.settle(v, r, fault)
	if v.answer.status == 0 && !abort {
		v.answer.status = http.StatusOK // net/http answers so for a handler that says nothing
	}
	v.Reason = cmp.Or(v.Reason, string(v.answer.reason))
	if f.Observe != nil {
		f.Observe(v)
	}
	if f.Explain != nil && (v.Reason != "" || v.Refused != nil) {
		f.Explain.Add(v.record())
	}
	if f.Access != nil {
		f.Access(v, f.Now())
	}
	if v.Span != nil {
		v.Span.End(v)
	}
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// record is what is remembered of the visit, which was refused.
func (v *Visit) record() explain.Record {
	var r explain.Record
	if v.Refused != nil {
		r = *v.Refused
	}
	r.ID, r.Time, r.Status = v.ID, v.start, v.answer.status
	r.Method, r.Host, r.Path = v.method, v.host, v.Path()
	if v.Source.IsValid() {
		r.Source = v.Source.String()
	}
	r.Face = cmp.Or(r.Face, v.Face)
	r.API = cmp.Or(r.API, v.API)
	r.Client = cmp.Or(r.Client, v.Client)
	r.Reason = cmp.Or(r.Reason, v.Reason)
	return r
}

// Took returns how long the request has taken until the moment now.
func (v *Visit) Took(now time.Time) time.Duration { return now.Sub(v.start) }

// Reasons for which nobody is served, whatever the face.
const (
	FieldsTooMany oauth.Reason = "fields_too_many" // header fields
	HostMalformed oauth.Reason = "host_malformed"
)

var (
	// RFC 6585 section 5.
	refusedFields = problem.Problem{
		Status: http.StatusRequestHeaderFieldsTooLarge,
		Detail: "The request has too many header fields. Send at most " + strconv.Itoa(maxFields) + " different ones.",
		Reason: string(FieldsTooMany),
	}
	// RFC 9112 section 3.2.
	refusedHost = problem.Problem{
		Status: http.StatusBadRequest,
		Detail: "The request names no host. Send a Host field with a name or an address, and a port if it is not the usual one.",
		Reason: string(HostMalformed),
	}
	// No face serves CONNECT: this is no tunnel.
	refusedConnect = problem.Problem{
		Status: http.StatusNotImplemented,
		Detail: "This server opens no tunnels. Send the request itself, not CONNECT.",
		Reason: string(oauth.RequestMethod),
	}
)

// refuse answers what no face serves. The connection ends here: what a client sends behind a CONNECT is not certain to be
// HTTP (RFC 9110 section 9.3.6), and who floods us is not kept.
func (v *Visit) refuse(r *http.Request, p problem.Problem) {
	v.Reason = p.Reason
	v.answer.Header().Set("Connection", "close")
	p.Write(&v.answer, r)
}
