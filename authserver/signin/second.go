package signin

import (
	"errors"
	"net/netip"
	"slices"

	"sallyport/audit"
	"sallyport/authorize"
	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/factor"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/throttle"
	"sallyport/user"
	"sallyport/web"
)

// seconding is the purpose of a steps.Ceremony for a passkey beside something else.
const seconding = "second factor"

// maxTries is how many wrong answers one sign-in may have. Beside it guesses at the user's second factor are slowed down
// wherever they come from (package throttle), counted apart from those at the password: who knows that must not start the
// others over.
const (
	maxTries    = 5
	secondGuess = "\x00second factor" // no user has a NUL in the name
)

// A choice is which factors would do now.
type choice struct{ totp, recovery, passkey, verified bool }

// second asks for another proof of whoever has proved the first.
func second(v *steps.Visit) error {
	if err := v.Resume(); err != nil {
		return err
	}
	if denied(v) {
		return v.Deny()
	}
	u, err := unfinished(v)
	if err != nil {
		return err
	}
	if u == nil {
		return v.Back()
	}
	can, err := choices(v, u)
	if err != nil {
		return err
	}
	if can == (choice{}) { // what the user has cannot be used here, or would not do
		return oauth.Fail(oauth.ACRUnmet, "")
	}
	if !v.Posted() {
		return askSecond(v, u, can, steps.Trouble{})
	}
	return trySecond(v, u, can)
}

// unfinished returns the user of the unfinished sign-in, nil if there is none that still counts, or he may not sign in.
func unfinished(v *steps.Visit) (*user.User, error) {
	if v.Flow.User == "" {
		return nil, nil
	}
	u, err := v.Users.Get(v.Context(), v.Realm.Name, v.Flow.User)
	if err != nil || u == nil || steps.MayNot(u) != "" {
		return nil, err
	}
	seats, err := v.Here()
	here := func(id string) bool { return slices.ContainsFunc(seats, func(s steps.Seat) bool { return s.ID == id }) }
	if err != nil || !v.Flow.Stands(u, here) {
		return nil, err
	}
	return u, nil
}

// choices finds out what the user has that leads on. Where only a passkey that verifies its user is enough, nothing else is
// offered to who has one.
func choices(v *steps.Visit, u *user.User) (choice, error) {
	has, err := v.Factors.Summary(v.Context(), v.Realm.Name, u.Name)
	if err != nil {
		return choice{}, err
	}
	has.Passkey = has.Passkey && v.Factors.HasPasskeys(v.Realm)
	need := authorize.Needed(v.Realm, v.Flow.Request, has)
	if need == realm.ACRPhishingResistant && has.Passkey {
		return choice{passkey: true, verified: true}, nil
	}
	if authorize.Enough(v.Flow.ACR, realm.ACRTwo) { // what else there is would not lead further
		return choice{passkey: has.Passkey, verified: has.Passkey}, nil
	}
	return choice{totp: has.TOTP, recovery: has.Recovery, passkey: has.Passkey}, nil
}

func askSecond(v *steps.Visit, u *user.User, can choice, t steps.Trouble) error {
	view := pages.SecondFactor{Frame: v.Frame(), User: steps.Name(u), TOTP: can.totp, Recovery: can.recovery}
	if can.passkey {
		of := u.Name
		if can.verified {
			of = "" // then the authenticator is told that it must verify its user
		}
		options, state, err := v.Factors.BeginSignIn(v.Context(), v.Realm, of)
		if err != nil {
			return err
		}
		if view.Ceremony, err = v.Keep(steps.Ceremony{For: seconding, User: u.Name, State: state}); err != nil {
			return err
		}
		view.Passkey = string(options)
	}
	return v.Show(t.In(&view.Frame), view)
}

// trySecond takes an answer. It is counted before it is looked at, so that many at once are no more than many in a row.
func trySecond(v *steps.Visit, u *user.User, can choice) error {
	attempt, err := v.Throttle.User(v.Context(), v.Realm.Name, u.Name+secondGuess, guesser(v))
	if t, ok := steps.Slowed(err); ok {
		return askSecond(v, u, can, t)
	}
	if err != nil {
		return err
	}
	outcome := throttle.Undecided
	defer func() { attempt.End(outcome) }()
	if err := v.Note(func(f *authorize.Flow) { f.Tries++ }); err != nil {
		return err
	}
	if v.Flow.User != u.Name {
		return v.Back()
	}
	if v.Flow.Tries > maxTries {
		v.Record(audit.SignInRefused, u.Name, oauth.TooManyFailures, "second factor")
		return v.Deny()
	}
	proof, kind, err := proveSecond(v, u, can)
	reason := oauth.ReasonOf(err)
	if reason == oauth.FactorWrong || reason == oauth.FactorReused {
		outcome = throttle.Failed
		v.Record(audit.SignInRefused, u.Name, reason, "second factor: "+string(kind))
		return askSecond(v, u, can, steps.Wrong(told(kind, reason)))
	}
	if err != nil {
		return err
	}
	outcome = throttle.Succeeded
	if err := v.Advance(proof); err != nil {
		return err
	}
	return v.Back()
}

// guesser is whose guesses are counted together. One-time codes are so few that guesses at them are one count wherever they come
// from: spread over many addresses a moment would be enough to meet one. Only who knows the password can keep the user from
// them, who then has recovery codes and passkeys left, which nobody guesses.
func guesser(v *steps.Visit) netip.Addr {
	if factor.Kind(v.Params.Get("kind")) == factor.TOTP {
		return netip.Addr{}
	}
	return web.Source(v.R)
}

// told is the notice for a factor that did not match.
func told(kind factor.Kind, reason oauth.Reason) pages.Notice {
	switch {
	case kind == factor.Passkey:
		return pages.NoticePasskey
	case kind == factor.Recovery:
		return pages.NoticeRecovery
	case reason == oauth.FactorReused:
		return pages.NoticeCodeUsed
	}
	return pages.NoticeCode
}

// proveSecond verifies an answer of a kind that would do.
func proveSecond(v *steps.Visit, u *user.User, can choice) (steps.Proof, factor.Kind, error) {
	ctx, in, first := v.Context(), v.Realm.Name, steps.Proved(v.Flow)
	code := v.Params.Get("code")
	switch kind := factor.Kind(v.Params.Get("kind")); {
	case kind == factor.TOTP && can.totp:
		return first.WithCode(), kind, v.Factors.CheckTOTP(ctx, in, u.Name, code)
	case kind == factor.Recovery && can.recovery:
		err := v.Factors.CheckRecovery(ctx, in, u.Name, code)
		if err == nil {
			v.Record(audit.FactorChanged, u.Name, "", "recovery code used")
		}
		return first.WithCode(), kind, err
	case kind == factor.Passkey && can.passkey:
		verified, err := passkeyOf(v, u)
		if err == nil && can.verified && !verified {
			err = oauth.Fail(oauth.FactorWrong, "")
		}
		return first.WithPasskey(verified, v.Now()), kind, err
	default:
		return first, kind, oauth.Fail(oauth.FactorWrong, "")
	}
}

func passkeyOf(v *steps.Visit, u *user.User) (verified bool, err error) {
	c, err := v.Take(seconding, u.Name)
	if err != nil {
		return false, err
	}
	name, verified, err := v.Factors.FinishSignIn(v.Context(), v.Realm, c.State, []byte(v.Params.Get("response")))
	if err == nil && name != u.Name {
		err = oauth.Because(oauth.FactorWrong, errors.New("the passkey of another user"))
	}
	return verified, err
}
