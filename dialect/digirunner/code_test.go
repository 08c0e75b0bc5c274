package digirunner_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/authorize"
	"sallyport/deployment"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
)

// code settles a request as the pages do, and returns the code that the client is given.
func (h *house) code(pairs ...string) string {
	h.t.Helper()
	return h.codeFor("tspuser", h.begin("LDAP", pairs...))
}

func (h *house) codeFor(name string, r *authorize.Request) string {
	h.t.Helper()
	code, err := h.codes.Make(h.t.Context(), authorize.Grant{
		Realm: r.Realm, Client: r.Client, User: name, RedirectURI: r.RedirectURI, RedirectGiven: r.RedirectGiven, Challenge: r.Challenge,
		Scope: r.Scope, Family: token.NewFamilyID(h.clock.Now()), Dialect: r.Dialect,
		SignIn: &token.SignIn{
			At: h.clock.Now(), Methods: []string{"pwd"}, ACR: "1", Session: "sid-1", Nonce: r.Nonce, Provider: r.Provider, Bound: r.Scope.Has("openid"),
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

// redeem is the form that redeems a code, changed by pairs.
func redeem(code string, pairs ...string) string {
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}}
	for i := 0; i < len(pairs); i += 2 {
		if v.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v.Encode()
}

var webAuth = basic("web", "tsp123abcd")

func pkce(pairs ...string) []string {
	return append([]string{"code_challenge", challenge, "code_challenge_method", "S256"}, pairs...)
}

// codeRows are the refusals of codes, in the order of checks.
func codeRows(h *house) []row {
	bad := func(text string) string { return e2("invalid_request", text) }
	fresh, used, proved, public := h.code(), h.code(), h.code(pkce()...), h.code(pkce("client_id", "half")...)
	bare := h.code("client_id", "half")
	h.issue(call{auth: webAuth, form: redeem(used)})
	half, stranger := basic("half", ""), basic("other-web", "tsp123abcd")
	unauthorized := func(text string) string { return e1("401", "Unauthorized", text, tokenPath) }
	try := func(name, tries, auth, form string, status int, body string) row {
		return row{name, tries, call{auth: auth, form: form}, status, body, nil}
	}
	return []row{
		try("no code", "token/code_missing", webAuth, redeem(""), 400, bad("Missing required parameter: code")),
		try("no code, before the redirect_uri", "token/code_missing", webAuth, redeem("", "redirect_uri", ""), 400, bad("Missing required parameter: code")),
		try("no redirect_uri", "token/redirect_uri_missing", webAuth, redeem(fresh, "redirect_uri", ""), 400, bad("Missing required parameter: redirect_uri")),
		try("no redirect_uri, before an unknown code", "token/redirect_uri_missing", webAuth, redeem("x", "redirect_uri", ""), 400, bad("Missing required parameter: redirect_uri")),
		try("not registered", "token/redirect_mismatch", webAuth, redeem("x", "redirect_uri", "https://else.example.org/"), 400, bad("The redirect_uri mismatch")),
		try("registered, and another than asked for", "token/redirect_mismatch", webAuth, redeem(fresh, "redirect_uri", "com.example.app:/cb"), 400, bad("The redirect_uri mismatch")),
		try("unknown code", "token/code_unknown", webAuth, redeem("x"), 400, bad("Invalid auth code")),
		try("another client's", "token/code_wrong_client", stranger, redeem(fresh), 400, bad("Invalid auth code")),
		try("another client's, used", "token/code_wrong_client", stranger, redeem(used), 400, bad("Invalid auth code")),
		try("no verifier", "token/verifier_missing", webAuth, redeem(proved), 400, bad("Missing code_verifier")),
		try("wrong verifier", "token/verifier_wrong", webAuth, redeem(proved, "code_verifier", strings.Repeat("a", 43)), 400, bad("Invalid code_verifier")),
		try("a verifier and no challenge", "token/verifier_wrong", webAuth, redeem(fresh, "code_verifier", verifier), 400, bad("Invalid code_verifier")),
		try("no secret and no verifier", "token/verifier_missing", half, redeem(public), 400, bad("Missing code_verifier")),
		try("no secret and no verifier, before everything of the code", "token/verifier_missing", half, redeem("", "redirect_uri", ""), 400, bad("Missing code_verifier")),
		try("no secret, and the code has no challenge", "token/verifier_wrong", half, redeem(bare, "code_verifier", verifier), 400, bad("Invalid code_verifier")),
		try("no secret, not public", "token/client_secret_missing", basic("web", ""), redeem(fresh), 400, bad("Missing client_secret")),
		try("client first", "common/client_unknown", basic("who", "x"), redeem(""), 401, unauthorized("The client(application) was not found. client_id: who")),
		try("used", "token/code_replayed", webAuth, redeem(used), 401, unauthorized("Auth code status is 'U' (used). auth_code: "+used)),
		try("the one that was right all along", "", webAuth, redeem(fresh)+"&client_id=web&client_secret=x", 401, unauthorized(wrongSecret+"web")),
	}
}

// lateRows are refusals of what has run out.
func lateRows(h *house) []row {
	b := h.redeem(call{auth: webAuth, form: redeem(h.code())})
	h.clock.Advance(24*time.Hour - 20*time.Minute)
	code := h.code()
	over := h.clock.Now().Add(10 * time.Minute).UTC()
	h.clock.Advance(20 * time.Minute)
	text := fmt.Sprintf("Auth code expired. auth code exp: %d (%s)", over.UnixMilli(), over.Format(time.RFC3339))
	return []row{
		{"code", "token/code_expired", call{auth: webAuth, form: redeem(code)}, 401, e1("401", "Unauthorized", text, tokenPath), nil},
		{"another client's code", "token/code_wrong_client", call{auth: basic("other-web", "tsp123abcd"), form: redeem(code)}, 400, e2("invalid_request", "Invalid auth code"), nil},
		{"ID token", "hint/token_expired", call{path: verifyPath, auth: "-", form: "id_token=" + b.ID}, 403, e2("Forbidden", "The id_token has expired"), nil},
	}
}

func TestCodeRefusals(t *testing.T) {
	h := open(t, nil)
	h.try(codeRows(h))
	h.try(lateRows(h))
}

func TestCodeExpires(t *testing.T) {
	h := open(t, nil)
	code, last := h.code(), h.code()
	h.clock.Advance(10*time.Minute - time.Second)
	h.issue(call{auth: webAuth, form: redeem(last)})
	h.clock.Advance(time.Second)
	if got := h.do(call{auth: webAuth, form: redeem(code)}); got.status != 401 || !strings.Contains(got.body, "Auth code expired. auth code exp: 1772367000123 (2026-03-01T12:10:00Z)") {
		t.Errorf("expired: %d %s", got.status, got.body)
	}
	ended := h.code()
	h.clock.Advance(time.Second)
	if err := h.tokens.EndGrants(t.Context(), h.realms.ByName(realm.Default), "", "tspuser"); err != nil {
		t.Fatal(err)
	}
	if got := h.do(call{auth: webAuth, form: redeem(ended)}); got.status != 401 || !strings.Contains(got.body, "Auth code expired. auth code exp: 1772367001123 (2026-03-01T12:10:01Z)") {
		t.Errorf("what it stood for was ended: %d %s", got.status, got.body)
	}
}

// A codeBody is a success body of the code flow.
type codeBody struct {
	grantBody
	ID       string `json:"id_token"`
	Provider string `json:"idp_type"`
}

func (h *house) redeem(c call) codeBody {
	h.t.Helper()
	got := h.do(c)
	var b codeBody
	if err := json.Unmarshal([]byte(got.body), &b); err != nil || got.status != http.StatusOK {
		h.t.Fatalf("%s: %d %s", c.form, got.status, got.body)
	}
	return b
}

func (h *house) opens(raw string) bool {
	_, err := h.tokens.Verify(h.t.Context(), h.realms.ByName(realm.Default), raw)
	return err == nil
}

func (h *house) refreshes(raw string) bool {
	_, err := h.tokens.Present(h.t.Context(), h.realms.ByName(realm.Default), raw)
	return err == nil
}

var codeAnswer = regexp.MustCompile(`^\{"access_token":"[^"]+","expires_in":86399,"jti":"[^"]+","node":"executor1","refresh_token":"[^"]+",` +
	`"scope":"2000000006 openid email profile","stime":1772366400123,"token_type":"bearer","idp_type":"LDAP","id_token":"[^"]+"\}$`)

func TestCodeGives(t *testing.T) {
	h := open(t, nil)
	code := h.code("nonce", "n-1")
	raw := h.do(call{auth: "-", form: redeem(code, "client_id", "web", "client_secret", base64.StdEncoding.EncodeToString([]byte("tsp123abcd")))})
	if raw.status != 200 || !codeAnswer.MatchString(raw.body) {
		t.Fatalf("%d %s", raw.status, raw.body)
	}
	var b codeBody
	_ = json.Unmarshal([]byte(raw.body), &b)
	for which, want := range map[string]string{
		b.Access:  `^\{"node":"executor1","aud":\["YWRtaW5BUEk"\],"user_name":"tspuser","scope":\["2000000006","openid","email","profile"\],"stime":1772366400123,"exp":1772452800,"iat":1772366400,"jti":"[^"]+","client_id":"web","idp_type":"LDAP","sid":"sid-1"\}$`,
		b.Refresh: `^\{"node":"executor1","aud":\["YWRtaW5BUEk"\],"user_name":"tspuser","scope":\["2000000006","openid","email","profile"\],"ati":"[^"]+","stime":1772366400123,"exp":[0-9]+,"iat":1772366400,"jti":"[^"]+","client_id":"web","idp_type":"LDAP","sid":"sid-1"\}$`,
	} {
		if got := payload(t, which); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("payload %s", got)
		}
	}
	wantIDToken(t, h, b, map[string]any{"nonce": "n-1"})

	again := h.redeem(call{auth: webAuth, form: refreshForm(b.Refresh)})
	if again.Provider != "LDAP" || again.Org != "" || again.Scope != b.Scope || h.opens(b.Access) {
		t.Errorf("refreshed: %+v", again)
	}
	wantIDToken(t, h, again, nil)
	public := h.redeem(call{auth: basic("half", ""), form: redeem(h.code(pkce("client_id", "half", "scope", "email")...), "code_verifier", verifier)})
	if public.ID != "" || public.Provider != "LDAP" || public.Refresh == "" || public.Scope != "2000000006 email" {
		t.Errorf("public, without openid: %+v", public)
	}
	password := h.do(call{form: passwordForm})
	if strings.Contains(password.body, "idp_type") || strings.Contains(password.body, "id_token") {
		t.Errorf("a password grant has them too: %s", password.body)
	}
}

// wantIDToken checks an ID token: its header, its claims, and that it passes for nothing else.
func wantIDToken(t *testing.T, h *house, b codeBody, more map[string]any) {
	t.Helper()
	rl := h.realms.ByName(realm.Default)
	head, _ := base64.RawURLEncoding.DecodeString(strings.Split(b.ID, ".")[0])
	if !regexp.MustCompile(`^\{"typ":"JWT","alg":"RS256","kid":"[^"]+","ver":"2\.0"\}$`).Match(head) {
		t.Errorf("header %s", head)
	}
	half := sha256.Sum256([]byte(b.Access))
	want := map[string]any{
		"iss": "https://auth.example.org/dgrv4/ssotoken/LDAP", "sub": "tspuser", "aud": "web", "iat": 1772366400.0, "exp": 1772452800.0,
		"at_hash": base64.RawURLEncoding.EncodeToString(half[:16]), "name": "T. S. P.",
	}
	for name, v := range more {
		want[name] = v
	}
	var got map[string]any
	_ = json.Unmarshal([]byte(payload(t, b.ID)), &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ID token (-want +got)\n%s", diff)
	}
	if _, err := h.tokens.Verify(t.Context(), rl, b.ID); oauth.ReasonOf(err) != oauth.TokenMalformed {
		t.Errorf("the ID token is taken for an access token: %v", err)
	}
	if _, err := h.tokens.ReadIDToken(t.Context(), rl, b.ID); oauth.ReasonOf(err) != oauth.TokenMalformed {
		t.Errorf("the ID token is taken for one of the standard door's: %v", err)
	}
	if _, err := h.tokens.Present(t.Context(), rl, b.ID); err == nil {
		t.Error("the ID token is taken for a refresh token")
	}
}

// TestAWrongVerifierBurnsNothing: in the product the code is gone before the verifier is looked at.
func TestAWrongVerifierBurnsNothing(t *testing.T) {
	h := open(t, nil)
	code := h.code(pkce()...)
	for _, wrong := range []string{"", "short", strings.Repeat("a", 43)} {
		if got := h.do(call{auth: webAuth, form: redeem(code, "code_verifier", wrong)}); got.status != 400 {
			t.Errorf("%q: %d %s", wrong, got.status, got.body)
		}
	}
	h.redeem(call{auth: webAuth, form: redeem(code, "code_verifier", verifier)})
}

func TestCodeReplayEndsWhatItGave(t *testing.T) {
	h := open(t, nil)
	norefresh := h.begin("LDAP", "scope", "openid")
	for name, code := range map[string]string{"with a refresh token": h.code(), "of a session": h.codeFor("tspuser", norefresh)} {
		first := h.redeem(call{auth: webAuth, form: redeem(code)})
		other := h.redeem(call{auth: webAuth, form: redeem(h.code())})
		second := h.redeem(call{auth: webAuth, form: refreshForm(first.Refresh)})
		if got := h.do(call{auth: webAuth, form: redeem(code)}); got.status != 401 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		if h.opens(first.Access) || h.opens(second.Access) || h.refreshes(second.Refresh) {
			t.Errorf("%s: what the code gave lives on", name)
		}
		if got := h.do(call{auth: webAuth, form: refreshForm(second.Refresh)}); got.status != 403 {
			t.Errorf("%s: refreshed: %d %s", name, got.status, got.body)
		}
		if !h.opens(other.Access) || !h.refreshes(other.Refresh) {
			t.Errorf("%s: a bystander is hit", name)
		}
	}
}

// TestReplayWithoutRefreshToken: the access token knows its grant all the same.
func TestReplayWithoutRefreshToken(t *testing.T) {
	h := open(t, func(s *deployment.ChangeSet) {
		for _, c := range s.Clients {
			if c.ID == "web" {
				c.Grants = []string{"authorization_code"}
			}
		}
	})
	code := h.code()
	first := h.redeem(call{auth: webAuth, form: redeem(code)})
	h.do(call{auth: webAuth, form: redeem(code)})
	if first.Refresh != "" || h.opens(first.Access) {
		t.Errorf("%+v; it opens: %v", first, h.opens(first.Access))
	}
}

func TestCodeHasOneWinner(t *testing.T) {
	h := open(t, nil)
	code := h.code()
	var wait sync.WaitGroup
	answers := make(chan answer, 20)
	for range 20 {
		wait.Go(func() { answers <- h.do(call{auth: webAuth, form: redeem(code)}) })
	}
	wait.Wait()
	close(answers)
	won := 0
	for got := range answers {
		if got.status == http.StatusOK {
			won++
		}
	}
	if won > 1 {
		t.Errorf("%d winners", won)
	}
}

// TestSignOutEndsWhatItGave: tokens of a sign-in end with it.
func TestSignOutEndsWhatItGave(t *testing.T) {
	h := open(t, nil)
	b := h.redeem(call{auth: webAuth, form: redeem(h.code())})
	rl := h.realms.ByName(realm.Default)
	end, err := h.tokens.SessionRevocation(t.Context(), rl, "sid-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.store.Revoke(t.Context(), [32]byte{}, 0, end); err != nil {
		t.Fatal(err)
	}
	if h.opens(b.Access) || h.refreshes(b.Refresh) {
		t.Error("signed out, and the tokens are good")
	}
}

// TestCodesOfOtherDoors: each door takes back its own codes alone, and so does the standard one.
func TestCodesOfOtherDoors(t *testing.T) {
	h := open(t, nil)
	for _, door := range []string{"", "kustvakt"} {
		r := h.begin("LDAP")
		r.Dialect = door
		code := h.codeFor("tspuser", r)
		if got := h.do(call{auth: webAuth, form: redeem(code)}); got.status != 400 || got.body != e2("invalid_request", "Invalid auth code") {
			t.Errorf("%q: %d %s", door, got.status, got.body)
		}
		if _, spent, err := h.codes.Look(t.Context(), realm.Default, code); spent || err != nil {
			t.Errorf("%q: spent %v, %v", door, spent, err)
		}
	}
}

// TestUsersAreAskedAfterAgain: what became of the user since counts.
func TestUsersAreAskedAfterAgain(t *testing.T) {
	h := open(t, nil)
	r := h.begin("LDAP")
	gone := h.codeFor("nobody", r)
	h.try([]row{
		{"user off", "token/user_disabled", call{auth: webAuth, form: redeem(h.codeFor("offuser", r))}, 403, e1("403", "Forbidden", "'offuser' User disable", tokenPath), nil},
		{"user locked", "token/user_locked", call{auth: webAuth, form: redeem(h.codeFor("lockeduser", r))}, 403, e1("403", "Forbidden", "'lockeduser' User locked", tokenPath), nil},
		{"no such user", "refresh/user_unknown", call{auth: webAuth, form: redeem(gone)}, 401, e1("401", "Unauthorized", "Unauthorized", tokenPath), nil},
	})
}
