package realm_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"sallyport/feed"
	"sallyport/realm"
	"sallyport/scope"
)

// store is a realm.Store in memory.
type store struct {
	mu     sync.Mutex
	realms []*realm.Realm
	scopes map[string][]scope.Scope
	reads  int
	fail   error
}

func (s *store) Realms(context.Context) ([]*realm.Realm, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return append([]*realm.Realm(nil), s.realms...), s.fail
}

func (s *store) Scopes(context.Context) (map[string][]scope.Scope, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scopes, s.fail
}

func newDirectory(t *testing.T, s *store, hub *feed.Hub, url *string) *realm.Directory {
	t.Helper()
	d, err := realm.NewDirectory(t.Context(), s, hub, func() string { return *url })
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDirectory(t *testing.T) {
	s := &store{
		realms: []*realm.Realm{
			{Name: "zoo", Hosts: []string{"Zoo.example.org", "shared.example.org"}},
			{Name: "acme", Hosts: []string{"shared.example.org"}, Issuer: "https://id.acme.example"},
			{Name: realm.Default},
		},
		scopes: map[string][]scope.Scope{"acme": {{Name: "read", Description: "Read"}}},
	}
	url := "https://login.example.org/"
	d := newDirectory(t, s, &feed.Hub{}, &url)

	var names []string
	for _, r := range d.All() {
		names = append(names, r.Name)
	}
	if got := len(names); got != 3 || names[0] != "acme" || names[2] != "zoo" {
		t.Errorf("All: %v", names)
	}
	for name, issuer := range map[string]string{
		realm.Default: "https://login.example.org",
		"zoo":         "https://login.example.org/realms/zoo",
		"acme":        "https://id.acme.example",
	} {
		if r := d.ByName(name); r == nil || r.Issuer != issuer {
			t.Errorf("%s: %+v, want issuer %s", name, r, issuer)
		}
	}
	if s.realms[0].Issuer != "" {
		t.Error("the stored realm was modified")
	}
	if r := d.ByName("Zoo"); r != nil {
		t.Errorf("names compare by case: %v", r)
	}
	for host, want := range map[string]string{
		"zoo.example.org": "zoo", "ZOO.example.org:8443": "zoo", "zoo.example.org.": "zoo", "shared.example.org": "acme",
		"example.org": "", "": "", "evil-zoo.example.org": "", "[::1]:80": "",
	} {
		got := ""
		if r := d.ByHost(host); r != nil {
			got = r.Name
		}
		if got != want {
			t.Errorf("host %q: %q, want %q", host, got, want)
		}
	}
	if sc, ok := d.Scope("acme", "read"); !ok || sc.Description != "Read" {
		t.Errorf("Scope = %v, %v", sc, ok)
	}
	if _, ok := d.Scope("zoo", "read"); ok {
		t.Error("a realm has the scope of another")
	}
}

func TestDirectoryHearsNews(t *testing.T) {
	s, hub := &store{realms: []*realm.Realm{{Name: "a"}}}, &feed.Hub{}
	url := "http://localhost:8089"
	d := newDirectory(t, s, hub, &url)
	for _, kind := range []feed.Kind{feed.Realm, feed.Scope, feed.All} {
		before := s.reads
		s.realms = append(s.realms, &realm.Realm{Name: "new-" + string(kind)})
		if d.ByName("new-"+string(kind)) != nil {
			t.Errorf("%s: known before the news", kind)
		}
		hub.Publish(feed.Change{Kind: kind}, feed.Change{Kind: kind}, feed.Change{Kind: kind})
		if d.ByName("new-"+string(kind)) == nil {
			t.Errorf("%s: not known after the news", kind)
		}
		d.All()
		if s.reads != before+1 {
			t.Errorf("%s: %d reads for one change in three parts", kind, s.reads-before)
		}
	}
	before := s.reads
	hub.Publish(feed.Change{Kind: feed.Client}, feed.Change{Kind: feed.User})
	if d.All(); s.reads != before {
		t.Error("read anew for news that are not about realms")
	}
}

func TestDirectoryKeepsTheLastSnapshotWhileTheStoreIsAway(t *testing.T) {
	s, hub := &store{realms: []*realm.Realm{{Name: "a"}}}, &feed.Hub{}
	url := "http://localhost:8089"
	d := newDirectory(t, s, hub, &url)
	s.fail = errors.New("away")
	hub.Publish(feed.Change{Kind: feed.All})
	before := s.reads
	for range 100 {
		if d.ByName("a") == nil {
			t.Fatal("lost")
		}
	}
	if n := s.reads - before; n > 3 {
		t.Errorf("%d attempts at a store that is away", n)
	}
	if _, err := realm.NewDirectory(t.Context(), s, hub, func() string { return url }); !errors.Is(err, s.fail) {
		t.Errorf("at start: %v", err)
	}
}

// The port is known only once the server listens.
func TestDirectoryFollowsThePublicURL(t *testing.T) {
	s := &store{realms: []*realm.Realm{{Name: realm.Default}}}
	url := ""
	d := newDirectory(t, s, &feed.Hub{}, &url)
	url = "http://127.0.0.1:4711"
	if got := d.ByName(realm.Default).Issuer; got != url {
		t.Errorf("issuer %q", got)
	}
	if s.reads != 1 {
		t.Errorf("%d reads", s.reads)
	}
}

func TestDirectoryReadsWithoutAllocating(t *testing.T) {
	s := &store{realms: []*realm.Realm{{Name: "a", Hosts: []string{"a.example"}}}, scopes: map[string][]scope.Scope{"a": {{Name: "s"}}}}
	url := "http://localhost"
	d := newDirectory(t, s, &feed.Hub{}, &url)
	if n := testing.AllocsPerRun(100, func() { d.ByName("a"); d.ByHost("a.example"); d.Scope("a", "s") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDirectoryUnderRace(t *testing.T) {
	s, hub := &store{realms: []*realm.Realm{{Name: "a"}}}, &feed.Hub{}
	url := "http://localhost"
	d := newDirectory(t, s, hub, &url)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 200 {
			hub.Publish(feed.Change{Kind: feed.Realm})
		}
	})
	for range 4 {
		wg.Go(func() {
			for range 500 {
				if d.ByName("a") == nil || len(d.All()) != 1 {
					t.Error("a half-made snapshot")
					return
				}
			}
		})
	}
	wg.Wait()
}
