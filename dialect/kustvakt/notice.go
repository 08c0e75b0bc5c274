package kustvakt

import (
	"net/http"
	"strconv"

	"sallyport/oauth"
	"sallyport/web"
)

// A notice is an answer in the product's own shape: {"errors":[[code,message,entity]]}. An empty message or entity is null.
type notice struct {
	status  int
	code    int
	message string
	entity  string

	challenge string       // what the Bearer challenge says beyond the realm (RFC 6750 section 3)
	cause     *oauth.Error // nil: none
}

// Error is for logs.
func (n *notice) Error() string { return "kustvakt " + strconv.Itoa(n.code) }

// Unwrap returns the reason behind the answer.
func (n *notice) Unwrap() error {
	if n.cause == nil {
		return oauth.Fail(oauth.TokenMissing, "")
	}
	return n.cause
}

// of returns a copy of the notice with its reason and entity.
func (n notice) of(cause *oauth.Error, entity string) *notice {
	n.cause, n.entity = cause, entity
	return &n
}

// ldap are the answers to a user who may not sign in: the product's directory service has code 2020 + n. Its code for a
// directory that cannot be reached is not used: a 401 would tell a client, and who watches it, that the password is wrong.
var ldap = map[oauth.Reason]notice{
	oauth.UserUnknown:   {status: 401, code: 2023, message: "LDAP Authentication failed due to unknown user or password!"},
	oauth.PasswordWrong: {status: 401, code: 2023, message: "LDAP Authentication failed due to unknown user or password!"},
	oauth.UserLocked:    {status: 401, code: 2024, message: "LDAP Authentication: known user is locked!"},
	oauth.UserDisabled:  {status: 401, code: 2025, message: "LDAP Authentication: known user, but not registered for this service!"},
}

// Answers to a credential that opens nothing.
var (
	noticeGuest = notice{status: 401, code: 2010, message: "Unauthorized operation for user: guest", entity: "guest"}
	noticeParse = notice{status: 401, code: 2001, message: "Cannot parse authorization header value. Use this format: [authentication scheme] [authentication token]"}
	noticeAPI   = notice{status: 401, code: 2001, message: "Authentication API is no longer supported."}
	noticeBasic = notice{status: 406, code: 104, message: "Authentication provider for token type BASIC is not found."}
	noticeWho   = notice{status: 401, code: 2001, message: "Context is not valid: missing username, password or authentication scheme."}
	noticeBad   = notice{status: 401, code: 2011, message: "Access token is invalid", entity: "invalid_token", challenge: `, error="invalid_token"`}
	noticeOld   = notice{status: 401, code: 2003, message: "Access token is expired", challenge: `, error="invalid_token", error_description="Access token is expired"`}
	noticeAway  = notice{status: 503, code: 116, message: "Service is temporarily unavailable"}
	noticeFault = notice{status: 500, code: 1800, message: "Internal server error"}
)

// noticeScheme says that an authentication scheme is none of ours.
func noticeScheme(scheme string) *notice {
	return &notice{status: 401, code: 2001, message: "Authentication scheme is not supported.", entity: shown(scheme)}
}

// noticeScope says that a token lacks a scope.
func noticeScope(names string) notice {
	return notice{
		status: 401, code: 2010, message: "Scope " + names + " is not authorized", challenge: `, error="insufficient_scope", scope="` + names + `"`,
	}
}

// noticeToken says why a bearer token opens nothing. The words "invalid" and "expired" make clients of the product refresh
// and try again.
func noticeToken(e *oauth.Error) *notice {
	switch {
	case e.Reason == oauth.TokenExpired:
		return noticeOld.of(e, "")
	case e.Code == oauth.TemporarilyDown:
		return noticeAway.of(e, "")
	case e.Code == oauth.ServerError:
		return noticeFault.of(e, "")
	}
	return noticeBad.of(e, noticeBad.entity)
}

func (n *notice) write(w http.ResponseWriter) {
	h := w.Header()
	if n.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", basicChallenge)
		h.Add("WWW-Authenticate", `Bearer realm="Kustvakt"`+n.challenge)
	}
	if n.cause != nil {
		web.SetRetryAfter(h, n.cause)
	}
	h.Set("Pragma", "no-store")
	body := append([]byte(nil), `{"errors":[[`...)
	body = strconv.AppendInt(body, int64(n.code), 10)
	for _, s := range []string{n.message, n.entity} {
		body = append(body, ',')
		if s == "" {
			body = append(body, "null"...)
		} else {
			body = oauth.AppendString(body, s)
		}
	}
	web.WriteBody(w, n.status, jsonType, append(body, "]]}\n"...))
}
