package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/consent"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/session"
	"sallyport/store"
	"sallyport/ticket"
	"sallyport/token"
	"sallyport/user"
)

func removalTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"of a user":       removalOfAUser,
		"switched off":    switchedOff,
		"of a client":     removalOfAClient,
		"of much":         removalOfMuch,
		"of a realm":      removalOfARealm,
		"while signed in": removalDuringSignIn,
		"by time":         signInsExpire,
	}
}

// settle gives dory and nemo, in both realms, two sessions, two consents and a factor each.
func settle(t *testing.T, s *store.Store) {
	t.Helper()
	withClients(t, s, "app", "web")
	n := 0
	for _, realm := range []string{"default", "other"} {
		for _, who := range []string{"dory", "nemo"} {
			for _, client := range []string{"app", "web"} {
				x := signedIn(n, who)
				x.Realm = realm
				start(t, s, x)
				c := agreed(who, client)
				c.Realm = realm
				ok(t, s.PutConsent(t.Context(), c))
				n++
			}
			f := proof(n, who)
			f.Realm = realm
			addFactor(t, s, f)
		}
	}
}

// switchedOff: the sessions of a user who is switched off or locked end, and everybody hears of it. Consents and factors stay.
func switchedOff(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withPeople(t, s)
	settle(t, s)
	for i, status := range []user.Status{user.Off, user.Locked} {
		who := []string{"dory", "nemo"}[i]
		e.take()
		commit(t, s, deployment.ChangeSet{Users: []*user.User{{Realm: "default", Name: who, Status: status}}})
		told := 0
		for _, c := range e.take() {
			if c.Kind == feed.Session {
				told++
			}
		}
		if got := had(t, s, "default", who); got != [3]int{0, 2, 1} || told != 2 {
			t.Errorf("%s: %d sessions, consents and factors are left, %d were told of", status, got, told)
		}
		if got := had(t, s, "other", who); got != [3]int{2, 2, 1} {
			t.Errorf("%s: the namesake has %d", status, got)
		}
		commit(t, s, deployment.ChangeSet{Users: []*user.User{{Realm: "default", Name: who, Status: user.On}}})
		if got := had(t, s, "default", who); got[0] != 0 {
			t.Errorf("%s, and on again: signed in", status)
		}
	}
	// With a new password the tokens end, and the sessions with them.
	marlin := &user.User{Realm: "default", Name: "marlin", Status: user.On, Password: "sha256:1"}
	commit(t, s, deployment.ChangeSet{Users: []*user.User{marlin}})
	ok(t, s.StartSession(t.Context(), &session.Session{
		Realm: "default", Hash: [32]byte{77}, ID: "marlins", User: "marlin", SeenAt: now, ExpiresAt: now.Add(time.Hour),
	}, [32]byte{}))
	commit(t, s, deployment.ChangeSet{Users: []*user.User{marlin}})
	if got := had(t, s, "default", "marlin"); got[0] != 1 {
		t.Errorf("a change of something else: %d sessions", got[0])
	}
	end := token.Revocation{Realm: "default", Kind: token.RevokeUser, Key: "marlin", Bound: 1, Until: now.Add(time.Hour)}
	commit(t, s, deployment.ChangeSet{Users: []*user.User{marlin}, Revocations: []token.Revocation{end}})
	if got := had(t, s, "default", "marlin"); got[0] != 0 {
		t.Errorf("whose tokens ended is signed in still: %d sessions", got[0])
	}
}

// had counts sessions, consents and factors of a user.
func had(t *testing.T, s *store.Store, realm, who string) [3]int {
	t.Helper()
	return [3]int{
		len(must(s.Sessions(t.Context(), realm, who, now))(t)), len(must(s.Consents(t.Context(), realm, who))(t)), len(must(s.Factors(t.Context(), realm, who))(t)),
	}
}

