package authorize_test

import (
	"slices"
	"testing"
	"time"

	"sallyport/authorize"
	"sallyport/oauth"
	"sallyport/session"
	"sallyport/user"
)

type change = func(*authorize.Facts)

func same(*authorize.Facts) {}

// dimensions are what facts can differ in. Every combination is tried.
var dimensions = [][]change{
	{same, nobody, worth("2"), worth("phr"), fresh, func(f *authorize.Facts) { f.User = nil }, func(f *authorize.Facts) { f.User = &user.User{Status: user.Off} }},
	{same, prompt("none"), prompt("login"), prompt("consent"), prompt("login", "select_account")},
	{same, age(0), age(1)},
	{same, acr(false, "2"), acr(false, "phr", "2"), acr(true, "2"), acr(true, "phr"), acr(true, "urn:x")},
	{same, least("2"), least("phr")},
	{same, totp, passkey},
	{same, hint, hinted},
	{same, disagree},
	{same, offered},
	{same, func(f *authorize.Facts) { f.Realm.SignIn.Verify = true }},
	{same, func(f *authorize.Facts) { f.Flow.Another = true }, func(f *authorize.Facts) {
		f.Flow.User, f.Flow.ACR, f.Flow.Proved, f.User = "dory", "1", noon.Add(time.Millisecond), &user.User{Name: "dory", Status: user.On}
	}, func(f *authorize.Facts) { f.Flow.Denied = true }},
}

// TestEveryCombination: whatever is the case, nobody gets through who should not, and a user who does what he is asked to is
// through after a few pages.
func TestEveryCombination(t *testing.T) {
	at := make([]int, len(dimensions))
	for tried := 0; ; tried++ {
		f := facts(func(f *authorize.Facts) { f.User.Email = "d@example.org" })
		for i, n := range at {
			if f.Session != nil || i != 0 {
				dimensions[i][n](&f)
			}
		}
		d := authorize.Next(f)
		if wrong := broken(f, d); wrong != "" {
			t.Fatalf("%v: %+v: %s", at, d, wrong)
		}
		if d.Step != authorize.Finish && d.Step != authorize.Refuse && !ends(f) {
			t.Fatalf("%v: begins with %+v and never ends", at, d)
		}
		i := 0
		for ; i < len(at); i++ {
			if at[i]++; at[i] < len(dimensions[i]) {
				break
			}
			at[i] = 0
		}
		if i == len(at) {
			t.Logf("%d combinations", tried+1)
			return
		}
	}
}

// order are the classes as this test knows them.
func order(acr string) int { return slices.Index([]string{"", "1", "2", "phr"}, acr) }

// broken says which promise a decision breaks.
func broken(f authorize.Facts, d authorize.Decision) string {
	req, s := f.Flow.Request, f.Session
	asks := func(p string) bool { return slices.Contains(req.Prompt, p) }
	essential := 3
	for _, v := range req.ACRValues {
		if order(v) > 0 {
			essential = min(essential, order(v))
		}
	}
	switch d.Step {
	case authorize.Finish:
		switch {
		case s == nil || f.User == nil || f.User.Status != user.On || f.Flow.Denied || f.Flow.Another && f.Flow.User == "":
			return "nobody is there"
		case f.Flow.User != "" && (f.Factors.TOTP || f.Factors.Passkey) && order(s.ACR) < 2:
			return "the second factor was not asked for"
		case req.HintSubject != "" && !f.Hinted:
			return "somebody else is there"
		case (asks("login") || req.MaxAge != nil && *req.MaxAge == 0) && s.AuthTime.Before(req.At):
			return "an old sign-in"
		case req.MaxAge != nil && s.AuthTime.Before(req.At) && f.Now.Sub(s.AuthTime) > time.Duration(*req.MaxAge+1)*time.Second:
			return "too old a sign-in"
		case asks("select_account") && s.AuthTime.Before(req.At) && s.Chosen.Before(req.At):
			return "nothing was chosen"
		case order(s.ACR) < order(f.Realm.SignIn.ACR) || req.ACREssential && order(s.ACR) < essential:
			return "too weak a sign-in"
		case f.Realm.SignIn.Verify && f.User.Email != "" && !f.User.EmailVerified:
			return "the address is not verified"
		case !f.Agreed || asks("consent") && !f.Flow.Agreed:
			return "nobody has agreed"
		}
	case authorize.Refuse:
		if d.Reason == "" || oauth.Fail(d.Reason, "").Code == oauth.ServerError {
			return "no reason"
		}
		if !asks("none") && !slices.Contains([]oauth.Reason{oauth.ConsentDenied, oauth.ACRUnmet, oauth.OtherUser}, d.Reason) {
			return "the user could have been asked"
		}
	case authorize.EnrolFactor:
		if (f.Factors.TOTP || f.Factors.Passkey) && (f.Flow.User != "" && order(f.Flow.ACR) < 2 || f.Flow.User == "" && order(s.ACR) < 2) {
			return "a way around the factor that is there"
		}
	case authorize.SecondFactor:
		if !f.Factors.TOTP && !f.Factors.Passkey || f.Flow.User == "" && s == nil {
			return "there is nothing to prove, or nobody"
		}
	}
	if asks("none") && d.Step != authorize.Finish && d.Step != authorize.Refuse {
		return "a page, though none may be shown"
	}
	return ""
}

// ends has a user do what the pages ask for.
func ends(f authorize.Facts) bool {
	for range 8 {
		f.Now = f.Now.Add(5 * time.Second)
		if f.User != nil {
			own := *f.User
			f.User = &own
		}
		switch d := authorize.Next(f); d.Step {
		case authorize.Finish, authorize.Refuse:
			return true
		case authorize.SignIn:
			f.Flow.Another, f.Hinted = false, true
			f.User = &user.User{Name: "dory", Status: user.On, Email: "d@example.org"}
			proved(&f, "1")
		case authorize.SecondFactor, authorize.EnrolFactor:
			if d.Step == authorize.EnrolFactor {
				f.Factors.TOTP, f.Factors.Passkey = f.Factors.TOTP || d.ACR != "phr", f.Factors.Passkey || d.ACR == "phr"
			}
			if d.ACR == "phr" && f.Factors.Passkey {
				proved(&f, "phr")
			} else {
				proved(&f, "2")
			}
		case authorize.ChooseAccount:
			own := *f.Session
			own.Chosen = f.Now
			f.Session = &own
		case authorize.VerifyEmail:
			f.User.EmailVerified = true
		case authorize.Consent:
			f.Agreed, f.Flow.Agreed = true, true
		}
	}
	return false
}

// proved notes a proof as the pages do: a session if that is enough.
func proved(f *authorize.Facts, acr string) {
	if authorize.Enough(acr, authorize.Needed(f.Realm, f.Flow.Request, f.Factors)) {
		f.Session, f.Flow.User = &session.Session{User: "dory", AuthTime: f.Now, ACR: acr}, ""
		return
	}
	f.Flow.User, f.Flow.ACR, f.Flow.Proved = "dory", acr, f.Now
}
