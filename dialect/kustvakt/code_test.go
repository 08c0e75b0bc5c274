package kustvakt_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"sallyport/authorize"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
	"sallyport/user"
)

const (
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

func redeem(code string, pairs ...string) []string {
	return append([]string{"grant_type", "authorization_code", "code", code}, pairs...)
}

func TestCodeGives(t *testing.T) {
	h := openCodes(t)
	web := h.get(basic("web", secret), redeem(h.code("scope", "match_info search"), "scope", "nonsense")...)
	if web.Scope != "match_info search" || web.Expires != 259200 || web.Refresh == "" || web.Type != "Bearer" || !h.opens(web.Access) {
		t.Errorf("confidential: %+v", web)
	}
	a, err := h.Tokens.Verify(t.Context(), h.Realms.ByName(realm.Default), web.Access)
	if err != nil || a.User != "dory" || a.Client != "web" {
		t.Errorf("%+v, %v", a, err)
	}
	second := h.get(basic("web", secret), "grant_type", "refresh_token", "refresh_token", web.Refresh)
	if second.Scope != web.Scope || h.opens(web.Access) {
		t.Errorf("refreshed: %+v", second)
	}
	for _, id := range []string{"app", "desk"} {
		pairs := []string{"client_id", id, "redirect_uri", callback}
		public := h.get("", redeem(h.code(pairs...), pairs...)...)
		if public.Scope != "search" || public.Expires != 31536000 || public.Refresh != "" || !h.opens(public.Access) {
			t.Errorf("%s: %+v", id, public)
		}
	}
	ignored := h.get("", redeem(h.code("client_id", "app"), "client_id", "app", "client_secret", "whatever")...)
	if !h.opens(ignored.Access) {
		t.Error("a public client's secret is ignored")
	}
	if all := h.get(basic("own", secret), redeem(h.code("client_id", "own", "scope", "all"))...); all.Scope != "all" {
		t.Errorf("a super client: %+v", all)
	}
}

func TestCodeLifetimesAreSettings(t *testing.T) {
	h := openCodes(t, func(c *deployment.ChangeSet) {
		public := func(id string, s realm.AccessToken) {
			c.Clients = append(c.Clients, &client.Client{
				Realm: realm.Default, ID: id, Type: client.Public, Status: client.On, Grants: []string{"authorization_code"},
				Scopes: scope.Set{"search"}, RedirectURIs: []string{callback}, AccessToken: s,
			})
		}
		public("brief", realm.AccessToken{TTL: realm.Duration(time.Minute)})
		public("jwt", realm.AccessToken{Format: realm.JWT})
	})
	for id, want := range map[string]int64{"brief": 60, "jwt": 259200} { // what is not stored is not remembered as ended for a year
		if got := h.get("", redeem(h.code("client_id", id), "client_id", id)...); got.Expires != want {
			t.Errorf("%s: %d, want %d", id, got.Expires, want)
		}
	}
}

func TestCodeErrors(t *testing.T) {
	h := openCodes(t)
	web := basic("web", secret)
	given, bare := h.code("redirect_uri", callback), h.code()
	used, late, proved := h.code(), h.code(), h.code("code_challenge", challenge, "code_challenge_method", "S256")
	h.get(web, redeem(used)...)
	h.check(t, []line{
		{name: "no code", auth: web, form: []string{"grant_type", "authorization_code"}, status: 400, body: a("invalid_request", "Missing or empty code parameter")},
		{name: "empty code", auth: web, form: redeem(""), status: 400, body: a("invalid_request", "Missing or empty code parameter")},
		{name: "unknown code", auth: web, form: redeem("blah"), status: 400, body: a("invalid_request", "Authorization is invalid.")},
		{name: "unknown code, before the secret", auth: basic("web", "wrong"), source: "192.0.2.7", form: redeem("blah"), status: 400, body: a("invalid_request", "Authorization is invalid.")},
		{name: "unknown code, before the client", form: redeem("blah", "client_id", "nobody"), status: 400, body: a("invalid_request", "Authorization is invalid.")},
		{name: "unknown code, no secret", form: redeem("blah", "client_id", "web"), status: 400, body: a("invalid_request", "Authorization is invalid.")},
		{name: "wrong secret", auth: basic("web", "wrong"), source: "192.0.2.7", form: redeem(bare), status: 401, body: a("invalid_client", "Invalid client credentials")},
		{name: "no secret", form: redeem(bare, "client_id", "web"), status: 400, body: a("invalid_request", "Missing parameter: client_secret")},
		{name: "unknown client", form: redeem(bare, "client_id", "nobody"), status: 401, body: a("invalid_client", "Unknown client: nobody")},
		{name: "no client", form: redeem(bare), status: 400, body: a("invalid_request", "The value must not be null or empty string")},
		{name: "another's code", auth: basic("other", secret), form: redeem(bare), status: 400, body: a("invalid_grant", "Invalid authorization")},
		{name: "without the grant", auth: basic("nocode", secret), form: redeem(bare), status: 401, body: a("unauthorized_client", "The grant type is not allowed for this client")},
		{name: "redirect URI omitted", auth: web, form: redeem(given), status: 400, body: a("invalid_grant", "Missing redirect URI")},
		{name: "redirect URI differs", auth: web, form: redeem(given, "redirect_uri", callback+"x"), status: 400, body: a("invalid_grant", "Invalid redirect URI")},
		{name: "redirect URI sent, though not before", auth: web, form: redeem(bare, "redirect_uri", callback), status: 400, body: a("invalid_grant", "Invalid redirect URI")},
		{name: "no verifier", auth: web, form: redeem(proved), status: 400, body: a("invalid_grant", "Missing code_verifier parameter")},
		{name: "wrong verifier", auth: web, form: redeem(proved, "code_verifier", verifier[1:]+"x"), status: 400, body: a("invalid_grant", "Invalid code_verifier")},
		{name: "malformed verifier", auth: web, form: redeem(proved, "code_verifier", "short"), status: 400, body: a("invalid_grant", "Invalid code_verifier")},
		{name: "a verifier without a challenge", auth: web, form: redeem(bare, "code_verifier", verifier), status: 400, body: a("invalid_grant", "Invalid code_verifier")},
		{name: "used", auth: web, form: redeem(used), status: 400, body: a("invalid_grant", "Invalid authorization")},
	})
	// None of that used a code up: in the product a wrong secret and a wrong redirect URI do.
	for name, form := range map[string][]string{
		"given": redeem(given, "redirect_uri", callback), "bare": redeem(bare), "proved": redeem(proved, "code_verifier", verifier),
	} {
		if got := h.get(web, form...); !h.opens(got.Access) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	h.Clock.Advance(10 * time.Minute)
	h.check(t, []line{
		{name: "expired", auth: web, form: redeem(late), status: 400, body: a("invalid_grant", "Authorization expired")},
		{name: "expired, another's", auth: basic("other", secret), form: redeem(late), status: 400, body: a("invalid_grant", "Invalid authorization")},
	})
}

func TestCodeLivesTenMinutes(t *testing.T) {
	h := openCodes(t)
	code := h.code()
	h.Clock.Advance(10*time.Minute - time.Second)
	h.get(basic("web", secret), redeem(code)...)
}

// TestCodeReplayEndsWhatItGave: in the product the tokens of the first use live on.
func TestCodeReplayEndsWhatItGave(t *testing.T) {
	h := openCodes(t)
	code := h.code()
	first := h.get(basic("web", secret), redeem(code)...)
	if got := h.post(tokenPath, basic("other", secret), redeem(code)...); got.Status != 400 || !h.opens(first.Access) {
		t.Fatalf("another client: %d %s; still open: %v", got.Status, got.Body, h.opens(first.Access))
	}
	if got := h.post(tokenPath, basic("web", secret), redeem(code)...); got.Status != 400 || got.Text("error") != "invalid_grant" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if h.opens(first.Access) || h.refreshes(first.Refresh) {
		t.Error("what the code gave lives on")
	}
	h.Clock.Advance(364 * 24 * time.Hour)
	if h.refreshes(first.Refresh) {
		t.Error("a year later it lives again")
	}
	pairs := []string{"client_id", "app"}
	code = h.code(pairs...)
	long := h.get("", redeem(code, pairs...)...)
	h.post(tokenPath, "", redeem(code, pairs...)...)
	h.Clock.Advance(364 * 24 * time.Hour)
	if h.opens(long.Access) {
		t.Error("the token of a year opens again")
	}
}

func TestCodeHasOneWinner(t *testing.T) {
	h := openCodes(t)
	code := h.code()
	var wait sync.WaitGroup
	answers := make(chan dialecttest.Answer, 20)
	for range 20 {
		wait.Go(func() { answers <- h.post(tokenPath, basic("web", secret), redeem(code)...) })
	}
	wait.Wait()
	close(answers)
	won := 0
	for got := range answers {
		if got.Status == http.StatusOK {
			won++
			if h.opens(got.Text("access_token")) {
				t.Error("after the replays the token is good")
			}
		}
	}
	if won > 1 {
		t.Errorf("%d winners", won)
	}
}

// TestCodesOfOtherDoors: each door takes back its own codes alone.
func TestCodesOfOtherDoors(t *testing.T) {
	h := openCodes(t)
	for _, door := range []string{"", "digirunner"} {
		code, err := h.Codes.Make(t.Context(), authorize.Grant{
			Realm: realm.Default, Client: "web", User: "dory", RedirectURI: callback, Scope: scope.Set{"search"},
			Family: token.NewFamilyID(h.Clock.Now()), Dialect: door,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, auth := range []string{basic("web", secret), basic("web", "wrong")} {
			got := h.Do(h.routes, dialecttest.Call{Path: tokenPath, Auth: auth, Source: "192.0.2.77", Body: form(redeem(code)...)})
			if got.Status != 400 || got.Body != a("invalid_request", "Authorization is invalid.") {
				t.Errorf("%q: %d %s", door, got.Status, got.Body)
			}
		}
		if _, spent, err := h.Codes.Look(t.Context(), realm.Default, code); spent || err != nil {
			t.Errorf("%q: spent %v, %v", door, spent, err)
		}
	}
}

// TestRealmDemandsPKCE: the realm's and the client's demands hold at this door too, for codes that are there already as well.
func TestRealmDemandsPKCE(t *testing.T) {
	h := openCodes(t)
	early := h.code("client_id", "app")
	strict := *h.Realms.ByName(realm.Default)
	strict.RequirePKCE = true
	h.Change(deployment.ChangeSet{Realms: []*realm.Realm{&strict}})
	if got := h.post(tokenPath, "", redeem(early, "client_id", "app")...); got.Status != 400 || got.Text("error_description") != "Missing code_verifier parameter" {
		t.Errorf("an earlier code: %d %s", got.Status, got.Body)
	}
	if got := h.ask(h.super(), "client_id", "app").Header.Get("Location"); got != callback+"?error=invalid_request&error_description=Missing+code_challenge+parameter&state=s+t%26%3D" {
		t.Errorf("asked without: %s", got)
	}
	h.get("", redeem(h.code("client_id", "app", "code_challenge", challenge, "code_challenge_method", "S256"), "client_id", "app", "code_verifier", verifier)...)
}

// TestCodeOfAUserWhoIsGone: what happened since the code was made counts.
func TestCodeOfAUserWhoIsGone(t *testing.T) {
	h := openCodes(t)
	web := basic("web", secret)
	code, ended := h.code(), h.code()
	person := func(status user.Status) deployment.ChangeSet {
		return deployment.ChangeSet{Users: []*user.User{{Realm: realm.Default, Name: "dory", Password: dialecttest.Password("dorypass"), Status: status}}}
	}
	h.Change(person(user.Off))
	h.check(t, []line{{name: "user off", auth: web, form: redeem(code), status: 400, body: a("invalid_grant", "Invalid authorization")}})
	h.Change(person(user.On))
	h.Clock.Advance(time.Second)
	if err := h.Tokens.EndGrants(t.Context(), h.Realms.ByName(realm.Default), "", "dory"); err != nil {
		t.Fatal(err)
	}
	h.check(t, []line{{name: "everything of the user's ended", auth: web, form: redeem(ended), status: 400, body: a("invalid_grant", "Authorization expired")}})
}
