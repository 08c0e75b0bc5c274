package storetest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/session"
	"sallyport/store"
	"sallyport/token"
	"sallyport/user"
)

func sessionTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"kept":          sessionsAreKept,
		"replaced":      sessionsAreReplaced,
		"touched":       sessionsAreTouched,
		"updated":       sessionsAreUpdated,
		"broken text":   brokenTextInASession,
		"listed":        sessionsAreListed,
		"ended":         sessionsAreEnded,
		"update race":   sessionUpdateRace,
		"two sign-ins":  twoSignInsAtOnce,
		"end and touch": endedForGood,
	}
}

// withPeople commits two realms with the same users in both.
func withPeople(t *testing.T, s *store.Store) {
	t.Helper()
	withRealms(t, s, "default", "other")
	var c deployment.ChangeSet
	for _, realm := range []string{"default", "other"} {
		for _, name := range []string{"dory", "nemo"} {
			c.Users = append(c.Users, &user.User{Realm: realm, Name: name, Status: user.On})
		}
	}
	commit(t, s, c)
}

func signedIn(n int, who string) *session.Session {
	return &session.Session{
		Realm: "default", Hash: [32]byte{byte(n), byte(n >> 8), 1}, ID: fmt.Sprint("sid-", n), User: who,
		StartedAt: now, AuthTime: now.Add(time.Duration(n) * time.Minute), AMR: []string{"pwd"}, ACR: "1", SeenAt: now, ExpiresAt: now.Add(24 * time.Hour),
	}
}

func start(t *testing.T, s *store.Store, n *session.Session) {
	t.Helper()
	ok(t, s.StartSession(t.Context(), n, [32]byte{}))
}

func getSession(t *testing.T, s *store.Store, hash [32]byte) *session.Session {
	t.Helper()
	return must(s.Session(t.Context(), "default", hash))(t)
}

// toldOf is what everybody hears of a session that changed or ended.
func toldOf(n *session.Session) feed.Change {
	return feed.Change{Kind: feed.Session, Realm: n.Realm, ID: base64.RawURLEncoding.EncodeToString(n.Hash[:]), Sub: n.ID}
}

func sessionsAreKept(t *testing.T, d Database) {
	s := open(t, d)
	withPeople(t, s)
	full := signedIn(1, "dory")
	full.ID, full.Agent, full.Source, full.ACR = awkward, awkward, awkward, "phr"
	full.AMR, full.Clients, full.Chosen = []string{"pwd", "otp", "mfa"}, []string{"app", awkward}, now.Add(time.Hour)
	bare := &session.Session{Realm: "default", Hash: [32]byte{31: 7}, User: "nemo", ExpiresAt: now}
	for _, want := range []*session.Session{full, bare} {
		start(t, s, want)
		if diff := cmp.Diff(want, getSession(t, s, want.Hash)); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	}
	if n := must(s.Session(t.Context(), "other", full.Hash))(t); n != nil {
		t.Errorf("another realm has the session: %+v", n)
	}
	if n := getSession(t, s, [32]byte{9}); n != nil {
		t.Errorf("an unknown session: %+v", n)
	}
	if err := s.StartSession(t.Context(), signedIn(2, "nobody"), [32]byte{}); err == nil {
		t.Error("a session of nobody was stored")
	}
	again := signedIn(3, "dory")
	again.Hash = full.Hash
	if err := s.StartSession(t.Context(), again, [32]byte{}); err == nil {
		t.Error("a secret was stored twice")
	}
}

func sessionsAreReplaced(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withPeople(t, s)
	old, other, elsewhere := signedIn(1, "dory"), signedIn(2, "dory"), signedIn(3, "dory")
	elsewhere.Realm = "other"
	for _, n := range []*session.Session{old, other, elsewhere} {
		start(t, s, n)
	}
	e.take()
	next := signedIn(4, "dory")
	next.ID = old.ID // the same user again: the public name stays
	ok(t, s.StartSession(t.Context(), next, old.Hash))
	if diff := cmp.Diff([]feed.Change{toldOf(old)}, e.take()); diff != "" {
		t.Error(diff)
	}
	if getSession(t, s, old.Hash) != nil || getSession(t, s, next.Hash) == nil || getSession(t, s, other.Hash) == nil {
		t.Error("not the old one alone made way")
	}
	// A secret of another realm opens and ends nothing here.
	ok(t, s.StartSession(t.Context(), signedIn(5, "nemo"), elsewhere.Hash))
	if must(s.Session(t.Context(), "other", elsewhere.Hash))(t) == nil {
		t.Error("a session of another realm made way")
	}
	if err := s.StartSession(t.Context(), signedIn(6, "nobody"), other.Hash); err == nil || getSession(t, s, other.Hash) == nil {
		t.Errorf("a session made way for one that was not stored: %v", err)
	}
	if told := e.take(); told != nil {
		t.Errorf("told of what did not happen: %v", told)
	}
}

