package steps

import (
	"errors"
	"slices"

	"sallyport/authorize"
	"sallyport/authserver/cookie"
	"sallyport/oauth"
	"sallyport/session"
	"sallyport/user"
	"sallyport/web"
)

// A Seat is a session of this browser with the secret that opens it.
type Seat struct {
	Secret string
	*session.Session
}

// Here returns the sessions of this browser that are good, the one that counts first.
func (v *Visit) Here() ([]Seat, error) {
	if v.read {
		return v.seats, nil
	}
	for _, secret := range cookie.Sessions(v.R, v.Realm) {
		s, err := v.Sessions.Find(v.Context(), v.Realm, secret)
		if err != nil {
			return nil, err
		}
		if s != nil {
			v.seats = append(v.seats, Seat{secret, s})
		}
	}
	v.read = true
	return v.seats, nil
}

// Current returns the session that counts, nil if nobody is signed in.
func (v *Visit) Current() (*session.Session, error) {
	seats, err := v.Here()
	if err != nil || len(seats) == 0 {
		return nil, err
	}
	return seats[0].Session, nil
}

// Put makes a session the one that counts. It stands for every other session of the same user in this browser.
func (v *Visit) Put(first Seat) error {
	seats, err := v.Here()
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(seats), func(s Seat) bool { return s.User == first.User })
	v.keep(append([]Seat{first}, rest...))
	return nil
}

// Leave takes a session out of this browser.
func (v *Visit) Leave(id string) error {
	seats, err := v.Here()
	if err != nil {
		return err
	}
	v.keep(slices.DeleteFunc(slices.Clone(seats), func(s Seat) bool { return s.ID == id }))
	return nil
}

func (v *Visit) keep(seats []Seat) {
	secrets := make([]string, len(seats))
	for i, s := range seats {
		secrets[i] = s.Secret
	}
	v.seats = seats
	cookie.SetSessions(v.W, v.Realm, secrets)
}

// start begins a session for what was proved. Its secret is always a new one, whatever was in the browser before (class
// "session fixation").
func (v *Visit) start(p Proof) error {
	seats, err := v.Here()
	if err != nil {
		return err
	}
	replaces := ""
	for _, s := range seats {
		if s.User == p.User {
			replaces = s.Secret
			break
		}
	}
	secret, s, err := v.Sessions.Start(v.Context(), v.Realm, session.SignedIn{
		User: p.User, AMR: p.AMR, ACR: p.ACR, At: p.At, Agent: v.R.UserAgent(), Source: web.Source(v.R).String(),
	}, replaces)
	if err != nil {
		return err
	}
	if err := v.still(p); err != nil {
		if _, failed := v.Logout.End(v.Context(), v.Realm, s.ID); failed != nil {
			return failed
		}
		return err
	}
	return v.Put(Seat{secret, s})
}

// still sees that the password by which a session has begun is the user's now that the session is there. Whoever changes it
// then ends all sessions: one that began a moment later, by the old one, would be left.
func (v *Visit) still(p Proof) error {
	if p.password == ([32]byte{}) {
		return nil
	}
	var now *user.User
	var looked = errors.New("looked at, not changed")
	_, err := v.Editor.UpdateUser(v.Context(), v.Realm.Name, p.User, func(u *user.User) error { // what is in memory may be old
		now = u
		return looked
	})
	switch {
	case err != nil && !errors.Is(err, looked):
		return err
	case now == nil || MayNot(now) != "" || authorize.PasswordOf(now) != p.password:
		return oauth.Fail(oauth.SessionGone, "")
	}
	return nil
}

// Name is how a user is addressed.
func Name(u *user.User) string {
	if u.Alias != "" {
		return u.Alias
	}
	return u.Name
}
