package consent_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/consent"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/store"
	"sallyport/token"
	"sallyport/user"
)

// A house is a book on a real store. Its clock is ours.
type house struct {
	*consent.Book
	*testing.T
	store *store.Store
	hub   *feed.Hub
	disk  *disk
	now   time.Time
	realm *realm.Realm
}

// A disk is the store, counted.
type disk struct {
	consent.Store
	reads atomic.Int64
}

func (d *disk) Consents(ctx context.Context, realm, user string) ([]*consent.Consent, error) {
	d.reads.Add(1)
	return d.Store.Consents(ctx, realm, user)
}

var errRevoke = errors.New("no revocation can be made")

// A revoker makes revocations as the token service does.
type revoker struct{ now func() time.Time }

func (v revoker) ClientUserRevocation(_ context.Context, r *realm.Realm, client, user string) (token.Revocation, error) {
	if client == "unrevokable" {
		return token.Revocation{}, errRevoke
	}
	now := v.now()
	return token.Revocation{
		Realm: r.Name, Kind: token.RevokeClientUser, Key: client + "\x00" + user, Bound: now.UnixMicro(), Until: now.Add(time.Hour),
	}, nil
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, hub: &feed.Hub{}, now: time.Now().Truncate(time.Microsecond), realm: &realm.Realm{Name: realm.Default}}
	now := func() time.Time { return h.now }
	var err error
	h.store, err = store.Open(t.Context(), store.Options{
		URL: filepath.Join(t.TempDir(), "test.db"), Hub: h.hub, Log: slog.New(slog.DiscardHandler), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.store.Close() })
	h.found()
	h.disk = &disk{Store: h.store}
	h.Book = consent.NewBook(consent.Config{Store: h.disk, Hub: h.hub, Revoke: revoker{now}, Now: now})
	return h
}

// found makes the users and clients there are, again if they were there.
func (h *house) found() {
	h.commit(deployment.ChangeSet{
		Realms: []*realm.Realm{{Name: realm.Default}, {Name: "other"}},
		Users: []*user.User{
			{Realm: realm.Default, Name: "dory", Status: user.On}, {Realm: realm.Default, Name: "nemo", Status: user.On},
			{Realm: "other", Name: "dory", Status: user.On},
		},
		Clients: []*client.Client{
			{Realm: realm.Default, ID: "app", Type: client.Public, Status: client.On},
			{Realm: realm.Default, ID: "web", Type: client.Public, Status: client.On},
			{Realm: realm.Default, ID: "unrevokable", Type: client.Public, Status: client.On},
			{Realm: "other", ID: "app", Type: client.Public, Status: client.On},
		},
	})
}

func (h *house) commit(c deployment.ChangeSet) {
	h.Helper()
	if err := h.store.Commit(h.Context(), c); err != nil {
		h.Fatal(err)
	}
}

func (h *house) agree(user, client string, scopes scope.Set, claims ...string) {
	h.Helper()
	if err := h.Agree(h.Context(), consent.Consent{Realm: realm.Default, User: user, Client: client, Scopes: scopes, Claims: claims}); err != nil {
		h.Fatal(err)
	}
}

func (h *house) get(user, client string) *consent.Consent {
	h.Helper()
	c, err := h.Get(h.Context(), realm.Default, user, client)
	if err != nil {
		h.Fatal(err)
	}
	return c
}

