package bearer_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/bearer"
	"sallyport/policy/policytest"
	"sallyport/realm"
	"sallyport/token"
)

// signedIn verifies every token as one behind which there is a certain sign-in.
type signedIn struct{ *token.SignIn }

func (s signedIn) Verify(context.Context, *realm.Realm, string) (*token.Access, error) {
	return &token.Access{Realm: "default", Client: "c1", User: "u1", SignIn: s.SignIn}, nil
}

// RFC 9470 section 3: a token from a sign-in that is too weak or too old is refused, and the client is told what to ask for.
func TestStepUp(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	in := func(acr string, ago time.Duration) *token.SignIn { return &token.SignIn{ACR: acr, At: now.Add(-ago)} }
	for _, tt := range []struct {
		name     string
		settings string
		signIn   *token.SignIn
		passes   bool
		acr      string
		maxAge   time.Duration
	}{
		{"nothing asked, nothing known", ``, nil, true, "", 0},
		{"nothing asked", ``, in("1", time.Hour), true, "", 0},
		{"acr reached", `{"acr":"2"}`, in("2", time.Hour), true, "", 0},
		{"acr more than reached", `{"acr":"2"}`, in("phr", time.Hour), true, "", 0},
		{"acr not reached", `{"acr":"2"}`, in("1", 0), false, "2", 0},
		{"the highest not reached", `{"acr":"phr"}`, in("2", 0), false, "phr", 0},
		{"no acr known", `{"acr":"1"}`, in("", 0), false, "1", 0},
		{"an acr of somebody else", `{"acr":"1"}`, in("gold", 0), false, "1", 0},
		{"another's acr", `{"acr":"gold"}`, in("gold", 0), true, "", 0},
		{"another's acr, ours known", `{"acr":"gold"}`, in("phr", 0), false, "gold", 0},
		{"acr asked, no sign-in", `{"acr":"1"}`, nil, false, "1", 0},
		{"number for a text", `{"acr":2}`, in("2", 0), true, "", 0},
		{"fresh", `{"max_age":"5m"}`, in("1", 5*time.Minute), true, "", 0},
		{"not fresh", `{"max_age":"5m"}`, in("1", 5*time.Minute+time.Second), false, "", 5 * time.Minute},
		{"fresh asked, no sign-in", `{"max_age":"5m"}`, nil, false, "", 5 * time.Minute},
		{"strong, not fresh", `{"acr":"2","max_age":"90s"}`, in("phr", 2*time.Minute), false, "2", 90 * time.Second},
		{"fresh, not strong", `{"acr":"2","max_age":"90s"}`, in("1", time.Minute), false, "2", 90 * time.Second},
		{"both", `{"acr":"2","max_age":"90s"}`, in("2", time.Minute), true, "", 0},
	} {
		h := policytest.Fields("Authorization: Bearer x")
		call := &policy.Call{Method: "GET", Path: "/", Header: h, Realm: &realm.Realm{Name: "default"}, Time: now}
		err := policytest.Make(t, bearer.Kind(signedIn{tt.signIn}, nil), tt.settings).Request(t.Context(), call)
		if tt.passes {
			if err != nil || call.Caller.User != "u1" {
				t.Errorf("%s: %v, %+v", tt.name, err, call.Caller)
			}
			continue
		}
		var r *policy.Refusal
		if !errors.As(err, &r) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if r.Status != 401 || r.Reason != oauth.StepUpNeeded || r.Challenge != oauth.InsufficientUserAuth || r.Scheme != "Bearer" ||
			r.ACR != tt.acr || r.MaxAge != tt.maxAge || r.Detail == "" || r.Fix == "" || len(r.Facts) == 0 {
			t.Errorf("%s: %+v", tt.name, r)
		}
		if call.Caller.Client != "" || call.Caller.Token != nil {
			t.Errorf("%s: caller %+v", tt.name, call.Caller)
		}
	}
}

func TestStepUpSettings(t *testing.T) {
	for _, given := range []string{
		`{"acr":"a b"}`, `{"acr":"\"quoted\""}`, `{"acr":["1"]}`, `{"max_age":"-5m"}`, `{"max_age":"10ms"}`, `{"max_age":"soon"}`, `{"acr_values":"2"}`,
	} {
		if _, err := bearer.Kind(verifier{}, nil).New(policy.Site{}, json.RawMessage(given)); err == nil {
			t.Errorf("%s was taken", given)
		}
	}
}

// What a trusted issuer says of a sign-in counts as what this server says.
func TestStepUpByAnotherIssuersWord(t *testing.T) {
	p := newPartner(t, func(i *realm.TrustedIssuer) { i.User = "sub" })
	at := p.now.Add(-time.Minute)
	c, err := p.call(t, p.good(t, object{"auth_time": at.Unix(), "acr": "gold"}))
	if err != nil {
		t.Fatal(err)
	}
	if in := c.Caller.Token.SignIn; in == nil || in.ACR != "gold" || !in.At.Equal(at) || in.Session != "" {
		t.Errorf("sign-in %+v", in)
	}
	for name, changes := range map[string]object{"no auth_time": {"acr": "gold"}, "no user": {"sub": nil, "auth_time": at.Unix(), "acr": "gold"}} {
		if c, err := p.call(t, p.good(t, changes)); err != nil || c.Caller.Token.SignIn != nil {
			t.Errorf("%s: %v, %+v", name, err, c.Caller.Token)
		}
	}
	for name, changes := range map[string]object{
		"a sign-in in the future": {"auth_time": p.now.Add(time.Hour).Unix()}, "auth_time that is no date": {"auth_time": "yesterday"},
	} {
		if _, err := p.call(t, p.good(t, changes)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
