package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/audit"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/store"
	"sallyport/ticket"
	"sallyport/token"
	"sallyport/user"
)

func commitTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"everything at once":  everythingAtOnce,
		"all or nothing":      commitAllOrNothing,
		"deletions":           deletions,
		"deletion of a realm": deletionOfARealm,
		"replacement":         replacement,
		"given up":            givenUp,
	}
}

// oneOfEach is a change set with everything in a realm.
func oneOfEach(name string) deployment.ChangeSet {
	return deployment.ChangeSet{
		Realms:  []*realm.Realm{{Name: name}},
		Scopes:  []deployment.RealmScope{{Realm: name, Scope: scope.Scope{Name: "read"}}},
		Users:   []*user.User{{Realm: name, Name: "dory", Password: "x"}},
		Clients: []*client.Client{{Realm: name, ID: "app"}},
		APIs:    []*api.API{{Realm: name, Name: "orders"}},
		Revocations: []token.Revocation{
			{Realm: name, Kind: token.RevokeClientUser, Key: "app\x00dory", Bound: 5, Until: now.Add(time.Hour)},
		},
		Events: []audit.Event{{At: now, Kind: audit.ConfigChanged, Realm: name, Detail: awkward}},
	}
}

// count says how much of a realm there is, in the order of oneOfEach.
func count(t *testing.T, s *store.Store, name string) (n [7]int) {
	t.Helper()
	for _, r := range must(s.Realms(t.Context()))(t) {
		if r.Name == name {
			n[0]++
		}
	}
	n[1] = len(must(s.Scopes(t.Context()))(t)[name])
	n[2] = len(must(s.Users(t.Context(), name, "", 10))(t))
	n[3] = len(must(s.Clients(t.Context(), name, "", 10))(t))
	for _, a := range must(s.APIs(t.Context()))(t) {
		if a.Realm == name {
			n[4]++
		}
	}
	for _, r := range must(s.Revocations(t.Context(), now))(t) {
		if r.Realm == name {
			n[5]++
		}
	}
	n[6] = len(must(s.Events(t.Context(), name, time.Time{}, 10))(t))
	return n
}

func everythingAtOnce(t *testing.T, d Database) {
	s := open(t, d)
	commit(t, s, deployment.ChangeSet{})
	commit(t, s, oneOfEach("default"))
	if got := count(t, s, "default"); got != [7]int{1, 1, 1, 1, 1, 1, 1} {
		t.Errorf("stored %v of realms, scopes, users, clients, APIs, revocations, events", got)
	}
	// Revocations and events alone are a change set too.
	commit(t, s, deployment.ChangeSet{Events: oneOfEach("default").Events})
	if got := count(t, s, "default"); got != [7]int{1, 1, 1, 1, 1, 1, 2} {
		t.Errorf("stored %v", got)
	}
}

func commitAllOrNothing(t *testing.T, d Database) {
	hub := &feed.Hub{}
	var told []feed.Change
	hub.Subscribe(func(c feed.Change) { told = append(told, c) })
	s := openWith(t, d, hub)
	for name, spoil := range map[string]func(*deployment.ChangeSet){
		"a scope of no realm":      func(c *deployment.ChangeSet) { c.Scopes[0].Realm = "none" },
		"an API of no realm":       func(c *deployment.ChangeSet) { c.APIs[0].Realm = "none" },
		"a client of no realm":     func(c *deployment.ChangeSet) { c.Clients[0].Realm = "none" },
		"a user of no realm":       func(c *deployment.ChangeSet) { c.Users[0].Realm = "none" },
		"a deletion of no kind":    func(c *deployment.ChangeSet) { c.Deleted = []deployment.Ref{{Kind: feed.Key, ID: "x"}} },
		"settings that are broken": func(c *deployment.ChangeSet) { c.APIs[0].Policies = []api.Policy{{Settings: []byte("{")}} },
	} {
		c := oneOfEach("default")
		spoil(&c)
		if err := s.Commit(t.Context(), c); err == nil {
			t.Errorf("%s: stored", name)
		}
		if got := count(t, s, "default"); got != [7]int{} {
			t.Errorf("%s: %v was stored", name, got)
		}
	}
	if told != nil {
		t.Errorf("told of what did not happen: %v", told)
	}
}

