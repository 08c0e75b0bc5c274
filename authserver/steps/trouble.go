package steps

import (
	"net/http"

	"sallyport/authserver/pages"
	"sallyport/oauth"
	"sallyport/user"
)

// A Trouble is why a form comes back. The zero Trouble is none.
type Trouble struct {
	Notice pages.Notice
	Status int          // 0: 200
	Err    *oauth.Error // says how long to wait, with NoticeWait and NoticeBusy
}

// In puts the trouble into a page and returns its status.
func (t Trouble) In(f *pages.Frame) int {
	f.Notice = t.Notice
	if t.Err != nil {
		f.Wait = t.Err.RetryAfter
	}
	if t.Status == 0 {
		return http.StatusOK
	}
	return t.Status
}

// Wrong is trouble with what somebody typed.
func Wrong(n pages.Notice) Trouble { return Trouble{Notice: n, Status: http.StatusUnprocessableEntity} }

// Slowed is the trouble of an attempt that was not even looked at. ok is false if err is something else.
func Slowed(err error) (t Trouble, ok bool) {
	switch e := oauth.AsError(err); {
	case e == nil:
	case e.Reason == oauth.TooManyFailures:
		return Trouble{pages.NoticeWait, http.StatusTooManyRequests, e}, true
	case e.Reason == oauth.Busy:
		return Trouble{pages.NoticeBusy, http.StatusServiceUnavailable, e}, true
	}
	return Trouble{}, false
}

// Poor says what is wrong with the new password that a form has, empty if nothing is.
func (v *Visit) Poor(u *user.User) pages.Notice {
	password := v.Params.Get("new")
	switch {
	case password == "":
		return pages.NoticeEmpty
	case !GoodPassword(password, u.Name, u.Alias, u.Email):
		return pages.NoticePoor
	case v.Params.Get("again") != password:
		return pages.NoticeMismatch
	}
	return ""
}

// MayNot says why a user may not sign in, empty if he may.
func MayNot(u *user.User) oauth.Reason {
	switch u.Status {
	case user.On:
		return ""
	case user.Locked:
		return oauth.UserLocked
	}
	return oauth.UserDisabled
}
