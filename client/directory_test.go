package client_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"sallyport/client"
	"sallyport/feed"
)

// store is a client.Store in memory.
type store struct {
	client.Store
	mu      sync.Mutex
	clients map[string]*client.Client // by realm/id
	reads   int
	fail    error
	swapped []string
}

func (s *store) Client(_ context.Context, realm, id string) (*client.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return s.clients[realm+"/"+id], s.fail
}

func (s *store) ReplaceClientSecret(_ context.Context, realm, id, old, hash string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	c := *s.clients[realm+"/"+id]
	c.Secrets = append([]client.Secret(nil), c.Secrets...)
	for i := range c.Secrets {
		if c.Secrets[i].Hash == old {
			c.Secrets[i].Hash = hash
			s.swapped = append(s.swapped, hash)
		}
	}
	s.clients[realm+"/"+id] = &c
	return nil
}

func (s *store) put(c *client.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients == nil {
		s.clients = map[string]*client.Client{}
	}
	s.clients[c.Realm+"/"+c.ID] = c
}

func TestDirectory(t *testing.T) {
	s, hub := &store{}, &feed.Hub{}
	s.put(&client.Client{Realm: "a", ID: "c", Name: "first"})
	d := client.NewDirectory(s, hub)

	get := func(realm, id string) string {
		t.Helper()
		c, err := d.Get(t.Context(), realm, id)
		if err != nil {
			t.Fatal(err)
		}
		if c == nil {
			return ""
		}
		return c.Name
	}
	for range 3 {
		if got := get("a", "c"); got != "first" {
			t.Fatalf("got %q", got)
		}
		if got := get("b", "c"); got != "" {
			t.Fatalf("the client of another realm: %q", got)
		}
	}
	if s.reads != 2 {
		t.Errorf("%d reads, want one of each, the unknown one remembered", s.reads)
	}

	s.put(&client.Client{Realm: "a", ID: "c", Name: "second"})
	s.put(&client.Client{Realm: "b", ID: "c", Name: "new"})
	for _, c := range []feed.Change{{Kind: feed.Client, Realm: "a", ID: "other"}, {Kind: feed.User, Realm: "a", ID: "c"}} {
		hub.Publish(c)
		if got := get("a", "c"); got != "first" {
			t.Errorf("after news of %v: %q", c, got)
		}
	}
	hub.Publish(feed.Change{Kind: feed.Client, Realm: "a", ID: "c"})
	if got := get("a", "c"); got != "second" {
		t.Errorf("after news: %q", got)
	}
	if got := get("b", "c"); got != "" {
		t.Errorf("without news: %q", got)
	}
	hub.Publish(feed.Change{Kind: feed.Client, Realm: "b", ID: "c"})
	if got := get("b", "c"); got != "new" {
		t.Errorf("a client that was unknown, after news: %q", got)
	}
	for _, k := range []feed.Kind{feed.Realm, feed.All} {
		before := s.reads
		hub.Publish(feed.Change{Kind: k})
		get("a", "c")
		if s.reads != before+1 {
			t.Errorf("%s did not drop the client", k)
		}
	}
}

func TestDirectoryDoesNotLookUpTheImpossible(t *testing.T) {
	s := &store{}
	d := client.NewDirectory(s, &feed.Hub{})
	for _, id := range []string{"", strings.Repeat("x", client.MaxIDLength+1)} {
		if c, err := d.Get(t.Context(), "a", id); c != nil || err != nil {
			t.Errorf("%d bytes: %v, %v", len(id), c, err)
		}
	}
	if s.reads != 0 {
		t.Errorf("%d reads", s.reads)
	}
}

func TestDirectoryDoesNotRememberAFault(t *testing.T) {
	s := &store{fail: errors.New("away")}
	s.put(&client.Client{Realm: "a", ID: "c"})
	d := client.NewDirectory(s, &feed.Hub{})
	if _, err := d.Get(t.Context(), "a", "c"); !errors.Is(err, s.fail) {
		t.Fatalf("err = %v", err)
	}
	s.fail = nil
	if c, err := d.Get(t.Context(), "a", "c"); c == nil || err != nil {
		t.Errorf("%v, %v", c, err)
	}
}

func TestDirectoryReadsWithoutAllocating(t *testing.T) {
	s := &store{}
	s.put(&client.Client{Realm: "a", ID: "c"})
	d := client.NewDirectory(s, &feed.Hub{})
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { _, _ = d.Get(ctx, "a", "c") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDirectoryGet(b *testing.B) {
	s := &store{}
	s.put(&client.Client{Realm: "default", ID: "tspclient"})
	d := client.NewDirectory(s, &feed.Hub{})
	for b.Loop() {
		_, _ = d.Get(b.Context(), "default", "tspclient")
	}
}
