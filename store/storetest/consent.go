package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/consent"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/scope"
	"sallyport/store"
	"sallyport/token"
)

func consentTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"kept":  consentsAreKept,
		"ended": consentsAreEnded,
	}
}

// withClients commits people and clients in both realms.
func withClients(t *testing.T, s *store.Store, ids ...string) {
	t.Helper()
	withPeople(t, s)
	var c deployment.ChangeSet
	for _, realm := range []string{"default", "other"} {
		for _, id := range ids {
			c.Clients = append(c.Clients, &client.Client{Realm: realm, ID: id})
		}
	}
	commit(t, s, c)
}

func agreed(user, client string) *consent.Consent {
	return &consent.Consent{
		Realm: "default", User: user, Client: client, Scopes: scope.Set{"openid", "email"}, Claims: []string{"name", awkward},
		GrantedAt: now, UpdatedAt: now.Add(time.Hour),
	}
}

func toldOfConsent(user, client string) feed.Change {
	return feed.Change{Kind: feed.Consent, Realm: "default", ID: user + "\x00" + client}
}

func consentsAreKept(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withClients(t, s, "web", "app", "B")
	e.take()
	bare := &consent.Consent{Realm: "default", User: "nemo", Client: "app"}
	for _, c := range []*consent.Consent{agreed("dory", "web"), agreed("dory", "app"), agreed("dory", "B"), bare} {
		ok(t, s.PutConsent(t.Context(), c))
		if diff := cmp.Diff(c, must(s.Consent(t.Context(), "default", c.User, c.Client))(t)); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
		if diff := cmp.Diff([]feed.Change{toldOfConsent(c.User, c.Client)}, e.take()); diff != "" {
			t.Error(diff)
		}
	}
	changed := agreed("dory", "app")
	changed.Scopes, changed.Claims = scope.Set{"openid"}, nil
	ok(t, s.PutConsent(t.Context(), changed))
	want := []*consent.Consent{agreed("dory", "B"), changed, agreed("dory", "web")}
	if diff := cmp.Diff(want, must(s.Consents(t.Context(), "default", "dory"))(t)); diff != "" {
		t.Error(diff)
	}
	e.take()
	for _, c := range [][3]string{{"other", "dory", "app"}, {"default", "nobody", "app"}, {"default", "dory", "none"}, {"default", "dory\x00", "app"}} {
		if x := must(s.Consent(t.Context(), c[0], c[1], c[2]))(t); x != nil {
			t.Errorf("%q: %+v", c, x)
		}
	}
	for _, c := range []*consent.Consent{agreed("nobody", "app"), agreed("dory", "none")} {
		if err := s.PutConsent(t.Context(), c); err == nil {
			t.Errorf("stored: %q at %q", c.User, c.Client)
		}
	}
	if told := e.take(); told != nil {
		t.Errorf("told of what did not happen: %v", told)
	}
}

func consentsAreEnded(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withClients(t, s, "app", "web")
	grants := []struct{ user, client string }{{"dory", "app"}, {"dory", "web"}, {"nemo", "app"}}
	for n, g := range grants {
		ok(t, s.PutConsent(t.Context(), agreed(g.user, g.client)))
		f, r := family(n, g.user), reference(n, g.user)
		f.Client, r.Client = g.client, g.client
		create(t, s, f, r)
	}
	clientsOwn := family(7, "")
	create(t, s, clientsOwn, nil)
	e.take()
	left := func(want ...bool) {
		t.Helper()
		for n, g := range grants {
			got := []bool{
				must(s.Consent(t.Context(), "default", g.user, g.client))(t) != nil,
				getFamily(t, s, family(n, "")) != nil, getReference(t, s, reference(n, "")) != nil,
			}
			if diff := cmp.Diff([]bool{want[n], want[n], want[n]}, got); diff != "" {
				t.Errorf("consent, family, reference of %v: %s", g, diff)
			}
		}
		if getFamily(t, s, clientsOwn) == nil {
			t.Error("the client's own grant was ended")
		}
	}
	r := token.Revocation{Realm: "default", Kind: token.RevokeClientUser, Key: "app\x00dory", Bound: 42, Until: now.Add(time.Hour)}
	news := feed.Change{Kind: feed.Revocation, Realm: "default", Sub: "p", ID: r.Key, Bound: 42, Until: r.Until.UnixMicro()}
	ok(t, s.EndConsent(t.Context(), "other", "dory", "app"))
	ok(t, s.EndConsent(t.Context(), "default", "", "app"))
	ok(t, s.EndConsent(t.Context(), "default", "dory", ""))
	left(true, true, true)
	ok(t, s.EndConsent(t.Context(), "default", "dory", "app", r))
	left(false, true, true)
	if diff := cmp.Diff([]feed.Change{toldOfConsent("dory", "app"), news}, e.take()); diff != "" {
		t.Error(diff)
	}
	// There may be grants without a consent, of a client that people are not asked about.
	create(t, s, family(0, "dory"), reference(0, "dory"))
	ok(t, s.EndConsent(t.Context(), "default", "dory", "app", r))
	left(false, true, true)
	if diff := cmp.Diff([]feed.Change{news}, e.take()); diff != "" {
		t.Error(diff)
	}
	ok(t, s.EndConsent(t.Context(), "default", "a\x00b", "app", r))
	if diff := cmp.Diff([]token.Revocation{r}, must(s.Revocations(t.Context(), now))(t)); diff != "" {
		t.Error(diff)
	}
}