func left(t *testing.T, s *store.Store, want map[string][3]int) {
	t.Helper()
	got := map[string][3]int{}
	for _, realm := range []string{"default", "other"} {
		for _, who := range []string{"dory", "nemo"} {
			got[realm+" "+who] = had(t, s, realm, who)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sessions, consents, factors: %s", diff)
	}
}

var byID = cmpopts.SortSlices(func(a, b feed.Change) bool { return string(a.Kind)+a.ID < string(b.Kind)+b.ID })

func removalOfAUser(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	settle(t, s)
	e.take()
	gone := deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.User, Realm: "default", ID: "dory"}}}
	commit(t, s, gone)
	all := [3]int{2, 2, 1}
	left(t, s, map[string][3]int{"default dory": {}, "default nemo": all, "other dory": all, "other nemo": all})
	want := []feed.Change{
		toldOf(signedIn(0, "")), toldOf(signedIn(1, "")), toldOfConsent("dory", "app"), toldOfConsent("dory", "web"),
		{Kind: feed.Factor, Realm: "default", ID: "dory"}, {Kind: feed.User, Realm: "default", ID: "dory"},
	}
	if diff := cmp.Diff(want, e.take(), byID); diff != "" {
		t.Error(diff)
	}
	commit(t, s, gone) // there is nothing more to tell of
	if diff := cmp.Diff(want[5:], e.take()); diff != "" {
		t.Error(diff)
	}
	// Who has the name later has nothing of it.
	commit(t, s, deployment.ChangeSet{Users: []*user.User{{Realm: "default", Name: "dory"}}})
	if n := had(t, s, "default", "dory"); n != [3]int{} || getSession(t, s, signedIn(0, "").Hash) != nil {
		t.Errorf("inherited: %v", n)
	}
}

func removalOfAClient(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	settle(t, s)
	e.take()
	commit(t, s, deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.Client, Realm: "default", ID: "app"}}})
	all, less := [3]int{2, 2, 1}, [3]int{2, 1, 1}
	left(t, s, map[string][3]int{"default dory": less, "default nemo": less, "other dory": all, "other nemo": all})
	want := []feed.Change{toldOfConsent("dory", "app"), toldOfConsent("nemo", "app"), {Kind: feed.Client, Realm: "default", ID: "app"}}
	if diff := cmp.Diff(want, e.take(), byID); diff != "" {
		t.Error(diff)
	}
}

// removalOfMuch: nobody is told of a great many things one by one.
func removalOfMuch(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withClients(t, s, "app")
	const many = 1001
	var c deployment.ChangeSet
	for n := range many {
		c.Users = append(c.Users, &user.User{Realm: "default", Name: fmt.Sprint("u", n)})
	}
	commit(t, s, c)
	stores := []*store.Store{s}
	contest(t, many, stores, func(n int, s *store.Store) (bool, error) {
		return true, s.PutConsent(t.Context(), &consent.Consent{Realm: "default", User: fmt.Sprint("u", n), Client: "app"})
	})
	e.take()
	commit(t, s, deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.Client, Realm: "default", ID: "app"}}})
	if diff := cmp.Diff([]feed.Change{{Kind: feed.All}, {Kind: feed.Client, Realm: "default", ID: "app"}}, e.take()); diff != "" {
		t.Error(diff)
	}
	if c := must(s.Consent(t.Context(), "default", "u7", "app"))(t); c != nil {
		t.Error("a consent is left")
	}
}

