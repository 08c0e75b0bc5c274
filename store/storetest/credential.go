package storetest

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/credential"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/scope"
	"sallyport/store"
)

func credentialTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"kept":         credentialsKept,
		"replaced":     credentialReplaced,
		"deleted":      credentialsDeleted,
		"with clients": credentialsEndWithClients,
		"certificates": certificates,
	}
}

func fullCredential(realm, id, client string) *credential.Credential {
	return &credential.Credential{
		Realm: realm, ID: id, Client: client, Kind: credential.Signature, Hash: credential.HashOf(realm + id), Name: awkward,
		Sealed: []byte{0, 1, 255}, Status: credential.Off, Scopes: scope.Set{"b", "a"}, APIs: []string{awkward}, Uses: 7,
		CreatedAt: now, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), RevokedAt: now,
	}
}

func bareCredential(realm, id, client string) *credential.Credential {
	return &credential.Credential{Realm: realm, ID: id, Client: client, Kind: credential.APIKey, Hash: credential.HashOf(realm + id), Status: credential.On}
}

func putCredentials(t *testing.T, s *store.Store, all ...*credential.Credential) {
	t.Helper()
	for _, c := range all {
		ok(t, s.PutCredential(t.Context(), c))
	}
}

func credentialsKept(t *testing.T, d Database) {
	s := open(t, d)
	withRealms(t, s, "default", "other")
	full, bare, next := fullCredential("default", awkward, awkward), bareCredential("default", "B", "shop"), bareCredential("default", "a", "shop")
	away := bareCredential("other", "B", "shop")
	putCredentials(t, s, full, next, bare, away)
	for _, w := range []*credential.Credential{full, bare, next, away} {
		if diff := cmp.Diff(w, must(s.CredentialByHash(t.Context(), w.Realm, w.Hash))(t)); diff != "" {
			t.Error(diff)
		}
	}
	if c := must(s.CredentialByHash(t.Context(), "other", full.Hash))(t); c != nil {
		t.Errorf("found in another realm: %+v", c)
	}
	for client, want := range map[string][]*credential.Credential{"shop": {bare, next}, awkward: {full}, "": {bare, full, next}, "unknown": nil, "a\x00": nil} {
		if diff := cmp.Diff(want, must(s.Credentials(t.Context(), "default", client))(t)); diff != "" {
			t.Errorf("of client %q: %s", client, diff)
		}
	}
	if err := s.PutCredential(t.Context(), bareCredential("none", "x", "shop")); err == nil {
		t.Error("stored in a realm that is not there")
	}
	same := bareCredential("default", "another id", "thief")
	same.Hash = bare.Hash
	if err := s.PutCredential(t.Context(), same); err == nil {
		t.Error("two credentials have one hash")
	}
}

func credentialReplaced(t *testing.T, d Database) {
	hub := &feed.Hub{}
	var told []feed.Change
	hub.Subscribe(func(c feed.Change) { told = append(told, c) })
	s := openWith(t, d, hub)
	withRealms(t, s, "default")
	c := bareCredential("default", "k", "shop")
	putCredentials(t, s, c)
	old := c.Hash
	changed := *fullCredential("default", "k", "other")
	changed.Hash = credential.HashOf("anew")
	told = nil
	putCredentials(t, s, &changed)
	if diff := cmp.Diff(&changed, must(s.CredentialByHash(t.Context(), "default", changed.Hash))(t)); diff != "" {
		t.Error(diff)
	}
	if c := must(s.CredentialByHash(t.Context(), "default", old))(t); c != nil {
		t.Errorf("what is replaced is still found: %+v", c)
	}
	if diff := cmp.Diff(credentialNews("default", old, changed.Hash), told); diff != "" {
		t.Error(diff)
	}
}

func credentialNews(realm string, hashes ...[32]byte) (news []feed.Change) {
	for _, h := range hashes {
		news = append(news, feed.Change{Kind: feed.Credential, Realm: realm, ID: hex.EncodeToString(h[:])})
	}
	return news
}

func credentialsDeleted(t *testing.T, d Database) {
	hub := &feed.Hub{}
	var told []feed.Change
	hub.Subscribe(func(c feed.Change) { told = append(told, c) })
	s := openWith(t, d, hub)
	withRealms(t, s, "default", "other")
	one, two := bareCredential("default", "k", "shop"), bareCredential("other", "k", "shop")
	putCredentials(t, s, one, two)
	told = nil
	for range 2 {
		ok(t, s.DeleteCredential(t.Context(), "default", "k"))
	}
	ok(t, s.DeleteCredential(t.Context(), "default", "\x00"))
	if diff := cmp.Diff(credentialNews("default", one.Hash), told); diff != "" {
		t.Error(diff)
	}
	if c := must(s.CredentialByHash(t.Context(), "default", one.Hash))(t); c != nil {
		t.Errorf("still there: %+v", c)
	}
	if must(s.CredentialByHash(t.Context(), "other", two.Hash))(t) == nil {
		t.Error("that of the other realm is gone too")
	}
	// In a change set.
	told = nil
	commit(t, s, deployment.ChangeSet{Credentials: []*credential.Credential{one}})
	commit(t, s, deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.Credential, Realm: "default", ID: "k"}}, Credentials: []*credential.Credential{fullCredential("default", "l", "shop")}})
	if diff := cmp.Diff(append(credentialNews("default", one.Hash, one.Hash), credentialNews("default", credential.HashOf("defaultl"))...), told); diff != "" {
		t.Error(diff)
	}
	if all := must(s.Credentials(t.Context(), "default", ""))(t); len(all) != 1 || all[0].ID != "l" {
		t.Errorf("stored %v", all)
	}
	commit(t, s, deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.Realm, ID: "other"}}})
	if all := must(s.Credentials(t.Context(), "other", ""))(t); all != nil {
		t.Errorf("left of a realm: %v", all)
	}
}