func sessionsAreTouched(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withPeople(t, s)
	n := signedIn(1, "dory")
	start(t, s, n)
	e.take()
	for _, c := range []struct {
		realm string
		at    time.Time
		want  time.Time
	}{
		{"default", now.Add(time.Hour), now.Add(time.Hour)},
		{"default", now.Add(time.Minute), now.Add(time.Hour)}, // news that was overtaken
		{"other", now.Add(2 * time.Hour), now.Add(time.Hour)},
	} {
		ok(t, s.TouchSession(t.Context(), c.realm, n.Hash, c.at))
		if got := getSession(t, s, n.Hash).SeenAt; !got.Equal(c.want) {
			t.Errorf("touched at %s: seen at %s, want %s", c.at, got, c.want)
		}
	}
	if told := e.take(); told != nil {
		t.Errorf("every touch would drop every copy: %v", told)
	}
}

func sessionsAreUpdated(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withPeople(t, s)
	before := signedIn(1, "dory")
	start(t, s, before)
	e.take()
	after := *before
	after.Clients, after.AuthTime, after.Chosen = []string{"app"}, now.Add(time.Hour), now.Add(time.Hour)
	update := func(what string, from, to *session.Session, want bool) {
		t.Helper()
		if got := must(s.UpdateSession(t.Context(), from, to))(t); got != want {
			t.Errorf("%s: updated = %v, want %v", what, got, want)
		}
	}
	elsewhere := *before
	elsewhere.Realm = "other"
	update("in another realm", &elsewhere, &after, false)
	update("as it is", before, &after, true)
	if diff := cmp.Diff([]feed.Change{toldOf(before)}, e.take()); diff != "" {
		t.Error(diff)
	}
	update("from what it was", before, before, false)
	if told := e.take(); told != nil {
		t.Errorf("told of what did not happen: %v", told)
	}
	if diff := cmp.Diff(&after, getSession(t, s, before.Hash)); diff != "" {
		t.Error(diff)
	}
	must(s.EndSession(t.Context(), "default", before.ID))(t)
	update("after its end", &after, before, false)
}

// brokenTextInASession: what a browser sends as its name is mended when it is stored, and the session can still be updated.
func brokenTextInASession(t *testing.T, d Database) {
	s := open(t, d)
	withPeople(t, s)
	n := signedIn(1, "dory")
	n.Agent = "Mozilla\x00\xff\xfe"
	start(t, s, n)
	after := *n
	after.Clients = []string{"app"}
	if !must(s.UpdateSession(t.Context(), n, &after))(t) {
		t.Error("not updated from what was given")
	}
	stored := getSession(t, s, n.Hash)
	if want := "Mozilla\x00\uFFFD\uFFFD"; stored.Agent != want || !slices.Equal(stored.Clients, after.Clients) {
		t.Errorf("%q, want %q; %q", stored.Agent, want, stored.Clients)
	}
	if !must(s.UpdateSession(t.Context(), stored, n))(t) {
		t.Error("not updated from what was stored")
	}
}

func sessionsAreListed(t *testing.T, d Database) {
	s := open(t, d)
	withPeople(t, s)
	for n, who := range []string{"dory", "dory", "nemo", "dory"} {
		start(t, s, signedIn(n, who))
	}
	over := signedIn(8, "dory")
	over.ExpiresAt = now // the end is not part of the life
	start(t, s, over)
	elsewhere := signedIn(9, "dory")
	elsewhere.Realm = "other"
	start(t, s, elsewhere)
	for who, want := range map[string][]*session.Session{
		"dory": {signedIn(3, "dory"), signedIn(1, "dory"), signedIn(0, "dory")}, "nemo": {signedIn(2, "nemo")}, "nobody": nil, "dory\x00": nil,
	} {
		if diff := cmp.Diff(want, must(s.Sessions(t.Context(), "default", who, now))(t)); diff != "" {
			t.Errorf("%q: %s", who, diff)
		}
	}
}