func TestCovers(t *testing.T) {
	c := &consent.Consent{Scopes: scope.Set{"openid", "email"}, Claims: []string{"picture"}}
	for name, tt := range map[string]struct {
		of     *consent.Consent
		scopes scope.Set
		claims []string
		want   bool
	}{
		"nothing asked":       {of: c, want: true},
		"the same":            {of: c, scopes: scope.Set{"email", "openid"}, claims: []string{"picture"}, want: true},
		"less":                {of: c, scopes: scope.Set{"openid"}, want: true},
		"one scope more":      {of: c, scopes: scope.Set{"openid", "phone"}},
		"one claim more":      {of: c, scopes: scope.Set{"openid"}, claims: []string{"picture", "website"}},
		"a claim for a scope": {of: c, scopes: scope.Set{"picture"}},
		"no consent":          {scopes: scope.Set{"openid"}},
		"no consent, nothing": {},
	} {
		if got := tt.of.Covers(tt.scopes, tt.claims); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestAgreeMerges(t *testing.T) {
	h := open(t)
	if h.get("dory", "app") != nil {
		t.Fatal("agreed before being asked")
	}
	first := h.now
	h.agree("dory", "app", scope.Set{"openid", "email"}, "picture")
	before := h.get("dory", "app")
	h.now = h.now.Add(time.Hour)
	h.agree("dory", "app", scope.Set{"email", "phone", "phone"}, "website", "picture")
	c := h.get("dory", "app")
	if !slices.Equal(c.Scopes, scope.Set{"openid", "email", "phone"}) || !slices.Equal(c.Claims, []string{"picture", "website"}) {
		t.Errorf("agreed to %q, %q", c.Scopes, c.Claims)
	}
	if !c.GrantedAt.Equal(first) || !c.UpdatedAt.Equal(h.now) {
		t.Errorf("first %v, last %v", c.GrantedAt, c.UpdatedAt)
	}
	if !slices.Equal(before.Scopes, scope.Set{"openid", "email"}) {
		t.Error("a consent that was handed out was modified")
	}
	for _, who := range [][2]string{{"dory", "web"}, {"nemo", "app"}} {
		if h.get(who[0], who[1]) != nil {
			t.Errorf("%s has agreed at %s", who[0], who[1])
		}
	}
	if c, err := h.Get(t.Context(), "other", "dory", "app"); c != nil || err != nil {
		t.Errorf("in another realm: %v, %v", c, err)
	}
}

func TestMemory(t *testing.T) {
	h := open(t)
	h.agree("dory", "app", scope.Set{"openid"})
	for range 5 {
		h.get("dory", "app")
		h.get("dory", "web")
		h.get("nemo", "app")
	}
	if n := h.disk.reads.Load(); n != 2 {
		t.Errorf("%d reads for two users", n)
	}
	for _, name := range []string{"", strings.Repeat("x", 1000)} {
		if h.get(name, "app") != nil || h.disk.reads.Load() != 2 {
			t.Errorf("a name of %d characters is looked up", len(name))
		}
	}
	// Another node writes: the news alone tells.
	if err := h.store.PutConsent(t.Context(), &consent.Consent{Realm: realm.Default, User: "dory", Client: "web", Scopes: scope.Set{"read"}}); err != nil {
		t.Fatal(err)
	}
	if h.get("dory", "web") == nil {
		t.Error("what another node wrote is not seen")
	}
	h.hub.Publish(feed.Change{Kind: feed.All})
	before := h.disk.reads.Load()
	h.get("dory", "app")
	if h.disk.reads.Load() == before {
		t.Error("lost news do not empty the memory")
	}
}

func TestEnd(t *testing.T) {
	h := open(t)
	h.agree("dory", "app", scope.Set{"openid"})
	h.agree("dory", "web", scope.Set{"openid"})
	h.get("dory", "app")
	if err := h.End(t.Context(), h.realm, "dory", "app"); err != nil {
		t.Fatal(err)
	}
	if h.get("dory", "app") != nil {
		t.Error("it goes on")
	}
	list, err := h.List(t.Context(), realm.Default, "dory")
	if err != nil || len(list) != 1 || list[0].Client != "web" {
		t.Errorf("left: %v, %v", list, err)
	}
	rs, err := h.store.Revocations(t.Context(), h.now)
	if err != nil || !slices.ContainsFunc(rs, func(r token.Revocation) bool {
		return r.Kind == token.RevokeClientUser && r.Key == "app\x00dory"
	}) {
		t.Errorf("the client's tokens do not end with it: %v, %v", rs, err)
	}
	if err := h.End(t.Context(), h.realm, "dory", "unrevokable"); !errors.Is(err, errRevoke) {
		t.Errorf("without a revocation: %v", err)
	}
}

// A user or client that is made anew under the same name has not agreed to anything.
func TestDeletedTogether(t *testing.T) {
	for _, what := range []deployment.Ref{{Kind: feed.User, Realm: realm.Default, ID: "dory"}, {Kind: feed.Client, Realm: realm.Default, ID: "app"}} {
		t.Run(string(what.Kind), func(t *testing.T) {
			h := open(t)
			h.agree("dory", "app", scope.Set{"openid"})
			h.get("dory", "app")
			h.commit(deployment.ChangeSet{Deleted: []deployment.Ref{what}})
			if h.get("dory", "app") != nil {
				t.Error("the consent outlives them")
			}
			h.found()
			if h.get("dory", "app") != nil {
				t.Error("the consent comes back")
			}
		})
	}
}