func deletions(t *testing.T, d Database) {
	s := open(t, d)
	commit(t, s, oneOfEach("default"))
	commit(t, s, oneOfEach("other"))
	all := []deployment.Ref{
		{Kind: feed.Scope, Realm: "default", ID: "read"}, {Kind: feed.User, Realm: "default", ID: "dory"},
		{Kind: feed.Client, Realm: "default", ID: "app"}, {Kind: feed.API, Realm: "default", ID: "orders"},
		{Kind: feed.Client, Realm: "default", ID: "never was"},
	}
	commit(t, s, deployment.ChangeSet{Deleted: all})
	if got := count(t, s, "default"); got != [7]int{1, 0, 0, 0, 0, 1, 1} {
		t.Errorf("left: %v", got)
	}
	if got := count(t, s, "other"); got != [7]int{1, 1, 1, 1, 1, 1, 1} {
		t.Errorf("left in the other realm: %v", got)
	}
}

func deletionOfARealm(t *testing.T, d Database) {
	s := open(t, d)
	for n, name := range []string{"gone", "kept"} {
		commit(t, s, oneOfEach(name))
		f, r := family(n, "dory"), reference(n, "dory")
		f.Realm, r.Realm = name, name
		create(t, s, f, r)
		must(s.AddKey(t.Context(), key.Record{Realm: name, Alg: key.ES256, Serial: 1, ID: name}, time.Time{}))(t)
		ok(t, s.PutTicket(t.Context(), ticket.Ticket{Realm: name, Kind: "code", Hash: [32]byte{byte(n)}, ExpiresAt: now.Add(time.Hour)}))
	}
	commit(t, s, deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.Realm, ID: "gone"}}})
	if got := count(t, s, "gone"); got != [7]int{6: 1} { // the record of what happened stays
		t.Errorf("left: %v", got)
	}
	if got := count(t, s, "kept"); got != [7]int{1, 1, 1, 1, 1, 1, 1} {
		t.Errorf("left in the other realm: %v", got)
	}
	for n, name := range []string{"gone", "kept"} {
		want := name == "kept"
		f := family(n, "dory")
		got := map[string]bool{
			"family":    must(s.Family(t.Context(), name, f.ID, f.ExpiresAt))(t) != nil,
			"reference": getReference(t, s, reference(n, "")) != nil,
			"key":       len(must(s.Keys(t.Context(), name))(t)) > 0,
			"ticket":    must(s.TakeTicket(t.Context(), name, "code", [32]byte{byte(n)}, now))(t) != nil,
		}
		if diff := cmp.Diff(map[string]bool{"family": want, "reference": want, "key": want, "ticket": want}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func replacement(t *testing.T, d Database) {
	s := open(t, d)
	c := oneOfEach("default")
	commit(t, s, c)
	// Deleting comes first: what the same change set stores is there afterwards.
	c.Clients, c.Users = nil, nil
	c.Deleted = []deployment.Ref{{Kind: feed.Realm, Realm: "default", ID: "default"}}
	commit(t, s, c)
	if got := count(t, s, "default"); got != [7]int{1, 1, 0, 0, 1, 1, 2} {
		t.Errorf("left: %v", got)
	}
}

func givenUp(t *testing.T, d Database) {
	s := open(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Commit(ctx, oneOfEach("default")); !errors.Is(err, context.Canceled) {
		t.Errorf("a write for a caller who left: %v", err)
	}
	if got := count(t, s, "default"); got != [7]int{} {
		t.Errorf("stored: %v", got)
	}
	if _, err := s.Client(ctx, "default", "app"); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("a read for a caller who left: %v", err)
	}
}
