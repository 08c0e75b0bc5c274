package key

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/realm"
)

const (
	// DefaultAnnounce is how long a key is published before it signs, where the schedule does not say.
	DefaultAnnounce = realm.Duration(24 * time.Hour)

	// Nodes whose clock is behind go on using the predecessor for a while.
	clockSkew = 5 * time.Minute

	// A secret cannot be told by its token in every case, so other nodes must have heard of it before it is used.
	secretHeadStart = 5 * time.Second
)

// Rotate adds a key that signs after the time announce; its predecessors then verify for as long as their tokens live. If
// another node rotates at the same moment, there is one new key and both return it. The realm's first key of its kind
// signs at once.
func (r *Ring) Rotate(ctx context.Context, realm string, alg Alg, announce time.Duration) (Record, error) {
	switch alg {
	case RS256, PS256, ES256, EdDSA, Secret:
	default:
		return Record{}, fmt.Errorf("alg: %q is not a key algorithm; use %s, %s, %s, %s or %s", alg, RS256, PS256, ES256, EdDSA, Secret)
	}
	if announce < 0 {
		return Record{}, fmt.Errorf("announce: %s is negative; use 0 to sign at once", announce)
	}
	return r.rotate(ctx, realm, alg, announce, func(*held) bool { return true })
}

// rotate adds a key if the newest one, as the store has it now, is due.
func (r *Ring) rotate(ctx context.Context, realm string, alg Alg, announce time.Duration, due func(*held) bool) (Record, error) {
	if alg == Secret {
		announce = max(announce, secretHeadStart)
	}
	overlap, err := r.overlap(ctx, realm)
	if err != nil {
		return Record{}, err
	}
	h := r.holder(realm)
	h.making.Lock()
	defer h.making.Unlock()
	h.version.Add(1) // the decision rests on what is stored now
	s, err := h.current(ctx, r)
	if err != nil {
		return Record{}, err
	}
	if last := s.newest(alg); last != nil && !due(last) {
		return last.record(), nil
	}
	now := r.now()
	active := now.Add(announce)
	if s.current(alg, now) == nil {
		active = now
	}
	if _, err := h.add(ctx, r, s, alg, now, active, active.Add(overlap+clockSkew)); err != nil {
		return Record{}, err
	}
	if s, err = h.current(ctx, r); err != nil {
		return Record{}, err
	}
	k := s.newest(alg)
	if k == nil {
		return Record{}, fmt.Errorf("realm %s: no %s key although one was stored", realm, alg)
	}
	return k.record(), nil
}

// Tick carries out the schedules and deletes the keys that are over. Call it about once a minute, on any number of nodes.
// It does what it can and returns every error.
func (r *Ring) Tick(ctx context.Context) error {
	var failed []error
	for name, schedule := range r.schedules() {
		if schedule.Every <= 0 {
			continue
		}
		if err := r.follow(ctx, name, schedule); err != nil {
			failed = append(failed, fmt.Errorf("rotating the keys of realm %s: %w", name, err))
		}
	}
	if err := r.store.DeleteExpiredKeys(ctx, r.now()); err != nil {
		failed = append(failed, fmt.Errorf("deleting expired keys: %w", err))
	}
	return errors.Join(failed...)
}

// follow announces the successor of every key in use that is due. Algorithms the realm does not use get no key.
func (r *Ring) follow(ctx context.Context, name string, schedule realm.KeySchedule) error {
	announce := schedule.Announce
	if announce == 0 {
		announce = DefaultAnnounce
	}
	announce = min(announce, schedule.Every) // no earlier than its predecessor signs
	due := func(last *held) bool {
		now := r.now()
		return !last.ActiveAt.After(now) && !now.Before(last.ActiveAt.Add((schedule.Every - announce).Std()))
	}
	s, err := r.holder(name).current(ctx, r)
	if err != nil {
		return err
	}
	var failed []error
	for _, alg := range []Alg{RS256, PS256, ES256, EdDSA, Secret} {
		if last := s.newest(alg); last == nil || !due(last) {
			continue
		}
		if _, err := r.rotate(ctx, name, alg, announce.Std(), due); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
