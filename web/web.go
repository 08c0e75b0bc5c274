// Package web is the plumbing between net/http and the faces. Front stands before them all: it gives a request its id,
// finds out where it came from, refuses CONNECT, writes the access log and answers for a handler that panicked. Below it,
// the faces find bounded and complete reading of bodies, JSON answers, exact routes, and the health pages.
//
// It knows no face, no realm and no token, and believes nobody who is not a trusted proxy.
package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"

	"sallyport/oauth"
)

// MaxBody is the largest request body that an endpoint of ours reads, in bytes. Calls through the gateway have no such
// limit.
const MaxBody = 1 << 20

// Routes are exact paths and who serves them. A face offers its routes; the listener looks a path up by one map access.
type Routes map[string]http.Handler

// ReadBody reads a whole body of at most MaxBody bytes. The error is an *oauth.Error: RequestTooLarge, or RequestMalformed
// when the body ended before its announced length.
func ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > MaxBody {
		return nil, oauth.Fail(oauth.RequestTooLarge, "")
	}
	r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	var body []byte
	var err error
	if n := r.ContentLength; n >= 0 {
		body = make([]byte, n)
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(r.Body)
	}
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, &tooLarge):
		return nil, oauth.Fail(oauth.RequestTooLarge, "")
	default:
		return nil, oauth.Because(oauth.RequestMalformed, err)
	}
}

// ReadForm reads an application/x-www-form-urlencoded body. Another content type is RequestMediaType; parameters in the
// URL are not read (RFC 6749 section 3.2: they must not be there).
func ReadForm(w http.ResponseWriter, r *http.Request) (oauth.Params, error) {
	if MediaType(r) != "application/x-www-form-urlencoded" {
		return oauth.Params{}, oauth.Fail(oauth.RequestMediaType, "")
	}
	body, err := ReadBody(w, r)
	if err != nil {
		return oauth.Params{}, err
	}
	return oauth.ParseForm(string(body))
}

// MediaType returns the request's media type in lower case without parameters, "" if it has none or a broken one. Broken
// parameters do not break it: nothing here depends on them.
func MediaType(r *http.Request) string {
	v := r.Header.Get("Content-Type")
	if v == "application/x-www-form-urlencoded" || v == "application/json" {
		return v
	}
	t, _, err := mime.ParseMediaType(v)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return ""
	}
	return t
}

// WriteJSON answers with v as JSON. Token responses must not be cached (RFC 6749 section 5.1), so nothing written here is.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	WriteBody(w, status, "application/json", body)
}

// nosniff keeps browsers from taking an answer for a page or a script, whatever a stranger got into it. It is shared by all
// answers; nobody writes into a header's values.
var nosniff = []string{"nosniff"}

// WriteBody answers with body, never to be cached.
func WriteBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h["X-Content-Type-Options"] = nosniff
	h.Set("Cache-Control", "no-store")
	if h.Get("Pragma") == "" {
		h.Set("Pragma", "no-cache")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone if this fails; there is nobody to tell
}

// Peer returns the address of the connection's other end, invalid if it has none.
func Peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}
