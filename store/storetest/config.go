package storetest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/store"
	"sallyport/user"
)

func configTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"realms and scopes": realmsAndScopes,
		"clients":           clients,
		"users":             users,
		"apis":              apis,
		"pages":             pages,
		"order of names":    orderOfNames,
		"client secret":     replaceClientSecret,
		"password":          replacePassword,
	}
}

func realmsAndScopes(t *testing.T, d Database) {
	s := open(t, d)
	if all := must(s.Realms(t.Context()))(t); all != nil {
		t.Errorf("a new database has realms: %v", all)
	}
	yes, grace := true, realm.Duration(0)
	full := &realm.Realm{
		Name: awkward, Issuer: "https://id.example.org/é", Hosts: []string{"a.example", "b.example"},
		Dialects:     []realm.Dialect{{Name: "ddi"}, {Name: "kustvakt", Settings: json.RawMessage(`{"a":["b",1]}`)}},
		AccessToken:  realm.AccessToken{Format: realm.Reference, TTL: realm.Duration(90 * time.Minute), Alg: "EdDSA"},
		RefreshToken: realm.RefreshToken{TTL: realm.DefaultRefreshTTL, Idle: realm.Duration(time.Hour), Rotate: &yes, Grace: &grace, Uses: 3},
		AllScope:     "all", Keys: realm.KeySchedule{Every: realm.Duration(90 * 24 * time.Hour), Announce: realm.Duration(time.Hour)},
	}
	want := []*realm.Realm{full, {Name: "default"}}
	scopes := map[string][]scope.Scope{
		awkward:   {{Name: "all"}, {Name: awkward, Description: awkward}},
		"default": {{Name: "read", Description: "Read"}},
	}
	c := deployment.ChangeSet{Realms: want}
	for name, all := range scopes {
		for _, sc := range all {
			c.Scopes = append(c.Scopes, deployment.RealmScope{Realm: name, Scope: sc})
		}
	}
	commit(t, s, c)
	commit(t, s, c) // the same again changes nothing
	check := func() {
		t.Helper()
		if diff := cmp.Diff(want, must(s.Realms(t.Context()))(t)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(scopesByName(scopes), scopesByName(must(s.Scopes(t.Context()))(t))); diff != "" {
			t.Error(diff)
		}
	}
	check()
	want[1] = &realm.Realm{Name: "default", Issuer: "https://changed.example"}
	scopes["default"][0].Description = ""
	commit(t, s, deployment.ChangeSet{
		Realms: want[1:], Scopes: []deployment.RealmScope{{Realm: "default", Scope: scopes["default"][0]}},
	})
	check()
}

func scopesByName(all map[string][]scope.Scope) map[string]string {
	flat := map[string]string{}
	for realm, scopes := range all {
		for _, sc := range scopes {
			flat[realm+"/"+sc.Name] = sc.Description
		}
	}
	return flat
}

func fullClient() *client.Client {
	rotate := false
	return &client.Client{
		Realm: "default", ID: awkward, Name: awkward, Description: awkward, URL: "https://app.example/?a=1&b=<2>", Type: client.Confidential,
		Status: client.Locked, Trusted: true, Grants: []string{"password", "refresh_token"}, Scopes: scope.Set{"b", "a"},
		Secrets: []client.Secret{
			{ID: "1", Hash: "$argon2id$v=19$m=1,t=2,p=1$c2FsdA$aGFzaA", CreatedAt: now, ExpiresAt: now.Add(time.Hour)},
			{ID: "2", Hash: "sha256:00ff", CreatedAt: now},
		},
		Audience: []string{"https://a.example"}, Authorities: []string{"x", "y"}, RedirectURIs: []string{"https://app.example/cb"},
		AccessToken:  realm.AccessToken{Format: realm.Opaque, TTL: realm.Duration(time.Minute)},
		RefreshToken: realm.RefreshToken{Rotate: &rotate, Uses: 5},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
}

func clients(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default", "other")
	bare := &client.Client{Realm: "other", ID: awkward, Type: client.Public, Status: client.On}
	want := []*client.Client{fullClient(), bare}
	commit(t, s, deployment.ChangeSet{Clients: want})
	for _, w := range want {
		if diff := cmp.Diff(w, must(s.Client(t.Context(), w.Realm, w.ID))(t)); diff != "" {
			t.Error(diff)
		}
	}
	if c := must(s.Client(t.Context(), "default", "unknown"))(t); c != nil {
		t.Errorf("an unknown client: %+v", c)
	}
	changed := fullClient()
	changed.Status, changed.Secrets = client.On, nil
	commit(t, s, deployment.ChangeSet{Clients: []*client.Client{changed}})
	if diff := cmp.Diff(changed, must(s.Client(t.Context(), "default", awkward))(t)); diff != "" {
		t.Error(diff)
	}
}

func users(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default", "other")
	want := []*user.User{
		{Realm: "default", Name: awkward, Password: "$2b$10$" + awkward, Alias: awkward, Email: "a@b.example", Status: user.Off, Org: "100000", Roles: []string{"1", "2"}},
		{Realm: "other", Name: awkward, Status: user.On},
	}
	commit(t, s, deployment.ChangeSet{Users: want})
	for _, w := range want {
		if diff := cmp.Diff(w, must(s.User(t.Context(), w.Realm, w.Name))(t)); diff != "" {
			t.Error(diff)
		}
	}
	if u := must(s.User(t.Context(), "default", "unknown"))(t); u != nil {
		t.Errorf("an unknown user: %+v", u)
	}
	want[0] = &user.User{Realm: "default", Name: awkward, Password: "new", Status: user.On}
	commit(t, s, deployment.ChangeSet{Users: want[:1]})
	if diff := cmp.Diff(want[0], must(s.User(t.Context(), "default", awkward))(t)); diff != "" {
		t.Error(diff)
	}
}

func apis(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default", "other")
	want := []*api.API{
		{
			Realm: "default", Name: awkward, Host: "api.example", Path: "/orders", Strip: true, Upstream: "http://127.0.0.1:9000", Auth: []api.Policy{{Name: "bearer"}, {Name: "none"}},
			Scopes: []string{"read"}, Errors: "ddi", Disabled: true, Methods: map[string][]string{"GET": {"read"}, "PUT": {"write", "admin"}},
			Policies: []api.Policy{{Name: "ratelimit", Settings: json.RawMessage(`{"rate":"100/s"}`)}, {Name: "bare"}},
		},
		{Realm: "other", Name: "a", Path: "/a", Upstream: "https://up.example"},
	}
	commit(t, s, deployment.ChangeSet{APIs: []*api.API{want[1], want[0]}})
	if diff := cmp.Diff(want, must(s.APIs(t.Context()))(t)); diff != "" {
		t.Error(diff)
	}
}

func pages(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default", "other")
	var c deployment.ChangeSet
	var want []string
	for n := range 25 {
		id := fmt.Sprintf("id-%02d", n)
		want = append(want, id)
		for _, realm := range []string{"default", "other"} {
			c.Clients = append(c.Clients, &client.Client{Realm: realm, ID: id})
			c.Users = append(c.Users, &user.User{Realm: realm, Name: id})
		}
	}
	commit(t, s, c)
	read := map[string]func(after string) (ids []string){
		"clients": func(after string) (ids []string) {
			for _, c := range must(s.Clients(t.Context(), "default", after, 10))(t) {
				ids = append(ids, c.ID)
			}
			return ids
		},
		"users": func(after string) (ids []string) {
			for _, u := range must(s.Users(t.Context(), "default", after, 10))(t) {
				ids = append(ids, u.Name)
			}
			return ids
		},
	}
	for name, page := range read {
		var got []string
		var sizes []int
		for after, more := "", true; more; {
			ids := page(after)
			sizes = append(sizes, len(ids))
			got = append(got, ids...)
			if more = len(ids) > 0; more {
				after = ids[len(ids)-1]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff([]int{10, 10, 5, 0}, sizes); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// orderOfNames is by bytes on every database, or pages would repeat and miss names.
func orderOfNames(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default")
	want := []string{"", "-", "A", "B", "Z", "_", "a", "a-b", "aB", "ab", "é", "名"}
	var c deployment.ChangeSet
	for _, id := range want {
		c.Clients = append(c.Clients, &client.Client{Realm: "default", ID: id})
	}
	commit(t, s, c)
	var got []string
	for _, c := range must(s.Clients(t.Context(), "default", "", 100))(t) {
		got = append(got, c.ID)
	}
	if diff := cmp.Diff(want[1:], got); diff != "" { // "" is not after ""
		t.Error(diff)
	}
}

func replaceClientSecret(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default")
	want := fullClient()
	commit(t, s, deployment.ChangeSet{Clients: []*client.Client{want}})
	old := want.Secrets[0].Hash
	for _, attempt := range []struct{ id, old, replacement string }{
		{awkward, "sha256:never stored", "x"},
		{"unknown", old, "x"},
		{awkward, old, "upgraded"},
		{awkward, old, "too late"},
	} {
		ok(t, s.ReplaceClientSecret(t.Context(), "default", attempt.id, attempt.old, attempt.replacement))
	}
	want.Secrets[0].Hash = "upgraded"
	if diff := cmp.Diff(want, must(s.Client(t.Context(), "default", awkward))(t)); diff != "" {
		t.Error(diff)
	}
	replaceBoth(t, s)
}

// replaceBoth swaps the two secrets at the same time: neither swap may undo the other.
func replaceBoth(t *testing.T, s *store.Store) {
	t.Helper()
	done := make(chan error)
	for _, old := range []string{"upgraded", "sha256:00ff"} {
		go func() { done <- s.ReplaceClientSecret(t.Context(), "default", awkward, old, old+"+") }()
	}
	ok(t, <-done)
	ok(t, <-done)
	c := must(s.Client(t.Context(), "default", awkward))(t)
	if got := []string{c.Secrets[0].Hash, c.Secrets[1].Hash}; !cmp.Equal(got, []string{"upgraded+", "sha256:00ff+"}) {
		t.Errorf("hashes %q", got)
	}
}

func replacePassword(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default")
	commit(t, s, deployment.ChangeSet{Users: []*user.User{{Realm: "default", Name: "dory", Password: "old"}}})
	for _, c := range []struct{ name, old, replacement, want string }{
		{"dory", "other", "x", "old"},
		{"nemo", "old", "x", "old"},
		{"dory", "old", awkward, awkward},
		{"dory", "old", "x", awkward},
	} {
		ok(t, s.ReplacePassword(t.Context(), "default", c.name, c.old, c.replacement))
		if got := must(s.User(t.Context(), "default", "dory"))(t).Password; got != c.want {
			t.Errorf("after %+v: %q", c, got)
		}
	}
}
