package token_test

import (
	"path/filepath"
	"sync"
	"testing"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/store"
	"sallyport/token"
	"sallyport/user"
)

// TestOnARealStore lives through a process's start, work, end and restart on SQLite. What a store must do is tested with
// the store, on both engines; this shows that the two fit.
func TestOnARealStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sallyport.db")
	cs := &clients{byID: map[string]*client.Client{}}
	c := &client.Client{Realm: "default", ID: "tspclient", Status: client.On}
	cs.set(c)
	r := &realm.Realm{Name: "default", Issuer: "https://as.example"}
	start := func() (*token.Service, *store.Store) {
		t.Helper()
		hub := &feed.Hub{}
		st, err := store.Open(t.Context(), store.Options{URL: path, Hub: hub})
		if err != nil {
			t.Fatal(err)
		}
		ring := key.NewRing(key.Config{Store: st, Master: key.Master{3}, Hub: hub})
		s, err := token.New(token.Config{Store: st, Keys: ring, Clients: cs, Hub: hub})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s, st
	}
	s, st := start()
	digi := token.Authorization{Shape: token.ShapeDigiRunner, Refresh: realm.RefreshToken{Rotate: ptr(false)}}
	auths := map[string]token.Authorization{
		"jwt":        {Access: realm.AccessToken{Format: realm.JWT}},
		"opaque":     {Access: realm.AccessToken{Format: realm.Opaque}, EndAccess: true},
		"reference":  {Access: realm.AccessToken{Format: realm.Reference}},
		"digirunner": digi,
	}
	live, dead := map[string]*token.Issued{}, map[string]*token.Issued{}
	for name, a := range auths {
		a.Realm, a.Client, a.Grant, a.WithRefresh = r, c, "password", true
		a.User = &user.User{Name: "dory-" + name, Org: "100000", Roles: []string{"1000"}}
		a.Scope = scope.Set{"read", "write"}
		auths[name] = a
		live[name] = refreshed(t, s, a, 16)
		dead[name] = refreshed(t, s, a, 2)
		p, err := s.Present(t.Context(), r, dead[name].RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.RevokeRefresh(t.Context(), r, p, true); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		for name := range auths {
			if a, err := s.Verify(t.Context(), r, live[name].AccessToken); err != nil || a.User != "dory-"+name || a.Scope.String() != "read write" {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
			if _, err := s.Verify(t.Context(), r, dead[name].AccessToken); oauth.ReasonOf(err) != oauth.TokenRevoked {
				t.Errorf("%s, revoked: %v", name, err)
			}
			if _, err := s.Present(t.Context(), r, dead[name].RefreshToken); oauth.ReasonOf(err) != oauth.RefreshRevoked {
				t.Errorf("%s, revoked: %v", name, err)
			}
		}
	}
	check()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	s, st = start()
	t.Cleanup(func() { _ = st.Close() })
	check()
	for name, a := range auths {
		p, err := s.Present(t.Context(), r, live[name].RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		a.Continues = p
		if live[name], err = s.Issue(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	check()
	if list, err := s.List(t.Context(), r, "dory-reference", "", token.KindAccess); err != nil || len(list) == 0 {
		t.Errorf("listed %v, %v", list, err)
	}
	if err := s.EndGrants(t.Context(), r, "", "dory-jwt"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context(), r, live["jwt"].AccessToken); oauth.ReasonOf(err) != oauth.TokenRevoked {
		t.Errorf("all grants ended: %v", err)
	}
}

// refreshed issues tokens, and lets n racers refresh them; all must get the same successor.
func refreshed(t *testing.T, s *token.Service, a token.Authorization, n int) *token.Issued {
	t.Helper()
	first, err := s.Issue(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	outs := make([]*token.Issued, n)
	var wg sync.WaitGroup
	for i := range outs {
		wg.Go(func() {
			p, err := s.Present(t.Context(), a.Realm, first.RefreshToken)
			if err != nil {
				t.Error(err)
				return
			}
			mine := a
			mine.Continues = p
			if outs[i], err = s.Issue(t.Context(), mine); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, out := range outs {
		if out == nil {
			t.FailNow()
		}
		if a.Shape == token.ShapeStandard && (out.RefreshToken != outs[0].RefreshToken || out.RefreshToken == first.RefreshToken) {
			t.Fatal("racers got different successors")
		}
		if out.RefreshID != first.RefreshID {
			t.Fatal("a digiRunner grant changed its jti without rotation")
		}
	}
	if _, err := s.Verify(t.Context(), a.Realm, first.AccessToken); (err != nil) != (a.EndAccess || a.Shape != token.ShapeStandard) {
		t.Errorf("the access token before the refresh: %v", err)
	}
	return outs[0]
}
