package credential_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/credential"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/scope"
)

var (
	now    = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	master = key.Master{7}
)

func TestAPIKeys(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		plain, c := credential.NewAPIKey("default", "shop", now)
		if seen[plain] || seen[c.ID] {
			t.Fatal("made twice")
		}
		seen[plain], seen[c.ID] = true, true
		if len(plain) != 64 || !strings.HasPrefix(plain, c.ID+"_") || !strings.HasPrefix(c.ID, "spk_") {
			t.Fatalf("%q with id %q", plain, c.ID)
		}
		if c.Hash != sha256.Sum256([]byte(plain)) || c.Kind != credential.APIKey || c.Client != "shop" || c.Realm != "default" {
			t.Fatalf("%+v", c)
		}
		if strings.Contains(fmt.Sprintf("%+v", c), plain[len(c.ID)+1:]) {
			t.Fatal("the record holds the key")
		}
		if err := credential.Check(c); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSigningKeys(t *testing.T) {
	id, secret, c, err := credential.NewSignature(master, "default", "shop", now)
	if err != nil {
		t.Fatal(err)
	}
	if err := credential.Check(c); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(id, ".") || c.ID != id || c.Hash != sha256.Sum256([]byte(id)) || len(secret) != 44 {
		t.Errorf("id %q, secret of %d, %+v", id, len(secret), c)
	}
	h, err := credential.Hold(c, master)
	if err != nil || string(h.Secret) != secret {
		t.Errorf("the secret opens to something else: %v", err)
	}
	if _, err := credential.Hold(c, key.Master{8}); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("another master key: %v", err)
	}
	moved := *c
	moved.Realm = "other"
	if _, err := credential.Hold(&moved, master); err == nil {
		t.Error("the secret opens in another realm")
	}
}

