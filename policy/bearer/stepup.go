package bearer

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

// check reports what is wrong with the settings, nil if nothing.
func (s *settings) check() error {
	if s.ACR != "" && !scope.ValidName(s.ACR) {
		return errors.New("acr: write one class in printable ASCII without space, quote or backslash: 1, 2 or phr")
	}
	if s.MaxAge < 0 || s.MaxAge > 0 && s.MaxAge.Std() < time.Second {
		return errors.New("max_age: write a time of one second or more, such as 5m")
	}
	return nil
}

// strongEnough refuses a token if the sign-in behind it is too weak or too long ago (RFC 9470 section 3).
func (s *settings) strongEnough(c *policy.Call, a *token.Access) error {
	if s.ACR == "" && s.MaxAge == 0 {
		return nil
	}
	weak := s.ACR != "" && (a.SignIn == nil || !reaches(a.SignIn.ACR, s.ACR))
	old := s.MaxAge > 0 && (a.SignIn == nil || c.Time.Sub(a.SignIn.At) > s.MaxAge.Std())
	if !weak && !old {
		return nil
	}
	r := &policy.Refusal{
		Status: 401, Reason: oauth.StepUpNeeded, Scheme: scheme, Challenge: oauth.InsufficientUserAuth, ACR: s.ACR, MaxAge: s.MaxAge.Std(),
		Detail: oauth.Fail(oauth.StepUpNeeded, "").Description,
		Fix:    "Send the user to the authorization endpoint with the acr_values and max_age of the challenge (RFC 9470), and come back with the new token.",
	}
	if a.SignIn == nil {
		r.Facts = append(r.Facts, policy.Fact{Name: "sign-in", Value: "the token tells of none", Public: true})
		return r
	}
	if weak {
		r.Facts = append(r.Facts, policy.Fact{Name: "acr", Value: a.SignIn.ACR, Public: true}, policy.Fact{Name: "acr needed", Value: s.ACR, Public: true})
	}
	if old {
		r.Facts = append(r.Facts,
			policy.Fact{Name: "auth_time", Value: strconv.FormatInt(a.SignIn.At.Unix(), 10), Public: true},
			policy.Fact{Name: "max_age", Value: strconv.FormatInt(int64(s.MaxAge.Std()/time.Second), 10), Public: true})
	}
	return r
}

// reaches reports whether a class is the one that is needed, or one of ours above it.
func reaches(acr, needed string) bool {
	if acr == needed {
		return true
	}
	have, need := slices.Index(realm.ACRs(), acr), slices.Index(realm.ACRs(), needed)
	return need >= 0 && have > need
}
