package authorize

import (
	"slices"
	"time"

	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/user"
)

// Next decides what comes next. It is a function of the facts alone; the order of the questions is that of the calls below,
// and a request that forbids pages (prompt=none) gets an error in place of each (OpenID Connect Core section 3.1.2.6).
func Next(f Facts) Decision {
	switch {
	case f.Flow.Denied:
		return refuse(oauth.ConsentDenied)
	case aim(f.Realm, f.Flow.Request, "").never:
		return refuse(oauth.ACRUnmet)
	}
	for _, ask := range []func(Facts) Decision{unfinished, whoIsIt, howFresh, whichAccount, howSure, whichAddress, whatMay} {
		d := ask(f)
		if d.Step == "" {
			continue
		}
		if d.Step != Refuse && f.asks("none") {
			return refuse(silent[d.Step])
		}
		return d
	}
	return Decision{Step: Finish}
}

// silent are the errors in place of pages.
var silent = map[Step]oauth.Reason{
	ChooseAccount: oauth.SelectionNeeded,
	SignIn:        oauth.LoginNeeded,
	SecondFactor:  oauth.LoginNeeded,
	EnrolFactor:   oauth.InteractionNeeded,
	VerifyEmail:   oauth.InteractionNeeded,
	Consent:       oauth.ConsentNeeded,
}

func refuse(reason oauth.Reason) Decision { return Decision{Step: Refuse, Reason: reason} }

func (f Facts) asks(prompt string) bool { return slices.Contains(f.Flow.Request.Prompt, prompt) }

// since reports whether something happened for this request and not before it.
func (f Facts) since(at time.Time) bool { return !at.IsZero() && !at.Before(f.Flow.Request.At) }

// unfinished goes on with a sign-in that lacks a second factor. It is over when the session has it.
func unfinished(f Facts) Decision {
	w := f.Flow
	if w.User == "" || f.User == nil || f.User.Status != user.On {
		return Decision{}
	}
	own := f.Session != nil && f.Session.User == w.User
	if own && !f.Session.AuthTime.Before(w.Proved) && Enough(f.Session.ACR, w.ACR) {
		w = &Flow{Request: w.Request, ACR: f.Session.ACR, Offered: w.Offered}
	}
	if d := f.prove(w.ACR); d.Step != "" {
		return d
	}
	if !own {
		return Decision{Step: SignIn, ACR: Needed(f.Realm, f.Flow.Request, f.Factors)} // whoever was to note it has not
	}
	return Decision{}
}

// whoIsIt wants a session, of the user whom the client means if it says so.
func whoIsIt(f Facts) Decision {
	req := f.Flow.Request
	signIn := Decision{Step: SignIn, ACR: Needed(f.Realm, req, f.Factors)}
	if f.Flow.Another && f.Flow.User == "" || f.Session == nil || f.User == nil || f.User.Status != user.On {
		return signIn
	}
	if req.HintSubject == "" || f.Hinted {
		return Decision{}
	}
	// Somebody else than the id_token_hint names (OpenID Connect Core section 3.1.2.1) who has signed in for this very
	// request would do so again.
	if f.asks("none") || f.since(f.Session.AuthTime) {
		return refuse(oauth.OtherUser)
	}
	return signIn
}

// howFresh is about prompt=login and max_age. A sign-in for this request is fresh however long the pages took after it.
func howFresh(f Facts) Decision {
	if f.since(f.Session.AuthTime) {
		return Decision{}
	}
	age, most := f.Now.Sub(f.Session.AuthTime), f.Flow.Request.MaxAge
	if f.asks("login") || most != nil && (*most == 0 || age/time.Second > time.Duration(*most)) {
		return Decision{Step: SignIn, ACR: Needed(f.Realm, f.Flow.Request, f.Factors)}
	}
	return Decision{}
}

// whichAccount is about prompt=select_account.
func whichAccount(f Facts) Decision {
	if f.asks("select_account") && !f.since(f.Session.Chosen) && !f.since(f.Session.AuthTime) {
		return Decision{Step: ChooseAccount}
	}
	return Decision{}
}

// howSure compares what the session is worth with what realm and request want (acr).
func howSure(f Facts) Decision {
	a := aim(f.Realm, f.Flow.Request, f.Session.ACR)
	if Enough(f.Session.ACR, a.must) && (a.want == "" || f.asks("none")) {
		return Decision{}
	}
	return f.lift(a, f.Session.ACR)
}

// prove is what a sign-in that is worth have still lacks. Who has a second factor proves it before anything else: to set up
// another one with nothing but a password would be a way around the first.
func (f Facts) prove(have string) Decision {
	if (f.Factors.TOTP || f.Factors.Passkey) && !Enough(have, realm.ACRTwo) {
		return Decision{Step: SecondFactor, ACR: Needed(f.Realm, f.Flow.Request, f.Factors)}
	}
	return f.lift(aim(f.Realm, f.Flow.Request, have), have)
}

// lift leads from what a sign-in is worth to what it aims at.
func (f Facts) lift(a aimed, have string) Decision {
	goal, must := a.want, !Enough(have, a.must)
	if must {
		goal = a.must
		if provable(a.want, f.Factors) {
			goal = higher(goal, a.want)
		}
	}
	strong := f.Factors.TOTP || f.Factors.Passkey
	switch {
	case goal == "" || Enough(have, goal):
		return Decision{}
	case provable(goal, f.Factors), strong && !Enough(have, realm.ACRTwo):
		return Decision{Step: SecondFactor, ACR: goal}
	case !f.Flow.Offered:
		return Decision{Step: EnrolFactor, ACR: goal}
	case must:
		return refuse(oauth.ACRUnmet)
	}
	return Decision{}
}

// whichAddress is about a realm whose users verify their e-mail address first.
func whichAddress(f Facts) Decision {
	if f.Realm.SignIn.Verify && f.User.Email != "" && !f.User.EmailVerified {
		return Decision{Step: VerifyEmail}
	}
	return Decision{}
}

// whatMay asks for the user's consent. The account page is the user's own and needs none.
func whatMay(f Facts) Decision {
	if f.Flow.Request.Client == "" {
		return Decision{}
	}
	here := f.Flow.Agreed && f.Flow.Asked == f.Session.ID
	if !f.Agreed || f.asks("consent") && !here {
		return Decision{Step: Consent}
	}
	return Decision{}
}
