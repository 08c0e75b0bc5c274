package authcode_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/authorize"
	"sallyport/client"
	"sallyport/grant"
	"sallyport/grant/authcode"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
	"sallyport/user"
)

// desk is everything the grant works with: one code, and what was done with it.
type desk struct {
	code  *authorize.Grant
	spent bool
	raced bool // another spends it between the look and the attempt
	user  *user.User
	err   error

	spends int
	ended  []token.ID
}

func (d *desk) Look(context.Context, string, string) (*authorize.Grant, bool, error) {
	return d.code, d.spent, d.err
}

func (d *desk) Spend(context.Context, string, string) (bool, error) {
	d.spends++
	won := !d.spent && !d.raced
	d.spent = true
	return won, nil
}

func (d *desk) Get(context.Context, string, string) (*user.User, error) { return d.user, nil }

func (d *desk) EndFamilyByID(_ context.Context, _ *realm.Realm, _ string, id token.ID) error {
	d.ended = append(d.ended, id)
	return nil
}

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B

func newDesk() *desk {
	return &desk{
		user: &user.User{Realm: "default", Name: "dory", Status: user.On},
		code: &authorize.Grant{
			Realm: "default", Client: "app", User: "dory", RedirectURI: "https://rp.example/cb", RedirectGiven: true,
			Challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", Scope: scope.Set{"openid", "read"}, Family: token.ID{7},
			SignIn: &token.SignIn{ACR: "1", Session: "sid", Bound: true},
		},
	}
}

