package storetest

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/store"
	"sallyport/token"
	"sallyport/user"
)

func feedTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"told at once":        toldAtOnce,
		"reads while told":    readsWhileTold,
		"told elsewhere":      toldElsewhere,
		"long news elsewhere": longNewsElsewhere,
		"after a cut":         toldAfterACut,
	}
}

// An ear keeps what a hub tells.
type ear struct {
	hub feed.Hub
	mu  sync.Mutex
	all []feed.Change
}

func listen() *ear {
	e := &ear{}
	e.hub.Subscribe(func(c feed.Change) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.all = append(e.all, c)
	})
	return e
}

// take returns what was heard since the last time.
func (e *ear) take() []feed.Change {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.all
	e.all = nil
	return all
}

// learned waits until a change is known, by itself or because everything is to be looked at again.
func (e *ear) learned(t *testing.T, want feed.Change) {
	t.Helper()
	eventually(t, "hearing of "+string(want.Kind)+" "+want.ID, func() bool {
		return slices.ContainsFunc(e.take(), func(c feed.Change) bool { return c == want || c.Kind == feed.All })
	})
}

func toldAtOnce(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	until := now.Add(time.Hour)
	revocation := feed.Change{Kind: feed.Revocation, Realm: "default", Sub: "p", ID: "app\x00dory", Bound: 5, Until: until.UnixMicro()}
	of := func(kind feed.Kind, id string) feed.Change { return feed.Change{Kind: kind, Realm: "default", ID: id} }
	expect := func(what string, err error, want ...feed.Change) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if diff := cmp.Diff(want, e.take()); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	expect("commit", s.Commit(t.Context(), oneOfEach("default")),
		of(feed.Realm, "default"), of(feed.Scope, "read"), of(feed.User, "dory"), of(feed.Client, "app"), of(feed.API, "orders"), revocation)

	f := family(1, "dory")
	expect("grant", s.CreateGrant(t.Context(), f, reference(1, "dory")))
	a := rotate(f, 1, 0)
	_, err := s.AdvanceFamily(t.Context(), a)
	expect("use", err)
	a.Presented, a.Now = 0, now.Add(time.Hour)
	_, err = s.AdvanceFamily(t.Context(), a)
	expect("replay", err, feed.Change{Kind: feed.Revocation, Realm: "default", Sub: "f", ID: f.ID.String(), Bound: token.WholeFamily, Until: f.ExpiresAt.UnixMicro()})

	r := token.Revocation{Realm: "default", Kind: token.RevokeClientUser, Key: "app\x00dory", Bound: 5, Until: until}
	expect("revoke", s.Revoke(t.Context(), [32]byte{}, 0, r), revocation)
	expect("end of grants", s.EndGrants(t.Context(), "default", "app", "dory", r), revocation)
	_, err = s.EndFamily(t.Context(), "default", f.ID, f.ExpiresAt, r)
	expect("end of a family", err, revocation)

	k := key.Record{Realm: "default", Alg: key.ES256, Serial: 1, ID: "k", ExpiresAt: now}
	_, err = s.AddKey(t.Context(), k, time.Time{})
	expect("key", err, of(feed.Key, "k"))
	_, err = s.AddKey(t.Context(), k, time.Time{})
	expect("key that is there", err)
	expect("expired keys", s.DeleteExpiredKeys(t.Context(), until), of(feed.Key, "k"))

	expect("password", s.ReplacePassword(t.Context(), "default", "dory", "x", "y"), of(feed.User, "dory"))
	expect("no password", s.ReplacePassword(t.Context(), "default", "dory", "x", "y"))
	expect("no secret", s.ReplaceClientSecret(t.Context(), "default", "app", "x", "y"))
	commit(t, s, deployment.ChangeSet{Clients: []*client.Client{{Realm: "default", ID: "app", Secrets: []client.Secret{{Hash: "x"}}}}})
	e.take()
	expect("secret", s.ReplaceClientSecret(t.Context(), "default", "app", "x", "y"), of(feed.Client, "app"))

	deleted := deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.User, Realm: "default", ID: "dory"}}}
	expect("deletion", s.Commit(t.Context(), deleted), of(feed.User, "dory"))
	deleted.Deleted[0] = deployment.Ref{Kind: feed.Realm, ID: "default"}
	expect("deletion of a realm", s.Commit(t.Context(), deleted), feed.Change{Kind: feed.All})
}

