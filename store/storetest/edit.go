package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/audit"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/store"
	"sallyport/user"
)

func editTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"user":          usersAreEdited,
		"user refused":  editOfAUserRefused,
		"user race":     userRace,
		"email":         usersByEmail,
		"client":        clientsAreEdited,
		"client race":   clientRace,
		"a slow change": slowChange,
	}
}

func usersAreEdited(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withPeople(t, s)
	e.take()
	want := &user.User{
		Realm: "default", Name: "dory", Password: "$2b$10$" + awkward, Alias: awkward, Email: "Dory@Reef.example", EmailVerified: true, Status: user.On,
		Profile:    user.Profile{GivenName: awkward, PhoneVerified: true, Address: user.Address{Country: "AU"}},
		Attributes: map[string]any{"tank": "reef", "depth": 12.5, "tags": []any{"a", awkward}}, UpdatedAt: now,
	}
	event := audit.Event{At: now, Kind: audit.ConfigChanged, Realm: "default", User: "dory", Detail: "edited"}
	got := must(s.UpdateUser(t.Context(), "default", "dory", func(u *user.User) error {
		*u = *want
		u.Realm, u.Name = "other", "nemo" // it stays the same user, whatever change does
		return nil
	}, event))(t)
	stored := must(s.User(t.Context(), "default", "dory"))(t)
	for what, u := range map[string]*user.User{"returned": got, "stored": stored} {
		if diff := cmp.Diff(want, u); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", what, diff)
		}
	}
	if diff := cmp.Diff([]feed.Change{{Kind: feed.User, Realm: "default", ID: "dory"}}, e.take()); diff != "" {
		t.Error(diff)
	}
	if all := must(s.Events(t.Context(), "default", time.Time{}, 9))(t); len(all) != 1 || all[0].Detail != "edited" {
		t.Errorf("events: %+v", all)
	}
	if u := must(s.User(t.Context(), "other", "nemo"))(t); u.Alias != "" {
		t.Errorf("another user was edited: %+v", u)
	}
}

func editOfAUserRefused(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withPeople(t, s)
	e.take()
	event := audit.Event{At: now, Kind: audit.ConfigChanged, Realm: "default"}
	no := errors.New("no")
	if _, err := s.UpdateUser(t.Context(), "default", "dory", func(u *user.User) error {
		u.Password = "changed"
		return no
	}, event); !errors.Is(err, no) {
		t.Errorf("the error of change: %v", err)
	}
	for _, name := range []string{"nobody", "dory\x00"} {
		if u := must(s.UpdateUser(t.Context(), "default", name, func(*user.User) error {
			t.Errorf("%q: change was called", name)
			return nil
		}, event))(t); u != nil {
			t.Errorf("%q: %+v", name, u)
		}
	}
	if u := must(s.User(t.Context(), "default", "dory"))(t); u.Password != "" {
		t.Error("changed all the same")
	}
	if all := must(s.Events(t.Context(), "default", time.Time{}, 9))(t); all != nil {
		t.Errorf("events of what did not happen: %+v", all)
	}
	if told := e.take(); told != nil {
		t.Errorf("told of what did not happen: %v", told)
	}
}

// userRace: an upgrade of the password and changes of the rest undo nothing of one another.
func userRace(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	withPeople(t, stores[0])
	const many = 40
	contest(t, many, stores, func(n int, s *store.Store) (bool, error) {
		if n == many/2 {
			return false, s.ReplacePassword(t.Context(), "default", "dory", "", "hash")
		}
		u, err := s.UpdateUser(t.Context(), "default", "dory", func(u *user.User) error {
			u.Roles = append(u.Roles, fmt.Sprint(n))
			return nil
		})
		if err == nil && (u == nil || !slices.Contains(u.Roles, fmt.Sprint(n))) {
			err = fmt.Errorf("returned %+v", u)
		}
		return true, err
	})
	u := must(stores[0].User(t.Context(), "default", "dory"))(t)
	slices.Sort(u.Roles)
	if len(slices.Compact(u.Roles)) != many-1 || u.Password != "hash" {
		t.Errorf("%d of %d changes are left, password %q", len(u.Roles), many-1, u.Password)
	}
}

