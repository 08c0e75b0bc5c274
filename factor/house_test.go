package factor_test

import (
	"context"
	"encoding/base32"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/deployment"
	"sallyport/factor"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/store"
	"sallyport/user"
)

// A house is a service on a real store. Its clock is ours.
type house struct {
	*factor.Service
	*testing.T
	store *store.Store
	hub   *feed.Hub
	disk  *disk
	now   time.Time
}

// A disk is the store, counted.
type disk struct {
	factor.Store
	reads atomic.Int64
}

func (d *disk) Factors(ctx context.Context, realm, user string) ([]*factor.Factor, error) {
	d.reads.Add(1)
	return d.Store.Factors(ctx, realm, user)
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, hub: &feed.Hub{}, now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return h.now }
	var err error
	h.store, err = store.Open(t.Context(), store.Options{
		URL: filepath.Join(t.TempDir(), "test.db"), Hub: h.hub, Log: slog.New(slog.DiscardHandler), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.store.Close() })
	users := func() (all []*user.User) {
		for _, r := range []string{realm.Default, "other"} {
			for _, n := range []string{"dory", "nemo"} {
				all = append(all, &user.User{Realm: r, Name: n, Status: user.On})
			}
		}
		return all
	}
	if err := h.store.Commit(t.Context(), deployment.ChangeSet{
		Realms: []*realm.Realm{{Name: realm.Default}, {Name: "other"}}, Users: users(),
	}); err != nil {
		t.Fatal(err)
	}
	h.disk = &disk{Store: h.store}
	h.Service = factor.New(factor.Config{Store: h.disk, Hub: h.hub, Master: key.Master{7}, Now: now})
	return h
}

// add gives a user an authenticator and returns its secret. Its codes count from the next step on.
func (h *house) add(user string) []byte {
	h.Helper()
	p, err := h.NewTOTP("Example", user)
	if err != nil {
		h.Fatal(err)
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(p.Secret)
	if err != nil {
		h.Fatal(err)
	}
	if err := h.AddTOTP(h.Context(), realm.Default, user, p.Secret, factor.Code(raw, h.now), "phone"); err != nil {
		h.Fatal(err)
	}
	h.now = h.now.Add(time.Minute)
	return raw
}

func (h *house) summary(user string) factor.Summary {
	h.Helper()
	s, err := h.Summary(h.Context(), realm.Default, user)
	if err != nil {
		h.Fatal(err)
	}
	return s
}