func sessionsAreEnded(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withPeople(t, s)
	n := signedIn(1, "dory")
	n.Clients = []string{"app"}
	start(t, s, n)
	start(t, s, signedIn(2, "dory"))
	e.take()
	r := token.Revocation{Realm: "default", Kind: token.RevokeSession, Key: n.ID, Until: now.Add(time.Hour)}
	news := feed.Change{Kind: feed.Revocation, Realm: "default", Sub: "s", ID: n.ID, Until: r.Until.UnixMicro()}

	if x := must(s.EndSession(t.Context(), "other", n.ID))(t); x != nil {
		t.Errorf("ended through another realm: %+v", x)
	}
	if diff := cmp.Diff(n, must(s.EndSession(t.Context(), "default", n.ID, r))(t)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]feed.Change{toldOf(n), news}, e.take()); diff != "" {
		t.Error(diff)
	}
	if x := must(s.EndSession(t.Context(), "default", n.ID, r))(t); x != nil {
		t.Errorf("ended twice: %+v", x)
	}
	if x := must(s.EndSession(t.Context(), "default", "a\x00b", r))(t); x != nil {
		t.Errorf("ended what cannot be: %+v", x)
	}
	if diff := cmp.Diff([]feed.Change{news, news}, e.take()); diff != "" {
		t.Errorf("the revocation counts all the same: %s", diff)
	}
	if diff := cmp.Diff([]token.Revocation{r}, must(s.Revocations(t.Context(), now))(t)); diff != "" {
		t.Error(diff)
	}
	if getSession(t, s, n.Hash) != nil || getSession(t, s, signedIn(2, "").Hash) == nil {
		t.Error("not that session alone was ended")
	}
}

// sessionUpdateRace: clients that join a session at the same time are all in it at the end.
func sessionUpdateRace(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	withPeople(t, stores[0])
	n := signedIn(1, "dory")
	start(t, stores[0], n)
	const many = 40
	contest(t, many, stores, func(i int, s *store.Store) (bool, error) {
		for {
			before, err := s.Session(t.Context(), "default", n.Hash)
			if err != nil {
				return false, err
			}
			after := *before
			after.Clients = append(slices.Clone(before.Clients), fmt.Sprint("client-", i))
			if done, err := s.UpdateSession(t.Context(), before, &after); done || err != nil {
				return done, err
			}
		}
	})
	got := getSession(t, stores[0], n.Hash).Clients
	slices.Sort(got)
	if len(slices.Compact(got)) != many {
		t.Errorf("%d of %d clients are in the session: %q", len(got), many, got)
	}
}

// twoSignInsAtOnce: a form that is sent many times over leaves one session, whichever.
func twoSignInsAtOnce(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	withPeople(t, stores[0])
	old := signedIn(0, "dory")
	start(t, stores[0], old)
	contest(t, 16, stores, func(i int, s *store.Store) (bool, error) {
		n := signedIn(i+1, "dory")
		n.ID = old.ID
		return true, s.StartSession(t.Context(), n, old.Hash)
	})
	if all := must(stores[0].Sessions(t.Context(), "default", "dory", now))(t); len(all) != 1 || all[0].Hash == old.Hash {
		t.Errorf("%d sessions: %v", len(all), all)
	}
}

// endedForGood: whatever else is written to a session meanwhile, it does not survive its end.
func endedForGood(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	withPeople(t, stores[0])
	n := signedIn(1, "dory")
	start(t, stores[0], n)
	ended := contest(t, 30, stores, func(i int, s *store.Store) (bool, error) {
		switch i / 2 % 3 {
		case 0:
			x, err := s.EndSession(t.Context(), "default", n.ID)
			return x != nil, err
		case 1:
			return false, s.TouchSession(t.Context(), "default", n.Hash, now.Add(time.Hour))
		}
		after := *n
		after.Clients = []string{"app"}
		_, err := s.UpdateSession(t.Context(), n, &after)
		return false, err
	})
	if x := getSession(t, stores[0], n.Hash); x != nil || ended != 1 {
		t.Errorf("ended by %d, left: %+v", ended, x)
	}
}