// readsWhileTold: who is told may look, and sees what was written.
func readsWhileTold(t *testing.T, d Database) {
	hub := &feed.Hub{}
	s := openWith(t, d, hub)
	seen := ""
	hub.Subscribe(func(c feed.Change) {
		if c.Kind != feed.User {
			return
		}
		u, err := s.User(t.Context(), c.Realm, c.ID)
		if err != nil || u == nil {
			t.Errorf("user %q: %v, %v", c.ID, u, err)
			return
		}
		seen = u.Password
	})
	commit(t, s, oneOfEach("default"))
	ok(t, s.ReplacePassword(t.Context(), "default", "dory", "x", "changed"))
	if seen != "changed" {
		t.Errorf("the subscriber saw %q", seen)
	}
}

func toldElsewhere(t *testing.T, d Database) {
	mine, other := listen(), listen()
	s, o := openWith(t, d, &mine.hub), openWith(t, d, &other.hub)
	commit(t, s, oneOfEach("default"))
	other.learned(t, feed.Change{Kind: feed.API, Realm: "default", ID: "orders"})
	if u := must(o.User(t.Context(), "default", "dory"))(t); u == nil {
		t.Error("heard of, and not there")
	}
	mine.take()
	ok(t, o.Revoke(t.Context(), [32]byte{}, 0, token.Revocation{Realm: "default", Kind: token.RevokeUser, Key: "dory", Bound: 7, Until: now}))
	mine.learned(t, feed.Change{Kind: feed.Revocation, Realm: "default", Sub: "u", ID: "dory", Bound: 7, Until: now.UnixMicro()})
	// Both ways at the same time: nothing is missed.
	for n := range 20 {
		name := strings.Repeat("x", n+1)
		for from, to := range map[*store.Store]*ear{s: other, o: mine} {
			to.take()
			commit(t, from, deployment.ChangeSet{Users: []*user.User{{Realm: "default", Name: name}}})
			to.learned(t, feed.Change{Kind: feed.User, Realm: "default", ID: name})
		}
	}
}

func longNewsElsewhere(t *testing.T, d Database) {
	other := listen()
	s := open(t, d)
	openWith(t, d, &other.hub)
	c := deployment.ChangeSet{}
	withRealms(t, s, "default")
	other.learned(t, feed.Change{Kind: feed.Realm, Realm: "default", ID: "default"})
	for n := range 500 {
		c.Users = append(c.Users, &user.User{Realm: "default", Name: strings.Repeat("long", 10) + string(rune('a'+n%26)) + strings.Repeat("x", n)})
	}
	commit(t, s, c)
	other.learned(t, feed.Change{Kind: feed.All})
}

func toldAfterACut(t *testing.T, d Database) {
	if d.CutOff == nil {
		return // a database that runs in this process has no connections to lose
	}
	other := listen()
	s := open(t, d)
	openWith(t, d, &other.hub)
	withRealms(t, s, "default")
	other.learned(t, feed.Change{Kind: feed.Realm, Realm: "default", ID: "default"})
	for n := range 3 {
		other.take()
		d.CutOff(t)
		name := strings.Repeat("u", n+1)
		eventually(t, "a write after the cut", func() bool {
			return s.Commit(t.Context(), deployment.ChangeSet{Users: []*user.User{{Realm: "default", Name: name}}}) == nil
		})
		other.learned(t, feed.Change{Kind: feed.All})
	}
	other.take()
	commit(t, s, deployment.ChangeSet{Users: []*user.User{{Realm: "default", Name: "last"}}})
	other.learned(t, feed.Change{Kind: feed.User, Realm: "default", ID: "last"})
}
