package authorize

import (
	"crypto/sha256"
	"time"

	"sallyport/user"
)

// PasswordOf marks a user's password as it is now: with another one the mark is another.
func PasswordOf(u *user.User) [32]byte { return sha256.Sum256([]byte(u.Password)) }

// Stands reports whether what the flow knows of an unfinished sign-in still counts. What was proved by a password does not once
// that is another, and what was copied from a session does not without the session: whoever waits on a page with either must
// not go on from there (class "session fixation, action replay"). here tells, by public name, which sessions are good in this
// browser.
func (f *Flow) Stands(u *user.User, here func(session string) bool) bool {
	switch {
	case f.User == "":
		return true
	case u == nil:
		return false
	case f.Lifts != "":
		return here(f.Lifts)
	}
	return f.Password == PasswordOf(u)
}

// Forget forgets an unfinished sign-in.
func (f *Flow) Forget() {
	f.User, f.AMR, f.ACR, f.Proved, f.Tries = "", nil, "", time.Time{}, 0
	f.Lifts, f.Password = "", [32]byte{}
}
