package password_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/factor"
	"sallyport/grant"
	"sallyport/grant/password"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/throttle"
	"sallyport/user"
)

// users knows one user, and counts how often a password was looked at.
type users struct {
	looked int
	fail   error
}

func (u *users) Authenticate(_ context.Context, realm, name, pw string) (*user.User, error) {
	u.looked++
	switch {
	case u.fail != nil:
		return nil, u.fail
	case realm != "default" || name != "dory":
		return nil, oauth.Fail(oauth.UserUnknown, name)
	case pw != "dorypass":
		return nil, oauth.Fail(oauth.PasswordWrong, name)
	}
	return &user.User{Realm: realm, Name: name}, nil
}

func attempt(params ...string) *grant.Attempt {
	return &grant.Attempt{
		Request: &grant.Request{Realm: &realm.Realm{Name: "default"}, Params: oauth.NewParams(params...), Source: netip.MustParseAddr("192.0.2.1")},
		Client:  &client.Client{Realm: "default", ID: "app"},
	}
}

func TestProve(t *testing.T) {
	for _, tt := range []struct {
		params []string
		reason oauth.Reason
	}{
		{[]string{"username", "dory", "password", "dorypass"}, ""},
		{[]string{"password", "dorypass"}, oauth.UsernameMissing},
		{[]string{"username", "", "password", "dorypass"}, oauth.UsernameEmpty},
		{[]string{"username", "dory"}, oauth.PasswordMissing},
		{[]string{"username", "dory", "password", ""}, oauth.PasswordMissing},
		{[]string{"username", "dory", "password", " dorypass"}, oauth.PasswordWrong},
		{[]string{"username", "nemo", "password", "dorypass"}, oauth.UserUnknown},
	} {
		u := &users{}
		proof, err := password.New(u, throttle.New(throttle.Config{})).Prove(t.Context(), attempt(tt.params...))
		if got := oauth.ReasonOf(err); got != tt.reason {
			t.Errorf("%q: reason %q, want %q", tt.params, got, tt.reason)
		}
		if err == nil && (proof.User.Name != "dory" || !proof.Refresh || proof.HasCeiling || proof.Continues != nil) {
			t.Errorf("%q: %+v", tt.params, proof)
		}
		if err != nil && proof.User != nil {
			t.Errorf("%q: refused, and proved %+v", tt.params, proof)
		}
	}
}

func TestGuessesAreSlowedDown(t *testing.T) {
	for _, name := range []string{"dory", "nemo"} { // whether or not there is such a user
		u := &users{}
		now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		g := password.New(u, throttle.New(throttle.Config{Now: func() time.Time { return now }}))
		for range 50 {
			_, _ = g.Prove(t.Context(), attempt("username", name, "password", "guess"))
		}
		if u.looked != 4 {
			t.Errorf("%s: %d guesses were looked at", name, u.looked)
		}
		if _, err := g.Prove(t.Context(), attempt("username", "marlin", "password", "x")); oauth.ReasonOf(err) == oauth.TooManyFailures {
			t.Errorf("another user is slowed down by guesses at %s", name)
		}
		now = now.Add(time.Second)
		if _, err := g.Prove(t.Context(), attempt("username", name, "password", "dorypass")); oauth.ReasonOf(err) == oauth.TooManyFailures {
			t.Errorf("%s: still slowed down: %v", name, err)
		}
	}
}

// A check that could not be made is no failure of who asked.
func TestFaultsCountForNothing(t *testing.T) {
	for _, fault := range []error{errors.New("boom"), oauth.Fail(oauth.Busy, ""), context.Canceled} {
		u := &users{fail: fault}
		g := password.New(u, throttle.New(throttle.Config{}))
		for range 50 {
			if _, err := g.Prove(t.Context(), attempt("username", "dory", "password", "dorypass")); !errors.Is(err, fault) {
				t.Fatalf("%v", err)
			}
		}
		u.fail = nil
		if _, err := g.Prove(t.Context(), attempt("username", "dory", "password", "dorypass")); err != nil {
			t.Errorf("after %v: %v", fault, err)
		}
	}
}

// CVE classes 10 and 12: a grant that takes a password alone is no way around the second factor.
func TestSecondFactorIsNoMatterOfTheGrant(t *testing.T) {
	broken := errors.New("the store is away")
	for name, tt := range map[string]struct {
		has     factor.Summary
		fail    error
		acr     string
		trusted bool
		reason  oauth.Reason
	}{
		"none":                           {},
		"recovery codes alone":           {has: factor.Summary{Recovery: true}},
		"one-time codes":                 {has: factor.Summary{TOTP: true}, reason: oauth.FactorNeeded},
		"a passkey":                      {has: factor.Summary{Passkey: true}, reason: oauth.FactorNeeded},
		"a trusted client":               {has: factor.Summary{TOTP: true, Passkey: true}, trusted: true},
		"the realm wants one factor":     {acr: realm.ACROne},
		"the realm wants two":            {acr: realm.ACRTwo, reason: oauth.FactorNeeded},
		"the realm wants a passkey":      {acr: realm.ACRPhishingResistant, reason: oauth.FactorNeeded},
		"nobody knows":                   {fail: broken, reason: oauth.InternalError},
		"nobody knows, a trusted client": {fail: broken, trusted: true},
	} {
		a := attempt("username", "dory", "password", "dorypass")
		a.Realm.SignIn.ACR, a.Client.Trusted = tt.acr, tt.trusted
		_, err := password.New(&users{}, throttle.New(throttle.Config{})).Heeding(has{tt.has, tt.fail}).Prove(t.Context(), a)
		if got := oauth.ReasonOf(err); got != tt.reason {
			t.Errorf("%s: %q, want %q", name, got, tt.reason)
		}
		wrong := attempt("username", "dory", "password", "wrong")
		wrong.Realm.SignIn.ACR = tt.acr
		if _, err := password.New(&users{}, throttle.New(throttle.Config{})).Heeding(has{tt.has, tt.fail}).Prove(t.Context(), wrong); oauth.ReasonOf(err) != oauth.PasswordWrong {
			t.Errorf("%s: a stranger learns of it: %v", name, err)
		}
	}
}

// has is what everybody has.
type has struct {
	summary factor.Summary
	fail    error
}

func (h has) Summary(context.Context, string, string) (factor.Summary, error) {
	return h.summary, h.fail
}