func TestCheck(t *testing.T) {
	for field, spoil := range map[string]func(*credential.Credential){
		"id":        func(c *credential.Credential) { c.ID = "" },
		"client":    func(c *credential.Credential) { c.Client = "" },
		"kind":      func(c *credential.Credential) { c.Kind = credential.Certificate },
		"hash":      func(c *credential.Credential) { c.Hash = [32]byte{} },
		"secret":    func(c *credential.Credential) { c.Kind = credential.Signature },
		"status":    func(c *credential.Credential) { c.Status = "" },
		"name":      func(c *credential.Credential) { c.Name = "a\nb" },
		"uses":      func(c *credential.Credential) { c.Uses = -1 },
		"not_after": func(c *credential.Credential) { c.NotBefore, c.NotAfter = now, now },
		"scopes":    func(c *credential.Credential) { c.Scopes = scope.Set{"a b"} },
		"apis":      func(c *credential.Credential) { c.APIs = []string{""} },
	} {
		_, c := credential.NewAPIKey("default", "shop", now)
		spoil(c)
		if err := credential.Check(c); err == nil || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestCertificates(t *testing.T) {
	sum := sha256.Sum256([]byte("a certificate"))
	print := hex.EncodeToString(sum[:])
	var colons []string
	for i := range sum {
		colons = append(colons, fmt.Sprintf("%02X", sum[i]))
	}
	c := &client.Client{Realm: "default", ID: "shop", Certificates: []string{print, strings.Join(colons, ":"), strings.ToUpper(print), "CN=shop,O=Example"}}
	var got [][32]byte
	for _, c := range credential.Certificates(c) {
		if c.Client != "shop" || c.Realm != "default" || c.Kind != credential.Certificate || c.Status != credential.On {
			t.Errorf("%+v", c)
		}
		got = append(got, c.Hash)
	}
	if diff := cmp.Diff([][32]byte{sum, credential.SubjectHash("CN=shop,O=Example")}, got); diff != "" {
		t.Error(diff)
	}
	if credential.SubjectHash("a certificate") == sum {
		t.Error("a subject can be mistaken for a certificate")
	}
}

func TestScope(t *testing.T) {
	r := &realm.Realm{Name: "default", AllScope: "all"}
	c := &client.Client{Scopes: scope.Set{"read", "write"}}
	for _, tt := range []struct {
		names scope.Set
		of    *client.Client
		want  scope.Set
	}{
		{nil, c, scope.Set{"read", "write"}},
		{scope.Set{"read"}, c, scope.Set{"read"}},
		{scope.Set{"admin", "write"}, c, scope.Set{"write"}},
		{scope.Set{"admin"}, c, nil},
		{scope.Set{"admin"}, &client.Client{Scopes: scope.Set{"all"}}, scope.Set{"admin"}},
		{nil, nil, nil},
	} {
		_, made := credential.NewAPIKey("default", "shop", now)
		made.Scopes = tt.names
		h, err := credential.Hold(made, master)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if diff := cmp.Diff(tt.want, h.Scope(r, tt.of)); diff != "" {
				t.Errorf("%v: %s", tt.names, diff)
			}
		}
		// A client that was changed is another value; what was cut from the old one does not count any more.
		if got := h.Scope(r, &client.Client{}); len(got) != 0 {
			t.Errorf("%v of a client without scopes: %v", tt.names, got)
		}
	}
}

// store is a credential.Store in memory that counts how often it is asked.
type store struct {
	credential.Store
	mu    sync.Mutex
	all   map[string]*credential.Credential // by realm and hash
	reads int
	fail  error
}

func (s *store) CredentialByHash(_ context.Context, realm string, hash [32]byte) (*credential.Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return s.all[realm+string(hash[:])], s.fail
}

func (s *store) put(hub *feed.Hub, c *credential.Credential) {
	s.mu.Lock()
	s.all[c.Realm+string(c.Hash[:])] = c
	s.mu.Unlock()
	hub.Publish(feed.Change{Kind: feed.Credential, Realm: c.Realm, ID: hex.EncodeToString(c.Hash[:])})
}

func TestDirectory(t *testing.T) {
	s, hub := &store{all: map[string]*credential.Credential{}}, &feed.Hub{}
	d := credential.NewDirectory(s, hub, master)
	plain, c := credential.NewAPIKey("default", "shop", now)
	find := func(realm string, kind credential.Kind) *credential.Held {
		t.Helper()
		h, err := d.Find(t.Context(), realm, kind, credential.HashOf(plain))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if find("default", credential.APIKey) != nil {
		t.Fatal("found before it was there")
	}
	s.put(hub, c)
	first := find("default", credential.APIKey)
	if first == nil || first.Credential != c {
		t.Fatal("not found")
	}
	for realm, kind := range map[string]credential.Kind{"other": credential.APIKey, "default": credential.Signature} {
		if find(realm, kind) != nil {
			t.Errorf("found in realm %s as a %s", realm, kind)
		}
	}
	reads := s.reads
	if find("default", credential.APIKey) != first || s.reads != reads {
		t.Error("read twice")
	}
	hub.Publish(feed.Change{Kind: feed.Credential, Realm: "other", ID: hex.EncodeToString(c.Hash[:])}, feed.Change{Kind: feed.Client})
	if find("default", credential.APIKey) != first {
		t.Error("news of something else dropped it")
	}
	revoked := *c
	revoked.RevokedAt = now
	s.put(hub, &revoked)
	if h := find("default", credential.APIKey); h == nil || h.RevokedAt.IsZero() {
		t.Error("the revocation was not heard")
	}
	for _, change := range []feed.Change{{Kind: feed.All}, {Kind: feed.Realm}, {Kind: feed.Credential, ID: "not hex"}, {Kind: feed.Credential, ID: strings.Repeat("00", 99)}} {
		reads := s.reads
		hub.Publish(change)
		if find("default", credential.APIKey); s.reads != reads+1 {
			t.Errorf("%v: %d reads", change, s.reads-reads)
		}
	}
	s.fail = errors.New("away")
	hub.Publish(feed.Change{Kind: feed.All})
	if _, err := d.Find(t.Context(), "default", credential.APIKey, c.Hash); !errors.Is(err, s.fail) {
		t.Errorf("a store that is away: %v", err)
	}
}

func TestFindingDoesNotAllocate(t *testing.T) {
	s, hub := &store{all: map[string]*credential.Credential{}}, &feed.Hub{}
	d := credential.NewDirectory(s, hub, master)
	_, c := credential.NewAPIKey("default", "shop", now)
	s.put(hub, c)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _ = d.Find(ctx, "default", credential.APIKey, c.Hash) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
