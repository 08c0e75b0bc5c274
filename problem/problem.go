// Package problem owns the shape in which an error that has no other wire format is told to a caller: problem+json of
// RFC 9457. A Problem holds what a stranger may read and nothing else; the cause of a fault belongs to the log, where the
// same id finds it.
package problem

import (
	"encoding/json"
	"net/http"
	"strconv"

	"sallyport/explain"
)

// ContentType is the media type of RFC 9457 section 6.1.
const ContentType = "application/problem+json"

// IDHeader is the response header that carries the id of the request. Whoever listens sets it before anybody answers.
const IDHeader = "X-Request-Id"

// A Problem is a problem details object (RFC 9457 section 3.1) with members of our own.
type Problem struct {
	Type     string `json:"type,omitempty"` // a URI; empty means about:blank, a problem its status says all about
	Title    string `json:"title"`          // empty: the status in words
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`   // what is wrong with this request, and what to do about it
	Instance string `json:"instance,omitempty"` // a URI reference
	Reason   string `json:"reason,omitempty"`   // for machines: a stable name, an oauth.Reason as a rule
	ID       string `json:"id,omitempty"`       // of the request, as the log has it; empty: what IDHeader says

	Policy string         `json:"policy,omitempty"` // what refused
	Facts  []explain.Fact `json:"facts,omitempty"`  // what it compared with what, as far as the caller may know
	Fix    string         `json:"fix,omitempty"`    // what the caller can do about it
}

// Write answers with the problem, never to be cached. Header fields that described another answer are taken away.
func (p Problem) Write(w http.ResponseWriter, r *http.Request) {
	if p.Status < 400 || p.Status > 599 {
		p.Status = http.StatusInternalServerError
	}
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	h := w.Header()
	if p.ID == "" {
		p.ID = h.Get(IDHeader)
	}
	body, err := json.Marshal(p)
	if err != nil { // cannot happen: strings and numbers
		body = []byte("{}")
	}
	for _, stale := range []string{"Content-Encoding", "Content-Language", "Content-Range", "Etag", "Last-Modified", "Accept-Ranges"} {
		h.Del(stale)
	}
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead { // RFC 9110 section 9.3.2
		_, _ = w.Write(body) // the client is gone if this fails; there is nobody to tell
	}
}