// A client that is registered anew under the same name must not inherit the keys of its predecessor.
func credentialsEndWithClients(t *testing.T, d Database) {
	hub := &feed.Hub{}
	told := map[feed.Change]bool{}
	hub.Subscribe(func(c feed.Change) { told[c] = true })
	s := openWith(t, d, hub)
	withRealms(t, s, "default", "other")
	var gone [][32]byte
	for n := range 3 {
		c := bareCredential("default", fmt.Sprint("k", n), "shop")
		gone = append(gone, c.Hash)
		putCredentials(t, s, c)
	}
	kept := []*credential.Credential{bareCredential("default", "kept", "shop2"), bareCredential("other", "kept", "shop")}
	putCredentials(t, s, kept...)
	shop := &client.Client{Realm: "default", ID: "shop"}
	commit(t, s, deployment.ChangeSet{Clients: []*client.Client{shop}})
	if n := len(must(s.Credentials(t.Context(), "default", "shop"))(t)); n != 3 {
		t.Errorf("%d left after the client was changed", n)
	}
	clear(told)
	commit(t, s, deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.Client, Realm: "default", ID: "shop"}}, Clients: []*client.Client{shop}})
	if left := must(s.Credentials(t.Context(), "default", "shop"))(t); left != nil {
		t.Errorf("left: %v", left)
	}
	for _, c := range credentialNews("default", gone...) {
		if !told[c] {
			t.Errorf("not told: %v", c)
		}
	}
	for _, k := range kept {
		if must(s.CredentialByHash(t.Context(), k.Realm, k.Hash))(t) == nil {
			t.Errorf("%s of %s in %s is gone too", k.ID, k.Client, k.Realm)
		}
	}
}

func certificates(t *testing.T, d Database) {
	hub := &feed.Hub{}
	told := map[feed.Change]bool{}
	hub.Subscribe(func(c feed.Change) { told[c] = true })
	s := openWith(t, d, hub)
	withRealms(t, s, "default", "other")
	one, two := strings.Repeat("0a", 32), strings.Repeat("0b", 32)
	shop := func(certificates ...string) *client.Client {
		return &client.Client{Realm: "default", ID: "shop", Certificates: certificates}
	}
	key := bareCredential("default", "key", "shop")
	putCredentials(t, s, key)
	hashes := func() map[[32]byte]bool {
		got := map[[32]byte]bool{}
		for _, c := range must(s.Credentials(t.Context(), "default", "shop"))(t) {
			if c.Kind == credential.Certificate {
				got[c.Hash] = true
			}
		}
		return got
	}
	for _, step := range [][]string{{one}, {one, "CN=shop"}, {two, "CN=shop"}, {"CN=shop", two}, nil, {one, two}} {
		before := hashes()
		clear(told)
		commit(t, s, deployment.ChangeSet{Clients: []*client.Client{shop(step...)}})
		want := map[[32]byte]bool{}
		for _, c := range credential.Certificates(shop(step...)) {
			want[c.Hash] = true
		}
		if diff := cmp.Diff(want, hashes()); diff != "" {
			t.Errorf("%v: %s", step, diff)
		}
		for h := range before {
			if !want[h] && !told[credentialNews("default", h)[0]] {
				t.Errorf("%v: not told that %x is gone", step, h)
			}
		}
		for h := range want {
			if before[h] == told[credentialNews("default", h)[0]] {
				t.Errorf("%v: of %x, there before: %v, told: %v", step, h, before[h], !before[h])
			}
		}
	}
	thief := deployment.ChangeSet{Clients: []*client.Client{{Realm: "default", ID: "thief", Certificates: []string{two}}}}
	if err := s.Commit(t.Context(), thief); err == nil || !strings.Contains(err.Error(), "stands for another client") {
		t.Errorf("a certificate of two clients: %v", err)
	}
	if must(s.Client(t.Context(), "default", "thief"))(t) != nil {
		t.Error("stored although its certificate is another's")
	}
	thief.Clients[0].Realm = "other"
	commit(t, s, thief)
	commit(t, s, deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.Client, Realm: "default", ID: "shop"}}})
	if got := hashes(); len(got) != 0 {
		t.Errorf("left of a deleted client: %v", got)
	}
	if must(s.CredentialByHash(t.Context(), "default", key.Hash))(t) != nil {
		t.Error("its key is left")
	}
}
