package web

import (
	"net/http"
	"strconv"
	"time"

	"sallyport/oauth"
)

// ErrorStatus returns the HTTP status that RFC 6749 section 5.2 gives an error, and RFC 9110 the ones it does not speak of.
func ErrorStatus(e *oauth.Error) int {
	switch e.Reason {
	case oauth.RequestTooLarge:
		return http.StatusRequestEntityTooLarge
	case oauth.RequestMediaType:
		return http.StatusUnsupportedMediaType
	case oauth.RequestMethod:
		return http.StatusMethodNotAllowed
	case oauth.RealmUnknown, oauth.DialectNotOpen:
		return http.StatusNotFound
	case oauth.RegistrationClosed:
		return http.StatusForbidden
	case oauth.TooManyFailures:
		return http.StatusTooManyRequests
	}
	switch e.Code {
	case oauth.InvalidClient, oauth.InvalidToken:
		return http.StatusUnauthorized
	case oauth.InsufficientScope:
		return http.StatusForbidden
	case oauth.TemporarilyDown:
		return http.StatusServiceUnavailable
	case oauth.ServerError:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// SetRetryAfter sets Retry-After (RFC 9110 section 10.2.3) on an answer that says "later", and only on such.
func SetRetryAfter(h http.Header, e *oauth.Error) {
	if e.Code == oauth.TemporarilyDown {
		h.Set("Retry-After", strconv.FormatInt(max(1, int64((e.RetryAfter+time.Second-1)/time.Second)), 10))
	}
}

// WriteError answers with the JSON body of RFC 6749 section 5.2. With invalid_client it says by a challenge how a client may
// authenticate here, unless the caller has set a challenge of its own; realm is the challenge's realm.
func WriteError(w http.ResponseWriter, e *oauth.Error, realm string) {
	status := ErrorStatus(e)
	if a, ok := w.(*answer); ok {
		a.reason = e.Reason
	}
	if status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+Printable(realm)+`", charset="UTF-8"`)
	}
	SetRetryAfter(w.Header(), e)
	WriteBody(w, status, "application/json", AppendError(nil, e.Code, e.Description))
}

// WriteBearerError is WriteError where an access token is asked for: the challenge is that of RFC 6750 section 3. Who sent no
// token is told no error code by it, and with insufficient_scope it names the scope that would do.
func WriteBearerError(w http.ResponseWriter, e *oauth.Error, realm, scope string) {
	status := ErrorStatus(e)
	challenge := `Bearer realm="` + Printable(realm) + `"`
	if e.Reason == oauth.TokenMissing {
		status = http.StatusUnauthorized
	} else {
		challenge += `, error="` + string(e.Code) + `", error_description="` + Printable(e.Description) + `"`
	}
	if scope != "" {
		challenge += `, scope="` + Printable(scope) + `"`
	}
	if a, ok := w.(*answer); ok {
		a.reason = e.Reason
	}
	w.Header().Set("WWW-Authenticate", challenge)
	WriteBody(w, status, "application/json", AppendError(nil, e.Code, e.Description))
}

// AppendError appends the JSON object of RFC 6749 section 5.2.
func AppendError(dst []byte, code oauth.Code, description string) []byte {
	dst = append(dst, `{"error":`...)
	dst = oauth.AppendString(dst, string(code))
	if description = Printable(description); description != "" {
		dst = append(dst, `,"error_description":`...)
		dst = oauth.AppendString(dst, description)
	}
	return append(dst, '}')
}

// Printable drops what an error_description and the value of a challenge may not contain: everything but printable ASCII,
// and of that the quote and the backslash (RFC 6749 section 5.2, RFC 6750 section 3).
func Printable(s string) string {
	for i := range len(s) {
		if !printable(s[i]) {
			return printableOnly(s)
		}
	}
	return s
}

func printableOnly(s string) string {
	kept := make([]byte, 0, len(s))
	for i := range len(s) {
		if printable(s[i]) {
			kept = append(kept, s[i])
		}
	}
	return string(kept)
}

func printable(c byte) bool { return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\' }

// Duplicated is the refusal of a parameter that came more than once (RFC 6749 section 3.2).
func Duplicated(name string) *oauth.Error {
	e := oauth.Fail(oauth.ParameterDuplicate, name)
	if shown := Printable(name); shown != "" && len(shown) <= 40 {
		e.Description = "The parameter " + shown + " is given more than once. Send it once."
	}
	return e
}

// Missing is the refusal of a request without a required parameter.
func Missing(name string) *oauth.Error {
	e := oauth.Fail(oauth.ParameterMissing, name)
	e.Description = "The parameter " + name + " is missing. Send it in the body."
	return e
}

// Allow reports whether the request's method is one of methods. If not it sets the Allow header (RFC 9110 section 15.5.6)
// and returns the refusal to write.
func Allow(w http.ResponseWriter, r *http.Request, methods ...string) error {
	allowed := ""
	for i, m := range methods {
		if r.Method == m {
			return nil
		}
		if i > 0 {
			allowed += ", "
		}
		allowed += m
	}
	w.Header().Set("Allow", allowed)
	e := oauth.Fail(oauth.RequestMethod, r.Method)
	e.Description = "This endpoint does not serve that method. Use " + allowed + "."
	return e
}
