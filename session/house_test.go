package session_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/store"
	"sallyport/token"
	"sallyport/user"
)

// A house is a manager on a real store. Its clock is ours, and so is what goes wrong.
type house struct {
	*session.Manager
	*testing.T
	disk  *disk
	store *store.Store
	users *user.Directory
	hub   *feed.Hub
	now   time.Time
	realm *realm.Realm
}

// A disk is the store, counted.
type disk struct {
	session.Store
	reads, touches, writes atomic.Int64
	broken                 atomic.Bool
	between                func() // runs before a write
}

var errDisk = errors.New("the disk is gone")

func (d *disk) Session(ctx context.Context, realm string, hash [32]byte) (*session.Session, error) {
	d.reads.Add(1)
	if d.broken.Load() {
		return nil, errDisk
	}
	return d.Store.Session(ctx, realm, hash)
}

func (d *disk) TouchSession(ctx context.Context, realm string, hash [32]byte, seen time.Time) error {
	d.touches.Add(1)
	if d.broken.Load() {
		return errDisk
	}
	return d.Store.TouchSession(ctx, realm, hash, seen)
}

func (d *disk) UpdateSession(ctx context.Context, before, after *session.Session) (bool, error) {
	d.writes.Add(1)
	if d.between != nil {
		f := d.between
		d.between = nil
		f()
	}
	return d.Store.UpdateSession(ctx, before, after)
}

// A revoker makes revocations as the token service does.
type revoker struct{}

func (revoker) SessionRevocation(_ context.Context, r *realm.Realm, sid string) (token.Revocation, error) {
	if r.Name == "unrevokable" {
		return token.Revocation{}, errDisk
	}
	return token.Revocation{Realm: r.Name, Kind: token.RevokeSession, Key: sid, Until: time.Now().Add(time.Hour)}, nil
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
	h.commit(deployment.ChangeSet{
		Realms: []*realm.Realm{{Name: realm.Default}, {Name: "other"}, {Name: "unrevokable"}},
		Users: []*user.User{
			{Realm: realm.Default, Name: "dory", Status: user.On}, {Realm: realm.Default, Name: "nemo", Status: user.On},
			{Realm: "other", Name: "dory", Status: user.On},
		},
	})
	h.disk, h.users = &disk{Store: h.store}, user.NewDirectory(h.store, h.hub)
	h.Manager = h.manager()
	return h
}

// manager returns one more manager on the same store, as another node has.
func (h *house) manager() *session.Manager {
	return session.NewManager(session.Config{
		Store: h.disk, Hub: h.hub, Users: h.users, Revoke: revoker{}, Now: func() time.Time { return h.now }, Log: slog.New(slog.DiscardHandler),
	})
}

func (h *house) commit(c deployment.ChangeSet) {
	h.Helper()
	if err := h.store.Commit(h.Context(), c); err != nil {
		h.Fatal(err)
	}
}

func (h *house) start(name, replaces string) (string, *session.Session) {
	h.Helper()
	secret, s, err := h.Start(h.Context(), h.realm, session.SignedIn{User: name, AMR: []string{"pwd"}, ACR: realm.ACROne}, replaces)
	if err != nil {
		h.Fatal(err)
	}
	return secret, s
}

func (h *house) find(secret string) *session.Session {
	h.Helper()
	s, err := h.Find(h.Context(), h.realm, secret)
	if err != nil {
		h.Fatal(err)
	}
	return s
}
