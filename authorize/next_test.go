package authorize_test

import (
	"testing"
	"time"

	"sallyport/authorize"
	"sallyport/client"
	"sallyport/factor"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/user"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// facts are those of dory, signed in an hour before with a password, who has agreed before; changed by each of change.
func facts(change ...func(*authorize.Facts)) authorize.Facts {
	f := authorize.Facts{
		Realm: &realm.Realm{Name: realm.Default}, Client: &client.Client{ID: "app"},
		Flow:    &authorize.Flow{Request: &authorize.Request{Client: "app", At: noon}},
		Session: &session.Session{User: "dory", AuthTime: noon.Add(-time.Hour), ACR: "1"}, Sessions: 1,
		User: &user.User{Name: "dory", Status: user.On}, Agreed: true, Now: noon.Add(time.Second),
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func prompt(p ...string) func(*authorize.Facts) {
	return func(f *authorize.Facts) { f.Flow.Request.Prompt = p }
}

func age(seconds int64) func(*authorize.Facts) {
	return func(f *authorize.Facts) { f.Flow.Request.MaxAge = &seconds }
}

func acr(essential bool, values ...string) func(*authorize.Facts) {
	return func(f *authorize.Facts) { f.Flow.Request.ACRValues, f.Flow.Request.ACREssential = values, essential }
}

func worth(acr string) func(*authorize.Facts) {
	return func(f *authorize.Facts) { f.Session.ACR = acr }
}
func least(acr string) func(*authorize.Facts) {
	return func(f *authorize.Facts) { f.Realm.SignIn.ACR = acr }
}
func nobody(f *authorize.Facts)   { f.Session, f.User, f.Sessions = nil, nil, 0 }
func fresh(f *authorize.Facts)    { f.Session.AuthTime = noon.Add(time.Millisecond) }
func chosen(f *authorize.Facts)   { f.Session.Chosen = noon.Add(time.Millisecond) }
func totp(f *authorize.Facts)     { f.Factors.TOTP = true }
func passkey(f *authorize.Facts)  { f.Factors.Passkey = true }
func disagree(f *authorize.Facts) { f.Agreed = false }
func offered(f *authorize.Facts)  { f.Flow.Offered = true }
func hint(f *authorize.Facts)     { f.Flow.Request.HintSubject = "dory" }
func hinted(f *authorize.Facts)   { f.Flow.Request.HintSubject, f.Hinted = "dory", true }
func verify(f *authorize.Facts) {
	f.Realm.SignIn.Verify, f.User = true, &user.User{Status: user.On, Email: "d@example.org"}
}

// pending is a sign-in that has a password and is no session yet.
func pending(f *authorize.Facts) {
	nobody(f)
	f.Flow.User, f.Flow.ACR, f.Flow.Proved, f.User = "dory", "1", noon.Add(time.Millisecond), &user.User{Name: "dory", Status: user.On}
}

func TestNext(t *testing.T) {
	type changes = []func(*authorize.Facts)
	for _, tt := range []struct {
		name   string
		facts  changes
		step   authorize.Step
		reason oauth.Reason
		acr    string
	}{
		{"signed in and agreed", nil, authorize.Finish, "", ""},
		{"nobody is signed in", changes{nobody}, authorize.SignIn, "", "1"},
		{"prompt-none-not-logged-in", changes{nobody, prompt("none")}, authorize.Refuse, oauth.LoginNeeded, ""},
		{"prompt-none-logged-in", changes{prompt("none")}, authorize.Finish, "", ""},
		{"prompt-none, not agreed", changes{prompt("none"), disagree}, authorize.Refuse, oauth.ConsentNeeded, ""},
		{"prompt-login", changes{prompt("login")}, authorize.SignIn, "", "1"},
		{"prompt-login, done", changes{prompt("login"), fresh}, authorize.Finish, "", ""},
		{"max-age-1", changes{age(1)}, authorize.SignIn, "", "1"},
		{"max-age-1, done", changes{age(1), fresh}, authorize.Finish, "", ""},
		{"max-age-0", changes{age(0)}, authorize.SignIn, "", "1"},
		{"max-age-10000", changes{age(10000)}, authorize.Finish, "", ""},
		{"max-age-1, prompt-none", changes{age(1), prompt("none")}, authorize.Refuse, oauth.LoginNeeded, ""},
		{"select_account", changes{prompt("select_account")}, authorize.ChooseAccount, "", ""},
		{"select_account, chosen", changes{prompt("select_account"), chosen}, authorize.Finish, "", ""},
		{"select_account, signed in anew", changes{prompt("select_account"), fresh}, authorize.Finish, "", ""},
		{"select_account, nobody", changes{prompt("select_account"), nobody}, authorize.SignIn, "", "1"},
		{"another account", changes{func(f *authorize.Facts) { f.Flow.Another = true }}, authorize.SignIn, "", "1"},
		{"consent", changes{disagree}, authorize.Consent, "", ""},
		{"prompt-consent", changes{prompt("consent")}, authorize.Consent, "", ""},
		{"prompt-consent, given", changes{prompt("consent"), func(f *authorize.Facts) { f.Flow.Agreed = true }}, authorize.Finish, "", ""},
		{"prompt-consent, given by another", changes{prompt("consent"), func(f *authorize.Facts) { f.Flow.Agreed, f.Flow.Asked = true, "of nemo" }}, authorize.Consent, "", ""},
		{"given here, but not for all of it", changes{disagree, func(f *authorize.Facts) { f.Flow.Agreed = true }}, authorize.Consent, "", ""},
		{"denied", changes{func(f *authorize.Facts) { f.Flow.Denied = true }}, authorize.Refuse, oauth.ConsentDenied, ""},
		{"account page", changes{disagree, func(f *authorize.Facts) { f.Flow.Request.Client, f.Client = "", nil }}, authorize.Finish, "", ""},
		{"user gone", changes{func(f *authorize.Facts) { f.User = nil }}, authorize.SignIn, "", "1"},
		{"user off", changes{func(f *authorize.Facts) { f.User = &user.User{Status: user.Off} }}, authorize.SignIn, "", "1"},
		{"user off, prompt-none", changes{prompt("none"), func(f *authorize.Facts) { f.User = &user.User{Status: user.Locked} }}, authorize.Refuse, oauth.LoginNeeded, ""},
		{"id-token-hint", changes{hinted}, authorize.Finish, "", ""},
		{"id-token-hint of another", changes{hint}, authorize.SignIn, "", "1"},
		{"id-token-hint of another, signed in anew", changes{hint, fresh}, authorize.Refuse, oauth.OtherUser, ""},
		{"id-token-hint of another, prompt-none", changes{hint, prompt("none")}, authorize.Refuse, oauth.OtherUser, ""},
		{"e-mail", changes{verify}, authorize.VerifyEmail, "", ""},
		{"e-mail, prompt-none", changes{verify, prompt("none")}, authorize.Refuse, oauth.InteractionNeeded, ""},

		{"password of who has TOTP", changes{pending, totp}, authorize.SecondFactor, "", "2"}, // CVE class 12
		{"password of who has a passkey", changes{pending, passkey}, authorize.SecondFactor, "", "2"},
		{"no way around: enrol another", changes{pending, totp, acr(true, "phr")}, authorize.SecondFactor, "", "phr"},
		{"no way around: session of another", changes{pending, totp, func(f *authorize.Facts) {
			f.Session = &session.Session{User: "nemo", ACR: "phr", AuthTime: noon.Add(time.Second)}
		}}, authorize.SecondFactor, "", "2"},
		{"no way around: older session", changes{pending, totp, func(f *authorize.Facts) { f.Session = &session.Session{User: "dory", ACR: "2", AuthTime: noon} }}, authorize.SecondFactor, "", "2"},
		{"no way around: offered", changes{pending, totp, offered}, authorize.SecondFactor, "", "2"},
		{"second factor proved", changes{pending, totp, func(f *authorize.Facts) {
			f.Session = &session.Session{User: "dory", ACR: "2", AuthTime: noon.Add(time.Second)}
		}}, authorize.Finish, "", ""},

		{"realm wants two, none there", changes{least("2")}, authorize.EnrolFactor, "", "2"},
		{"realm wants two, declined", changes{least("2"), offered}, authorize.Refuse, oauth.ACRUnmet, ""},
		{"realm wants two, there", changes{least("2"), totp}, authorize.SecondFactor, "", "2"},
		{"realm wants two, done", changes{least("2"), totp, worth("2")}, authorize.Finish, "", ""},
		{"realm wants two, prompt-none", changes{least("2"), totp, prompt("none")}, authorize.Refuse, oauth.LoginNeeded, ""},
		{"realm wants phr, sign in", changes{least("phr"), nobody}, authorize.SignIn, "", "phr"},
		{"realm wants phr, has two", changes{least("phr"), totp, worth("2")}, authorize.EnrolFactor, "", "phr"},
		{"acr, reached", changes{acr(false, "1", "2")}, authorize.Finish, "", ""},
		{"acr, liked and provable", changes{acr(false, "2"), totp}, authorize.SecondFactor, "", "2"},
		{"acr, liked and offered", changes{acr(false, "2")}, authorize.EnrolFactor, "", "2"},
		{"acr, liked and declined", changes{acr(false, "2"), offered}, authorize.Finish, "", ""},
		{"acr, liked, prompt-none", changes{acr(false, "2"), totp, prompt("none")}, authorize.Finish, "", ""},
		{"acr, unknown", changes{acr(false, "urn:x")}, authorize.Finish, "", ""},
		{"acr, essential and unknown", changes{acr(true, "urn:x")}, authorize.Refuse, oauth.ACRUnmet, ""},
		{"acr, essential, prompt-none", changes{acr(true, "2"), totp, prompt("none")}, authorize.Refuse, oauth.LoginNeeded, ""},
		{"acr, essential, none there", changes{acr(true, "2")}, authorize.EnrolFactor, "", "2"},
		{"acr, essential, declined", changes{acr(true, "2"), offered}, authorize.Refuse, oauth.ACRUnmet, ""},
		{"acr, essential, no passkeys here", changes{acr(true, "phr"), func(f *authorize.Facts) { f.Realm.SignIn.Methods = []string{realm.ByPassword} }}, authorize.Refuse, oauth.ACRUnmet, ""},
		{"acr, first known", changes{acr(true, "urn:x", "phr", "2"), passkey}, authorize.SecondFactor, "", "phr"},
		{"acr, another reached", changes{acr(true, "phr", "2"), passkey, worth("2")}, authorize.Finish, "", ""},
	} {
		if got, want := authorize.Next(facts(tt.facts...)), (authorize.Decision{Step: tt.step, Reason: tt.reason, ACR: tt.acr}); got != want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, want)
		}
	}
}

func TestNeededAndTold(t *testing.T) {
	for _, tt := range []struct {
		least     string
		values    []string
		essential bool
		has       factor.Summary
		needed    string
		reached   string
		told      string
	}{
		{"", nil, false, factor.Summary{}, "1", "2", "2"},
		{"", nil, false, factor.Summary{TOTP: true}, "2", "2", "2"},
		{"", nil, false, factor.Summary{Recovery: true}, "1", "1", "1"},
		{"2", nil, false, factor.Summary{}, "2", "phr", "phr"},
		{"", []string{"phr"}, false, factor.Summary{}, "1", "1", "1"},
		{"", []string{"phr"}, false, factor.Summary{TOTP: true}, "2", "2", "2"},
		{"", []string{"phr"}, false, factor.Summary{Passkey: true}, "phr", "phr", "phr"},
		{"", []string{"phr"}, true, factor.Summary{}, "phr", "phr", "phr"},
		{"", []string{"1", "2"}, true, factor.Summary{}, "1", "phr", "2"},
		{"2", []string{"1"}, true, factor.Summary{}, "2", "2", "1"},
		{"", []string{"urn:x"}, false, factor.Summary{}, "1", "1", "1"},
	} {
		req := &authorize.Request{ACRValues: tt.values, ACREssential: tt.essential}
		rl := &realm.Realm{SignIn: realm.SignIn{ACR: tt.least}}
		if needed := authorize.Needed(rl, req, tt.has); needed != tt.needed {
			t.Errorf("%+v: needed %q", tt, needed)
		}
		if told := authorize.Told(req, tt.reached); told != tt.told {
			t.Errorf("%+v: told %q", tt, told)
		}
	}
}