func usersByEmail(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default", "other")
	of := func(realm, name, email string) *user.User {
		return &user.User{Realm: realm, Name: name, Email: email, Status: user.On}
	}
	commit(t, s, deployment.ChangeSet{Users: []*user.User{
		of("default", "dory", "Dory@Reef.Example"), of("default", "a", "two@reef.example"), of("default", "b", "TWO@reef.example"),
		of("default", "kelvin", "mike@reef.example"), of("default", "élan", "É@reef.example"), of("default", "none", ""), of("default", "no", ""),
		of("other", "marlin", "marlin@reef.example"),
	}})
	find := func(email, want string) {
		t.Helper()
		name := ""
		if u := must(s.UserByEmail(t.Context(), "default", email))(t); u != nil {
			name = u.Name
			if diff := cmp.Diff(must(s.User(t.Context(), "default", name))(t), u); diff != "" {
				t.Errorf("%q: %s", email, diff)
			}
		}
		if name != want {
			t.Errorf("%q is %q, want %q", email, name, want)
		}
	}
	for email, want := range map[string]string{
		"dory@reef.example": "dory", "DORY@REEF.EXAMPLE": "dory", "two@reef.example": "", "": "", "marlin@reef.example": "", "dory": "",
		"mi\u212Ae@reef.example": "", // a Kelvin sign, which is a k in lower case, and somebody else's mailbox
		"É@reef.example":         "élan", "dory@reef.example\x00": "", "%@reef.example": "",
	} {
		find(email, want)
	}
	must(s.UpdateUser(t.Context(), "default", "dory", func(u *user.User) error {
		u.Email = "Blue@Reef.example"
		return nil
	}))(t)
	commit(t, s, deployment.ChangeSet{Users: []*user.User{of("default", "b", "")}})
	find("blue@reef.example", "dory")
	find("dory@reef.example", "")
	find("two@reef.example", "a")
	ok(t, s.ReplacePassword(t.Context(), "default", "a", "", "new"))
	find("two@reef.example", "a")
}

func clientsAreEdited(t *testing.T, d Database) {
	e := listen()
	s := openWith(t, d, &e.hub)
	withRealms(t, s, "default", "other")
	commit(t, s, deployment.ChangeSet{Clients: []*client.Client{fullClient(), {Realm: "default", ID: "app", Certificates: []string{"CN=app"}}}})
	e.take()
	want := fullClient()
	want.AuthMethod, want.OpenID.LogoURI, want.RedirectURIs = client.MethodPrivateKeyJWT, "https://app.example/logo", []string{"https://app.example/other"}
	got := must(s.UpdateClient(t.Context(), "default", awkward, func(c *client.Client) error {
		*c = *want
		c.Realm, c.ID = "other", "app" // it stays the same client, whatever change does
		return nil
	}))(t)
	for what, c := range map[string]*client.Client{"returned": got, "stored": must(s.Client(t.Context(), "default", awkward))(t)} {
		if diff := cmp.Diff(want, c); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", what, diff)
		}
	}
	if diff := cmp.Diff([]feed.Change{{Kind: feed.Client, Realm: "default", ID: awkward}}, e.take()); diff != "" {
		t.Error(diff)
	}
	no := errors.New("no")
	for what, change := range map[string]func(*client.Client) error{
		"an error of change": func(*client.Client) error { return no },
		"a certificate that is another's": func(c *client.Client) error {
			c.Certificates = []string{"CN=app"}
			return nil
		},
	} {
		if _, err := s.UpdateClient(t.Context(), "default", awkward, change); err == nil {
			t.Errorf("%s: edited", what)
		}
		if diff := cmp.Diff(want, must(s.Client(t.Context(), "default", awkward))(t)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	for _, id := range []string{"none", "a\x00"} {
		if c := must(s.UpdateClient(t.Context(), "default", id, func(*client.Client) error { return no }))(t); c != nil {
			t.Errorf("%q: %+v", id, c)
		}
	}
	if told := e.take(); told != nil {
		t.Errorf("told of what did not happen: %v", told)
	}
}

func clientRace(t *testing.T, d Database) {
	stores := []*store.Store{open(t, d), open(t, d)}
	withClients(t, stores[0], "app")
	const many = 40
	contest(t, many, stores, func(n int, s *store.Store) (bool, error) {
		_, err := s.UpdateClient(t.Context(), "default", "app", func(c *client.Client) error {
			c.Audience = append(c.Audience, fmt.Sprint(n))
			return nil
		})
		return true, err
	})
	got := must(stores[0].Client(t.Context(), "default", "app"))(t).Audience
	slices.Sort(got)
	if len(slices.Compact(got)) != many {
		t.Errorf("%d of %d changes are left", len(got), many)
	}
}

// slowChange: nobody waits for a change that thinks, or that writes something else.
func slowChange(t *testing.T, d Database) {
	s := open(t, d)
	withClients(t, s, "app")
	calls := 0
	must(s.UpdateUser(t.Context(), "default", "dory", func(u *user.User) error {
		if calls++; calls == 1 {
			ok(t, s.ReplacePassword(t.Context(), "default", "dory", "", "meanwhile"))
		}
		if want := []string{"", "meanwhile"}[min(calls, 2)-1]; u.Password != want {
			t.Errorf("call %d: password %q, want %q", calls, u.Password, want)
		}
		u.Alias += "Dory"
		return nil
	}))(t)
	if u := must(s.User(t.Context(), "default", "dory"))(t); calls != 2 || u.Alias != "Dory" || u.Password != "meanwhile" {
		t.Errorf("after %d calls: %+v", calls, u)
	}
}
