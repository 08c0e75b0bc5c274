package steps

import (
	"slices"
	"time"

	"sallyport/audit"
	"sallyport/authorize"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/user"
	"sallyport/web"
)

// A Proof is what a user has proved so far.
type Proof struct {
	User string
	AMR  []string
	ACR  string
	At   time.Time // when it began; that is the time of the sign-in

	lifts    string   // as a Flow has it
	password [32]byte // likewise
}

// The ways of proving it, as RFC 8176 section 2 calls them. It has no name for a recovery code, which is a one-time password.
const (
	byPassword = "pwd"
	byCode     = "otp"
	byKey      = "pop"  // a passkey
	byPresence = "user" // the authenticator has verified its user
	bySeveral  = "mfa"
)

// ByPassword is the proof of a password.
func (d *Desk) ByPassword(u *user.User) Proof {
	return Proof{User: u.Name, AMR: []string{byPassword}, ACR: realm.ACROne, At: d.moment(), password: authorize.PasswordOf(u)}
}

// ByPasskey is the proof of a passkey alone, whose authenticator has verified its user.
func (d *Desk) ByPasskey(user string) Proof {
	return Proof{User: user, AMR: []string{byKey, byPresence}, ACR: realm.ACRPhishingResistant, At: d.moment()}
}

// Proved is what the flow knows of an unfinished sign-in.
func Proved(f *authorize.Flow) Proof {
	return Proof{User: f.User, AMR: f.AMR, ACR: f.ACR, At: f.Proved, lifts: f.Lifts, password: f.Password}
}

// WithCode adds a one-time code or recovery code. What the first factor proved is as old as it was.
func (p Proof) WithCode() Proof { return p.with(realm.ACRTwo, byCode) }

// WithPasskey adds a passkey. One whose authenticator has verified its user would do alone, so the proof is as fresh as it is.
func (p Proof) WithPasskey(verified bool, now time.Time) Proof {
	if !verified {
		return p.with(realm.ACRTwo, byKey)
	}
	p = p.with(realm.ACRPhishingResistant, byKey, byPresence)
	p.At = now
	return p
}

func (p Proof) with(acr string, methods ...string) Proof {
	p.AMR = slices.Clone(p.AMR)
	switch {
	case len(p.AMR) > 0:
		methods = append(methods, bySeveral)
	case acr == realm.ACRTwo: // there was no first
		acr = realm.ACROne
	}
	for _, m := range methods {
		if !slices.Contains(p.AMR, m) {
			p.AMR = append(p.AMR, m)
		}
	}
	if authorize.Enough(acr, p.ACR) {
		p.ACR = acr
	}
	return p
}

// Advance notes a proof: as a session if it is all that is needed, otherwise in the flow. Who has a second factor always
// needs it, whatever the client asks for (authorize.Needed).
func (v *Visit) Advance(p Proof) error {
	has, err := v.Factors.Summary(v.Context(), v.Realm.Name, p.User)
	if err != nil {
		return err
	}
	if !authorize.Enough(p.ACR, authorize.Needed(v.Realm, v.Flow.Request, has)) {
		return v.Note(func(f *authorize.Flow) {
			f.Forget()
			f.User, f.AMR, f.ACR, f.Proved, f.Lifts, f.Password = p.User, p.AMR, p.ACR, p.At, p.lifts, p.password
		})
	}
	if err := v.start(p); err != nil {
		return err
	}
	v.Record(audit.SignedIn, p.User, "", "")
	return v.Note(func(f *authorize.Flow) {
		f.Forget()
		f.Another = false
	})
}

// Lift raises the session that counts by a factor that was proved, outside of any flow.
func (v *Visit) Lift(p Proof) error { return v.start(p) }

// Record tells the audit log.
func (v *Visit) Record(kind audit.Kind, user string, reason oauth.Reason, detail string) {
	v.Audit.Record(v.Context(), v.event(kind, user, reason, detail))
}

func (v *Visit) event(kind audit.Kind, user string, reason oauth.Reason, detail string) audit.Event {
	e := audit.Event{
		At: v.Now(), Kind: kind, Realm: v.Realm.Name, User: user, Reason: reason, Source: web.Source(v.R), Detail: detail,
	}
	if v.Client != nil {
		e.Client = v.Client.ID
	}
	return e
}
