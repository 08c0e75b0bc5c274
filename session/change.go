package session

import (
	"context"
	"slices"
	"time"

	"sallyport/realm"
)

// Choose notes that the user has chosen this account among those in the browser.
func (m *Manager) Choose(ctx context.Context, s *Session) (*Session, error) {
	now := m.now().UTC().Truncate(time.Microsecond)
	return m.change(ctx, s, func(s *Session) bool { s.Chosen = now; return true })
}

// Join notes that a client gets a token in the session, so that it is told when the session ends. It fails if the session has
// ended: then nothing must be issued.
func (m *Manager) Join(ctx context.Context, s *Session, client string) error {
	if slices.Contains(s.Clients, client) {
		return nil
	}
	_, err := m.change(ctx, s, func(s *Session) bool {
		if slices.Contains(s.Clients, client) {
			return false
		}
		s.Clients = append(slices.Clip(s.Clients), client)
		return true
	})
	return err
}

// change carries out a change on a copy of s until nobody else has written in between.
func (m *Manager) change(ctx context.Context, s *Session, edit func(*Session) bool) (*Session, error) {
	p := place{s.Realm, s.Hash}
	before := s
	for range maxTries {
		after := *before
		if !edit(&after) {
			return before, nil
		}
		done, err := m.store.UpdateSession(ctx, before, &after)
		m.held.Drop(p)
		if err != nil {
			return nil, err
		}
		if done {
			return &after, nil
		}
		if before, err = m.store.Session(ctx, p.realm, p.hash); err != nil {
			return nil, err
		}
		if before == nil {
			return nil, gone()
		}
	}
	return nil, gone()
}

// List returns a user's sessions, newest first. Some may be over by the realm's limits: see Over.
func (m *Manager) List(ctx context.Context, realm, user string) ([]*Session, error) {
	return m.store.Sessions(ctx, realm, user, m.now())
}

// End ends a session by its public name, and with it every token that is bound to it. It returns the session, nil if there
// was none.
func (m *Manager) End(ctx context.Context, r *realm.Realm, id string) (*Session, error) {
	rev, err := m.revoke.SessionRevocation(ctx, r, id)
	if err != nil {
		return nil, err
	}
	s, err := m.store.EndSession(ctx, r.Name, id, rev)
	if s != nil {
		m.held.Drop(place{r.Name, s.Hash})
	}
	return s, err
}

// EndAll ends every session of a user but the one with the public name except (empty: all), and returns those it ended.
func (m *Manager) EndAll(ctx context.Context, r *realm.Realm, user, except string) ([]*Session, error) {
	list, err := m.store.Sessions(ctx, r.Name, user, m.now())
	if err != nil {
		return nil, err
	}
	var ended []*Session
	for _, s := range list {
		if s.ID == except {
			continue
		}
		e, err := m.End(ctx, r, s.ID)
		if err != nil {
			return ended, err
		}
		if e != nil {
			ended = append(ended, e)
		}
	}
	return ended, nil
}