func (d *desk) attempt(params ...string) *grant.Attempt {
	p := oauth.NewParams("code", "c", "redirect_uri", "https://rp.example/cb", "code_verifier", verifier)
	for i := 0; i < len(params); i += 2 {
		p.Set(params[i], params[i+1])
	}
	return &grant.Attempt{
		Request: &grant.Request{Realm: &realm.Realm{Name: "default"}, Params: p},
		Client:  &client.Client{Realm: "default", ID: "app", Type: client.Confidential},
		Now:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
}

func (d *desk) prove(t *testing.T, a *grant.Attempt) (grant.Proof, oauth.Reason) {
	t.Helper()
	proof, err := authcode.New(authcode.Deps{Codes: d, Users: d, Tokens: d}).Prove(t.Context(), a)
	return proof, oauth.ReasonOf(err)
}

func TestProof(t *testing.T) {
	d := newDesk()
	got, reason := d.prove(t, d.attempt())
	if reason != "" {
		t.Fatal(reason)
	}
	want := grant.Proof{User: d.user, Ceiling: scope.Set{"openid", "read"}, HasCeiling: true, Refresh: true, SignIn: d.code.SignIn, Family: token.ID{7}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d.spends != 1 || len(d.ended) != 0 {
		t.Errorf("spent %d times, ended %v", d.spends, d.ended)
	}
}

// A call that fails for what it says leaves the code as it is: who does not know the verifier cannot use it up. One that
// comes after the code was spent ends what it gave, if it comes from the client.
func TestWhatAFailureDoesToTheCode(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(d *desk, a *grant.Attempt)
		want   oauth.Reason
		spends int
		ends   int
	}{
		{"code missing", func(_ *desk, a *grant.Attempt) { a.Params.Set("code", "") }, oauth.CodeMissing, 0, 0},
		{"code unknown", func(d *desk, _ *grant.Attempt) { d.code = nil }, oauth.CodeUnknown, 0, 0},
		{"the store is away", func(d *desk, _ *grant.Attempt) { d.err = oauth.Fail(oauth.Unavailable, "") }, oauth.Unavailable, 0, 0},
		{"a fault", func(d *desk, _ *grant.Attempt) { d.err = errors.New("boom") }, oauth.InternalError, 0, 0},
		{"of another front door", func(d *desk, _ *grant.Attempt) { d.code.Dialect = "kustvakt" }, oauth.CodeUnknown, 0, 0},
		{"at another front door", func(_ *desk, a *grant.Attempt) { a.Rules.Dialect = "kustvakt" }, oauth.CodeUnknown, 0, 0},
		{"at a front door with tokens of its own", func(_ *desk, a *grant.Attempt) { a.Rules.Shape = token.ShapeDigiRunner }, oauth.CodeUnknown, 0, 0},
		{"spent at another front door", func(d *desk, a *grant.Attempt) { a.Rules.Dialect, d.spent = "kustvakt", true }, oauth.CodeUnknown, 0, 0},
		{"over", func(d *desk, a *grant.Attempt) { d.code.ExpiresAt = a.Now }, oauth.CodeExpired, 0, 0},
		{"over, and spent before", func(d *desk, a *grant.Attempt) { d.code.ExpiresAt, d.spent = a.Now, true }, oauth.CodeReplayed, 0, 1},
		{"wrong client", func(_ *desk, a *grant.Attempt) { a.Client.ID = "thief" }, oauth.CodeWrongClient, 0, 0},
		{"wrong client, spent", func(d *desk, a *grant.Attempt) { a.Client.ID, d.spent = "thief", true }, oauth.CodeWrongClient, 0, 0},
		{"wrong redirect URI", func(_ *desk, a *grant.Attempt) { a.Params.Set("redirect_uri", "https://rp.example/cb?x") }, oauth.RedirectMismatch, 0, 0},
		{"wrong verifier", func(_ *desk, a *grant.Attempt) { a.Params.Set("code_verifier", strings.Repeat("a", 43)) }, oauth.VerifierWrong, 0, 0},
		{"no verifier", func(_ *desk, a *grant.Attempt) { a.Params.Set("code_verifier", "") }, oauth.VerifierMissing, 0, 0},
		{"no such user any more", func(d *desk, _ *grant.Attempt) { d.user = nil }, oauth.UserUnknown, 0, 0},
		{"spent", func(d *desk, _ *grant.Attempt) { d.spent = true }, oauth.CodeReplayed, 0, 1},
		{"spent, wrong verifier", func(d *desk, a *grant.Attempt) { d.spent = true; a.Params.Set("code_verifier", "") }, oauth.CodeReplayed, 0, 1},
		{"the race is lost", func(d *desk, _ *grant.Attempt) { d.raced = true }, oauth.CodeReplayed, 1, 1},
	} {
		d := newDesk()
		a := d.attempt()
		tt.change(d, a)
		proof, reason := d.prove(t, a)
		if reason != tt.want || proof.User != nil || proof.Refresh {
			t.Errorf("%s: %q, %+v", tt.name, reason, proof)
		}
		if d.spends != tt.spends || len(d.ended) != tt.ends || tt.ends > 0 && d.ended[0] != (token.ID{7}) {
			t.Errorf("%s: spent %d times, ended %v", tt.name, d.spends, d.ended)
		}
	}
}

func TestVerifierGrammar(t *testing.T) {
	for name, tt := range map[string]struct {
		verifier string
		ok       bool
	}{
		"42":              {strings.Repeat("a", 42), false},
		"43":              {strings.Repeat("a", 43), true},
		"128":             {strings.Repeat("Z", 128), true},
		"129":             {strings.Repeat("Z", 129), false},
		"every kind":      {"AZaz09-._~" + strings.Repeat("-", 40), true},
		"a plus":          {"+" + strings.Repeat("a", 43), false},
		"a space":         {" " + strings.Repeat("a", 43), false},
		"a letter beyond": {"é" + strings.Repeat("a", 43), false},
		"a NUL":           {"\x00" + strings.Repeat("a", 43), false},
	} {
		d := newDesk()
		sum := sha256.Sum256([]byte(tt.verifier))
		d.code.Challenge = base64.RawURLEncoding.EncodeToString(sum[:])
		if _, reason := d.prove(t, d.attempt("code_verifier", tt.verifier)); (reason == "") != tt.ok || !tt.ok && reason != oauth.VerifierWrong {
			t.Errorf("%s: %q", name, reason)
		}
	}
}

func TestWhoMayRefresh(t *testing.T) {
	for _, tt := range []struct {
		scope string
		bound bool
		want  bool
	}{
		{"openid offline_access", false, true},
		{"openid offline_access", true, true},
		{"openid", true, true},
		{"openid", false, false},
		{"read", false, true},
		{"read", true, true},
	} {
		d := newDesk()
		d.code.Scope, _ = scope.Parse(tt.scope)
		d.code.SignIn.Bound = tt.bound
		if proof, reason := d.prove(t, d.attempt()); reason != "" || proof.Refresh != tt.want {
			t.Errorf("%q, bound %v: %v, %q", tt.scope, tt.bound, proof.Refresh, reason)
		}
	}
	d := newDesk()
	d.code.SignIn = nil
	if proof, _ := d.prove(t, d.attempt()); proof.Refresh {
		t.Error("an OpenID Connect code of which nobody knows the sign-in can be refreshed")
	}
}

// Who proves nothing needs a challenge, unless the front door is older than that and neither realm nor client insist.
func TestWhoNeedsAChallenge(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(a *grant.Attempt)
		want   oauth.Reason
	}{
		{"proved", func(a *grant.Attempt) { a.Authenticated = true }, ""},
		{"not proved", func(*grant.Attempt) {}, oauth.VerifierMissing},
		{"proved, the realm insists", func(a *grant.Attempt) { a.Authenticated, a.Realm.RequirePKCE = true, true }, oauth.VerifierMissing},
		{"proved, the client insists", func(a *grant.Attempt) { a.Authenticated, a.Client.OpenID.RequirePKCE = true, true }, oauth.VerifierMissing},
		{"an old door", func(a *grant.Attempt) { a.Rules.BareCode = true }, ""},
		{"an old door, the realm insists", func(a *grant.Attempt) { a.Rules.BareCode, a.Realm.RequirePKCE = true, true }, oauth.VerifierMissing},
		{"an old door, the client insists", func(a *grant.Attempt) { a.Rules.BareCode, a.Client.OpenID.RequirePKCE = true, true }, oauth.VerifierMissing},
	} {
		d := newDesk()
		d.code.Challenge = ""
		a := d.attempt("code_verifier", "")
		tt.change(a)
		if _, reason := d.prove(t, a); reason != tt.want {
			t.Errorf("%s: %q", tt.name, reason)
		}
	}
	d := newDesk() // a challenge that was given is never skipped
	a := d.attempt("code_verifier", "")
	a.Rules.BareCode = true
	if _, reason := d.prove(t, a); reason != oauth.VerifierMissing {
		t.Errorf("an old door skips a challenge: %q", reason)
	}
}
