package authserver_test

import (
	"net/http"
	"net/url"
	"testing"

	"sallyport/authorize"
	"sallyport/dialect/dialecttest"
	"sallyport/realm"
	"sallyport/scope"
)

// A request that came by another product's front door is answered as that product's clients expect, and what it gives is taken
// back there alone.
func TestAnswersToOtherFrontDoors(t *testing.T) {
	p := openWeb(t)
	ctx := t.Context()
	state := "s"
	begin := func() dialecttest.Answer {
		t.Helper()
		secret, err := p.flows.Begin(ctx, &authorize.Request{
			Realm: realm.Default, Client: "web", RedirectURI: callback, RedirectGiven: true, Mode: authorize.Query, State: &state,
			Scope: scope.Set{"openid", "read"}, Challenge: challenge, Dialect: "digirunner", Provider: "LDAP",
		}, [32]byte{})
		if err != nil {
			t.Fatal(err)
		}
		return p.do(http.MethodGet, "/authorize?flow="+secret, "")
	}
	if where, told := p.to(begin()); where != "/signin?" || told.Get("flow") == "" {
		t.Errorf("nobody is signed in: %s %v", where, told)
	}
	p.signIn("nemo", "1")
	where, told := p.to(begin())
	if where != "/signin/consent?" {
		t.Errorf("nobody has agreed: %s %v", where, told)
	}
	p.note(told.Get("flow"), func(f *authorize.Flow) { f.Denied = true })
	where, told = p.to(p.do(http.MethodGet, "/authorize?flow="+told.Get("flow"), ""))
	if where != callback+"?" || told.Get("error") != "access_denied" || told.Get("state") != state || told.Has("iss") {
		t.Errorf("denied: %s %v", where, told)
	}
	p.agree("nemo", "web", "openid", "read")
	where, told = p.to(begin())
	code := told.Get("code")
	if where != callback+"?" || code == "" || !same(told, "code", "state") || told.Get("state") != state {
		t.Errorf("agreed: %s %v", where, told)
	}
	codes := authorize.NewCodes(p.kept, p.Clock.Now)
	g, spent, err := codes.Look(ctx, realm.Default, code)
	if err != nil || spent || g.Dialect != "digirunner" || g.SignIn.Provider != "LDAP" || !g.SignIn.Bound || !g.ExpiresAt.Equal(p.Clock.Now().Add(authorize.ForeignCodeLife)) {
		t.Fatalf("%+v, %v, %v", g, spent, err)
	}
	got := p.post("/token", basic("web", secret), "grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier)
	if got.Status != http.StatusBadRequest || got.Text("error") != "invalid_grant" {
		t.Errorf("at the standard front door: %d %s", got.Status, got.Body)
	}
	if _, spent, _ := codes.Look(ctx, realm.Default, code); spent {
		t.Error("which has spent it")
	}
}

// same reports whether just those parameters are there.
func same(v url.Values, names ...string) bool {
	for _, name := range names {
		if !v.Has(name) {
			return false
		}
	}
	return len(v) == len(names)
}