func removalOfARealm(t *testing.T, d Database) {
	s := open(t, d)
	settle(t, s)
	for _, realm := range []string{"default", "other"} {
		ok(t, s.PutInitialToken(t.Context(), realm, [32]byte{realm[0]}, 1, now.Add(time.Hour)))
		ok(t, s.PutTicket(t.Context(), ticket.Ticket{Realm: realm, Kind: ticket.Code, Hash: [32]byte{realm[0]}, ExpiresAt: now.Add(time.Minute)}))
		_, _, err := s.SpendTicket(t.Context(), realm, ticket.Code, [32]byte{realm[0]}, now, now.Add(time.Hour))
		ok(t, err)
	}
	ok(t, s.RegisterClient(t.Context(), registered(1), 1, [32]byte{}, now))
	commit(t, s, deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.Realm, ID: "default"}}})
	withRealms(t, s, "default")
	all := [3]int{2, 2, 1}
	left(t, s, map[string][3]int{"default dory": {}, "default nemo": {}, "other dory": all, "other nemo": all})
	if getSession(t, s, signedIn(0, "").Hash) != nil {
		t.Error("a session is left")
	}
	if x, _, err := s.SpendTicket(t.Context(), "default", ticket.Code, [32]byte{'d'}, now, now); x != nil || err != nil {
		t.Errorf("a spent ticket is left: %+v, %v", x, err)
	}
	if _, spent, err := s.SpendTicket(t.Context(), "other", ticket.Code, [32]byte{'o'}, now, now); !spent || err != nil {
		t.Errorf("the other realm's is not: %v", err)
	}
	if err := s.RegisterClient(t.Context(), registered(1), 1, [32]byte{}, now); err != nil {
		t.Errorf("what registered in the old realm counts in the new one: %v", err)
	}
	if err := s.RegisterClient(t.Context(), registered(2), 9, [32]byte{'d'}, now); err == nil {
		t.Error("an initial token is left")
	}
}

// removalDuringSignIn: who signs in while being deleted is either told of or refused.
func removalDuringSignIn(t *testing.T, d Database) {
	e := listen()
	stores := []*store.Store{openWith(t, d, &e.hub), openWith(t, d, &e.hub)}
	withClients(t, stores[0], "app")
	for round := range 10 {
		who := fmt.Sprint("user", round)
		commit(t, stores[0], deployment.ChangeSet{Users: []*user.User{{Realm: "default", Name: who}}})
		stored := make([]bool, 16)
		contest(t, len(stored)+1, stores, func(n int, s *store.Store) (bool, error) {
			if n == len(stored) {
				return true, s.Commit(t.Context(), deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.User, Realm: "default", ID: who}}})
			}
			stored[n] = s.StartSession(t.Context(), signedIn(round*100+n, who), [32]byte{}) == nil // otherwise there is no such user
			return false, nil
		})
		told := map[feed.Change]bool{}
		eventually(t, "hearing of the deletion", func() bool {
			for _, c := range e.take() {
				told[c] = true
			}
			return told[feed.Change{Kind: feed.User, Realm: "default", ID: who}]
		})
		for n, was := range stored {
			x := signedIn(round*100+n, who)
			if getSession(t, stores[0], x.Hash) != nil {
				t.Fatalf("round %d: session %d outlived the user", round, n)
			}
			if was && !told[toldOf(x)] && !told[feed.Change{Kind: feed.All}] {
				t.Errorf("round %d: session %d was taken along in silence", round, n)
			}
		}
	}
}

func signInsExpire(t *testing.T, d Database) {
	s := open(t, d)
	withPeople(t, s)
	hour := now.Truncate(time.Hour)
	for n, at := range []time.Time{hour.Add(-100 * time.Hour), hour.Add(-time.Microsecond), hour, now.Add(time.Hour)} {
		x := signedIn(n, "dory")
		x.ExpiresAt = at
		start(t, s, x)
		ok(t, s.PutInitialToken(t.Context(), "default", [32]byte{byte(n)}, 1, at))
	}
	if n := must(s.DropExpired(t.Context(), now, 3))(t); n != 3 {
		t.Errorf("dropped %d rows, allowed 3", n)
	}
	if n := must(s.DropExpired(t.Context(), now, 100))(t); n != 1 {
		t.Errorf("dropped %d rows more, want the last of 2 sessions and 2 tokens", n)
	}
	for n, want := range []bool{false, false, true, true} {
		if got := getSession(t, s, signedIn(n, "").Hash) != nil; got != want {
			t.Errorf("session %d: there = %v, want %v", n, got, want)
		}
	}
	if err := s.RegisterClient(t.Context(), registered(1), 9, [32]byte{3}, now); err != nil {
		t.Errorf("a token that lives: %v", err)
	}
}
