package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"sallyport/key"
	"sallyport/store"
)

// acmeStorage keeps what belongs to ACME in the store. Values are sealed under the master key: some are private keys.
type acmeStorage struct {
	store  *store.Store
	master key.Master
	now    func() time.Time
	log    *slog.Logger

	mu   sync.Mutex // guards held
	held map[string]heldLock
}

// A heldLock is a lock of this process. It is renewed until it is given back.
type heldLock struct {
	owner string
	stop  context.CancelFunc
	done  chan struct{}
}

var _ certmagic.Storage = (*acmeStorage)(nil)

const (
	acmeLease      = time.Minute // after which a lock is free whose owner has died
	acmeRenewEvery = 15 * time.Second
	acmeTryEvery   = 500 * time.Millisecond
)

func newACMEStorage(s *store.Store, master key.Master, now func() time.Time, log *slog.Logger) *acmeStorage {
	return &acmeStorage{store: s, master: master, now: now, log: log, held: map[string]heldLock{}}
}

// Store implements certmagic.Storage.
func (s *acmeStorage) Store(ctx context.Context, name string, value []byte) error {
	sealed, err := s.master.Seal("acme", "", name, value)
	if err != nil {
		return err
	}
	return s.store.PutACMEItem(ctx, name, sealed, s.now())
}

// Load implements certmagic.Storage.
func (s *acmeStorage) Load(ctx context.Context, name string) ([]byte, error) {
	sealed, _, found, err := s.store.ACMEItem(ctx, name)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fs.ErrNotExist
	}
	value, err := s.master.Open("acme", "", name, sealed)
	if err != nil {
		return nil, fmt.Errorf("%s was stored under another master key: %w", name, err)
	}
	return value, nil
}

// Delete implements certmagic.Storage.
func (s *acmeStorage) Delete(ctx context.Context, name string) error {
	return s.store.DeleteACMEItem(ctx, name)
}

// Exists implements certmagic.Storage.
func (s *acmeStorage) Exists(ctx context.Context, name string) bool {
	_, err := s.Stat(ctx, name)
	return err == nil
}

// List implements certmagic.Storage. Of what is deeper than one level, unless asked for all of it, the folders are named.
func (s *acmeStorage) List(ctx context.Context, under string, recursive bool) ([]string, error) {
	items, err := s.store.ACMEItems(ctx, under)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, fs.ErrNotExist
	}
	var names []string
	seen := map[string]bool{}
	for _, item := range items {
		rest := strings.TrimPrefix(strings.TrimPrefix(item.Name, under), "/")
		for i, c := range rest + "/" {
			if c != '/' {
				continue
			}
			name := strings.TrimPrefix(under+"/"+rest[:i], "/")
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
			if !recursive {
				break
			}
		}
	}
	return names, nil
}

// Stat implements certmagic.Storage.
func (s *acmeStorage) Stat(ctx context.Context, name string) (certmagic.KeyInfo, error) {
	sealed, changed, found, err := s.store.ACMEItem(ctx, name)
	if err != nil {
		return certmagic.KeyInfo{}, err
	}
	if found {
		return certmagic.KeyInfo{Key: name, Modified: changed, Size: int64(len(sealed)), IsTerminal: true}, nil
	}
	items, err := s.store.ACMEItems(ctx, name)
	if err != nil {
		return certmagic.KeyInfo{}, err
	}
	if len(items) == 0 {
		return certmagic.KeyInfo{}, fs.ErrNotExist
	}
	return certmagic.KeyInfo{Key: name}, nil
}

// Lock implements certmagic.Storage. It waits for the lock.
func (s *acmeStorage) Lock(ctx context.Context, name string) error {
	owner := rand.Text()
	for {
		now := s.now()
		locked, err := s.store.LockACME(ctx, name, owner, now, now.Add(acmeLease))
		if err != nil {
			return err
		}
		if locked {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(acmeTryEvery):
		}
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	h := heldLock{owner: owner, stop: stop, done: make(chan struct{})}
	go s.renew(renewing, name, h)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[name] = h
	return nil
}

// renew keeps a lock until it is told to stop.
func (s *acmeStorage) renew(ctx context.Context, name string, h heldLock) {
	defer close(h.done)
	tick := time.NewTicker(acmeRenewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		held, err := s.store.RenewACME(ctx, name, h.owner, s.now().Add(acmeLease))
		if ctx.Err() != nil {
			return
		}
		if err == nil && !held {
			err = errACMELockLost
		}
		if err != nil {
			s.log.Warn("the lock of a certificate could not be renewed", "lock", name, "cause", err)
		}
	}
}

// Unlock implements certmagic.Storage.
func (s *acmeStorage) Unlock(ctx context.Context, name string) error {
	s.mu.Lock()
	h, there := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if !there {
		return nil // close has given it back
	}
	return s.giveBack(ctx, name, h)
}

// giveBack also runs when whoever held the lock gave up: others must not wait for its end.
func (s *acmeStorage) giveBack(ctx context.Context, name string, h heldLock) error {
	h.stop()
	<-h.done
	_, err := s.store.UnlockACME(context.WithoutCancel(ctx), name, h.owner)
	return err
}

// close gives back what is still held.
func (s *acmeStorage) close() {
	s.mu.Lock()
	held := s.held
	s.held = map[string]heldLock{}
	s.mu.Unlock()
	for name, h := range held {
		if err := s.giveBack(context.Background(), name, h); err != nil {
			s.log.Warn("the lock of a certificate could not be given back; it ends by itself", "lock", name, "cause", err)
		}
	}
}
