package kustvakt

import (
	"net/http"
	"strconv"
	"strings"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/token"
	"sallyport/web"
)

// bearerOf returns the token of an Authorization header, or what the product says to a header without one.
func bearerOf(header string) (raw string, n *notice) {
	if strings.TrimSpace(header) == "" {
		return "", noticeGuest.of(nil, noticeGuest.entity)
	}
	word := strings.Fields(header)
	if len(word) != 2 {
		return "", noticeParse.of(nil, "")
	}
	switch strings.ToLower(word[0]) {
	case "bearer":
		return word[1], nil
	case "basic": // a user never signs in by Basic; the product did, in its tests, without looking at the password
		return "", noticeBasic.of(nil, "")
	case "api":
		return "", noticeAPI.of(nil, "")
	}
	return "", noticeScheme(word[0])
}

// user returns who calls: the user of the access token in the Authorization header. Its scopes do not matter here.
func (k *Kustvakt) user(c call) (string, error) {
	access, n := k.access(c)
	if n != nil {
		return "", n
	}
	return access.User, nil
}

// access reads the access token in the Authorization header, which must be a user's.
func (k *Kustvakt) access(c call) (*token.Access, *notice) {
	raw, n := bearerOf(c.Header.Get("Authorization"))
	if n != nil {
		return nil, n
	}
	access, err := k.tokens.Verify(c.Context(), c.realm, raw)
	if err != nil {
		return nil, noticeToken(oauth.AsError(err))
	}
	if access.User == "" {
		return nil, noticeWho.of(nil, "")
	}
	return access, nil
}

// Refuse implements dialect.Dialect: the product's shape, and beside its two challenges what RFC 6750 section 3 wants said.
func (k *Kustvakt) Refuse(w http.ResponseWriter, r *http.Request, _ *policy.Call, f *policy.Refusal) {
	reason := f.Reason
	switch reason {
	case oauth.ClientUnknown, oauth.ClientDisabled, oauth.ClientLocked, oauth.UserDisabled, oauth.UserLocked:
		if f.Challenge == oauth.InvalidToken {
			reason = oauth.TokenRevoked // which is what the product knows of it
		}
	}
	switch reason {
	case oauth.TokenMissing:
		_, n := bearerOf(r.Header.Get("Authorization"))
		if n == nil {
			n = noticeGuest.of(nil, noticeGuest.entity)
		}
		n.write(w)
	case oauth.RequestMalformed:
		if f.Scheme == "" {
			refuseOther(w, f)
			return
		}
		_, n := bearerOf(r.Header.Get("Authorization"))
		if n == nil {
			n = noticeBad.of(nil, noticeBad.entity) // two words, and the second is no token
		}
		n.write(w)
	case oauth.TokenMalformed, oauth.TokenExpired, oauth.TokenRevoked, oauth.TokenWrongClient:
		noticeToken(oauth.Fail(reason, "")).write(w)
	case oauth.ScopeMissing:
		names := web.Printable(f.Scope.String())
		noticeScope(names).of(nil, "").write(w)
	default:
		refuseOther(w, f)
	}
}

// refuseOther answers a call that was refused for something other than its token.
func refuseOther(w http.ResponseWriter, f *policy.Refusal) {
	h := w.Header()
	if f.Status == http.StatusTooManyRequests {
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", strconv.Itoa(1))
		}
		h.Set("Pragma", "no-store")
		web.WriteBody(w, f.Status, "text/plain;charset=utf-8", []byte("Rate limit exceeded"))
		return
	}
	n := notice{status: f.Status, code: 1800, message: f.Detail}
	switch f.Status {
	case http.StatusUnauthorized:
		n.code = 2001
	case http.StatusForbidden:
		n.code = 2010
	case http.StatusNotFound:
		n.code = 114
	case http.StatusServiceUnavailable:
		n.code = 116
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", strconv.Itoa(1))
		}
	}
	n.write(w)
}
