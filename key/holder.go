package key

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A holder keeps the snapshot of one realm.
type holder struct {
	realm   string
	version atomic.Uint64 // counts changes; a snapshot of an earlier version is read again
	snap    atomic.Pointer[snapshot]

	loading sync.Mutex // held while reading the store
	asked   time.Time  // when anew last read; under loading
	failed  time.Time  // when reading last failed; under loading

	making sync.Mutex // held while a key is made, which takes long for RSA: readers and other realms go on
}

func (r *Ring) holder(realm string) *holder {
	if h, ok := r.realms.Load(realm); ok {
		return h.(*holder)
	}
	h, _ := r.realms.LoadOrStore(realm, &holder{realm: realm})
	return h.(*holder)
}

// current returns the snapshot, read if there was a change. While the store cannot be read, the last one serves: tokens
// go on being signed and verified.
func (h *holder) current(ctx context.Context, r *Ring) (*snapshot, error) {
	if s := h.snap.Load(); s != nil && s.version == h.version.Load() {
		return s, nil
	}
	h.loading.Lock()
	defer h.loading.Unlock()
	s := h.snap.Load()
	if s != nil && (s.version == h.version.Load() || within(time.Second, h.failed, r.now())) {
		return s, nil
	}
	fresh, err := h.load(ctx, r)
	if err == nil {
		return fresh, nil
	}
	if s == nil {
		return nil, err
	}
	h.failed = r.now()
	r.log.WarnContext(ctx, "the keys of a realm cannot be read; those known are used", "realm", h.realm, "error", err)
	return s, nil
}

// anew reads the store again, at most once a second, and otherwise returns what is known.
func (h *holder) anew(ctx context.Context, r *Ring) (*snapshot, error) {
	h.loading.Lock()
	defer h.loading.Unlock()
	if s := h.snap.Load(); s != nil && within(time.Second, h.asked, r.now()) {
		return s, nil
	}
	s, err := h.load(ctx, r)
	if err == nil {
		h.asked = r.now()
	}
	return s, err
}

// load reads the store. The caller holds h.loading.
func (h *holder) load(ctx context.Context, r *Ring) (*snapshot, error) {
	version := h.version.Load()
	records, err := r.store.Keys(ctx, h.realm)
	if err != nil {
		return nil, err
	}
	s, err := newSnapshot(version, records, h.snap.Load())
	if err != nil {
		return nil, err
	}
	h.snap.Store(s)
	return s, nil
}

// first makes the first key of an algorithm. Of several nodes one wins, and all use its key.
func (h *holder) first(ctx context.Context, r *Ring, alg Alg) (*held, error) {
	h.making.Lock()
	defer h.making.Unlock()
	// Others wait for the same key: it is made even if this caller has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	for range 3 {
		s, err := h.current(ctx, r)
		if err != nil {
			return nil, err
		}
		now := r.now()
		if k := s.current(alg, now); k != nil {
			return k, nil
		}
		if _, err := h.add(ctx, r, s, alg, now, now, time.Time{}); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("realm %s: no %s key although one was stored", h.realm, alg)
}

// add makes and stores the successor of the newest key of an algorithm. It reports false if another node was first.
func (h *holder) add(ctx context.Context, r *Ring, s *snapshot, alg Alg, now, active, retire time.Time) (bool, error) {
	serial := int64(1)
	if last := s.newest(alg); last != nil {
		serial = last.Serial + 1
	}
	rec, err := makeRecord(r.master, h.realm, alg, serial, now, active)
	if err != nil {
		return false, err
	}
	added, err := r.store.AddKey(ctx, rec, retire)
	h.version.Add(1) // whoever won, and even if it is not known: read again
	if err != nil {
		return false, errors.Join(fmt.Errorf("storing a %s key of realm %s", alg, h.realm), err)
	}
	return added, nil
}

// within reports whether now is less than d after then. A clock that was set back is not within.
func within(d time.Duration, then, now time.Time) bool {
	passed := now.Sub(then)
	return passed >= 0 && passed < d
}
