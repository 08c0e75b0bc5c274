package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/oauth"
	"sallyport/store"
)

func registrationTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"kept":          registrationsAreKept,
		"initial token": initialTokens,
		"as many":       asManyAsMayBe,
		"max race":      registrationRace,
		"token race":    initialTokenRace,
	}
}

func registered(n int) *client.Client {
	return &client.Client{
		Realm: "default", ID: fmt.Sprint("dyn-", n), Type: client.Public, Status: client.On, Certificates: []string{fmt.Sprint("CN=", n)},
		Registered: &client.Registered{At: now, TokenHash: []byte{0, 1, 0xff}, Metadata: []byte(`{"client_name#de":"Anwendung"}`)},
	}
}

// reason is why a registration was refused, "" if it was not.
func reason(t *testing.T, err error) oauth.Reason {
	t.Helper()
	var e *oauth.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatal(err)
	}
	if err == nil {
		return ""
	}
	return e.Reason
}

func clientsIn(t *testing.T, s *store.Store) int {
	t.Helper()
	return len(must(s.Clients(t.Context(), "default", "", 1000))(t))
}

func registrationsAreKept(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withRealms(t, s, "default")
	e.take()
	want := registered(1)
	ok(t, s.RegisterClient(t.Context(), want, 10, [32]byte{}, now))
	if diff := cmp.Diff(want, must(s.Client(t.Context(), "default", want.ID))(t)); diff != "" {
		t.Error(diff)
	}
	if told := e.take(); len(told) != 2 || told[0] != (feed.Change{Kind: feed.Client, Realm: "default", ID: want.ID}) || told[1].Kind != feed.Credential {
		t.Errorf("told: %v", told)
	}
	if got := reason(t, s.RegisterClient(t.Context(), want, 10, [32]byte{}, now)); got != oauth.MetadataBad {
		t.Errorf("an id that is taken: %q", got)
	}
	nowhere := registered(2)
	nowhere.Realm = "none"
	if err := s.RegisterClient(t.Context(), nowhere, 10, [32]byte{}, now); err == nil {
		t.Error("registered in no realm")
	}
	if told := e.take(); told != nil {
		t.Errorf("told of what did not happen: %v", told)
	}
}

func initialTokens(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default", "other")
	good, short, elsewhere, endless := [32]byte{1}, [32]byte{2}, [32]byte{3}, [32]byte{4}
	ok(t, s.PutInitialToken(t.Context(), "default", good, 2, now.Add(time.Hour)))
	ok(t, s.PutInitialToken(t.Context(), "default", short, 9, now))
	ok(t, s.PutInitialToken(t.Context(), "other", elsewhere, 9, now.Add(time.Hour)))
	ok(t, s.PutInitialToken(t.Context(), "default", endless, 1, time.Time{}))
	ok(t, s.PutInitialToken(t.Context(), "default", [32]byte{5}, 0, time.Time{}))
	if err := s.PutInitialToken(t.Context(), "default", good, 9, now.Add(time.Hour)); err == nil {
		t.Error("one was stored twice, with its uses anew")
	}
	taken := registered(1)
	n := 0
	register := func(what string, hash [32]byte, c *client.Client, max int, want oauth.Reason) {
		t.Helper()
		before := clientsIn(t, s)
		if got := reason(t, s.RegisterClient(t.Context(), c, max, hash, now)); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
		if want == "" {
			before++
		}
		if got := clientsIn(t, s); got != before {
			t.Errorf("%s: %d clients, want %d", what, got, before)
		}
	}
	for hash, want := range map[[32]byte]bool{good: true, endless: true, short: false, elsewhere: false, {5}: false, {9}: false} {
		if got, err := s.InitialToken(t.Context(), "default", hash, now); err != nil || got != want {
			t.Errorf("token %d: good %v %v, want %v", hash[0], got, err, want)
		}
	}
	next := func() *client.Client { n++; return registered(n) }
	register("an unknown token", [32]byte{9}, next(), 10, oauth.RegistrationToken)
	register("one that is over", short, next(), 10, oauth.RegistrationToken)
	register("one of another realm", elsewhere, next(), 10, oauth.RegistrationToken)
	register("one for nothing", [32]byte{5}, next(), 10, oauth.RegistrationToken)
	register("the first use", good, taken, 10, "")
	// What does not come to be uses nothing up.
	register("an id that is taken", good, taken, 10, oauth.MetadataBad)
	register("too many", good, next(), 1, oauth.RegistrationClosed)
	register("the second use", good, next(), 10, "")
	register("the third use", good, next(), 10, oauth.RegistrationToken)
	if left, err := s.InitialToken(t.Context(), "default", good, now); err != nil || left {
		t.Errorf("used up: %v %v", left, err)
	}
	must(s.DropExpired(t.Context(), now.Add(1000*time.Hour), 100))(t)
	register("one without an end", endless, next(), 10, "")
	register("the same again", endless, next(), 10, oauth.RegistrationToken)
}

// asManyAsMayBe: those that were deleted count no more, those an administrator made never did, and those that came back
// from a file do.
func asManyAsMayBe(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default", "other")
	commit(t, s, deployment.ChangeSet{Clients: []*client.Client{{Realm: "default", ID: "app"}, {Realm: "other", ID: "app", Registered: &client.Registered{At: now}}}})
	try := func(n int, want oauth.Reason) {
		t.Helper()
		if got := reason(t, s.RegisterClient(t.Context(), registered(n), 2, [32]byte{}, now)); got != want {
			t.Errorf("client %d: %q, want %q", n, got, want)
		}
	}
	try(1, "")
	try(2, "")
	try(3, oauth.RegistrationClosed)
	commit(t, s, deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.Client, Realm: "default", ID: registered(1).ID}}})
	try(3, "")
	try(4, oauth.RegistrationClosed)
	again := registered(1)
	commit(t, s, deployment.ChangeSet{
		Deleted: []deployment.Ref{{Kind: feed.Client, Realm: "default", ID: registered(2).ID}}, Clients: []*client.Client{again, registered(3)},
	})
	try(4, oauth.RegistrationClosed)
}

func registrationRace(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	withRealms(t, stores[0], "default")
	const most = 7
	won := contest(t, 60, stores, func(n int, s *store.Store) (bool, error) {
		err := s.RegisterClient(t.Context(), registered(n), most, [32]byte{}, now)
		return err == nil, others(err, oauth.RegistrationClosed)
	})
	if got := clientsIn(t, stores[0]); won != most || got != most {
		t.Errorf("%d of %d that may be were told they are, %d are", won, most, got)
	}
}

func initialTokenRace(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	withRealms(t, stores[0], "default")
	const uses = 5
	ok(t, stores[0].PutInitialToken(t.Context(), "default", [32]byte{1}, uses, now.Add(time.Hour)))
	won := contest(t, 60, stores, func(n int, s *store.Store) (bool, error) {
		err := s.RegisterClient(t.Context(), registered(n), 1000, [32]byte{1}, now)
		return err == nil, others(err, oauth.RegistrationToken)
	})
	if got := clientsIn(t, stores[0]); won != uses || got != uses {
		t.Errorf("%d of %d uses were told of, %d clients", won, uses, got)
	}
}

// others is an error that is not of an expected reason.
func others(err error, expected oauth.Reason) error {
	var e *oauth.Error
	if errors.As(err, &e) && e.Reason == expected {
		return nil
	}
	return err
}
