package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"sync/atomic"
	"time"

	"sallyport/feed"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/ticket"
	"sallyport/token"
	"sallyport/user"
)

// Users finds users; *user.Directory does.
type Users interface {
	Get(ctx context.Context, realm, name string) (*user.User, error)
}

// Revoker makes the revocation of what is bound to a session; *token.Service does.
type Revoker interface {
	SessionRevocation(ctx context.Context, r *realm.Realm, sid string) (token.Revocation, error)
}

// Config is what a Manager works with.
type Config struct {
	Store  Store
	Hub    *feed.Hub
	Users  Users
	Revoke Revoker
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: slog.Default
}

// A Manager begins, finds and ends sessions. Those in use are in memory: whoever comes with one costs no look into the store.
type Manager struct {
	store  Store
	users  Users
	revoke Revoker
	now    func() time.Time
	log    *slog.Logger
	held   *feed.Cache[place, *holding]
}

// A place is where a session is kept. A secret of one realm finds nothing in another.
type place struct {
	realm string
	hash  [32]byte
}

// A holding is a session in memory; its session is nil if the store has none there.
type holding struct {
	session *Session
	seen    atomic.Int64 // µs since 1970: the last use that the store was told of
}

// cacheSize is how many sessions are kept in memory, unknown ones included.
const cacheSize = 100_000

// touches is how many times within its idle limit a session in use is noted in the store.
const touches = 20

// maxTries bounds how often a change is tried again because somebody else wrote in between.
const maxTries = 20

// NewManager returns a manager that the hub keeps current.
func NewManager(c Config) *Manager {
	m := &Manager{store: c.Store, users: c.Users, revoke: c.Revoke, now: c.Now, log: c.Log}
	if m.now == nil {
		m.now = time.Now
	}
	if m.log == nil {
		m.log = slog.Default()
	}
	m.held = feed.NewCache(cacheSize, m.load)
	c.Hub.Subscribe(m.hear)
	return m
}

func (m *Manager) load(ctx context.Context, p place) (*holding, error) {
	s, err := m.store.Session(ctx, p.realm, p.hash)
	if err != nil {
		return nil, err
	}
	h := &holding{session: s}
	if s != nil {
		h.seen.Store(s.SeenAt.UnixMicro())
	}
	return h, nil
}

func (m *Manager) hear(c feed.Change) {
	switch c.Kind {
	case feed.Session:
		if hash, err := base64.RawURLEncoding.DecodeString(c.ID); err == nil && len(hash) == sha256.Size {
			m.held.Drop(place{c.Realm, [32]byte(hash)})
			return
		}
		m.held.DropAll()
	case feed.Realm, feed.All: // a realm that is deleted takes what is in it along
		m.held.DropAll()
	}
}

// Hash is what a session is kept under. With so much entropy in the secret a slow hash would add nothing.
func Hash(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }

// random makes a secret or a name of n random bytes, in unpadded base64url.
func random(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails: see crypto/rand
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Find returns the session that a browser's secret opens in the realm, nil if there is none that is good: it may have ended,
// not have been used for too long, or its user may be gone or switched off.
func (m *Manager) Find(ctx context.Context, r *realm.Realm, secret string) (*Session, error) {
	if len(secret) != ticket.SecretLength { // nothing is stored under it; do not remember what a stranger made up
		return nil, nil
	}
	p := place{r.Name, Hash(secret)}
	h, err := m.held.Get(ctx, p)
	if err != nil || h.session == nil {
		return nil, err
	}
	now := m.now()
	if now.Sub(time.UnixMicro(h.seen.Load())) >= idle(r) {
		// What is in memory here may not know that the session is in use elsewhere: the store does.
		m.held.Drop(p)
		if h, err = m.held.Get(ctx, p); err != nil || h.session == nil {
			return nil, err
		}
	}
	seen := h.seen.Load()
	if over(h.session, time.UnixMicro(seen), r, now) {
		return nil, nil
	}
	u, err := m.users.Get(ctx, r.Name, h.session.User)
	if err != nil || u == nil || u.Status != user.On {
		return nil, err
	}
	if now.Sub(time.UnixMicro(seen)) >= idle(r)/touches && h.seen.CompareAndSwap(seen, now.UnixMicro()) {
		m.touch(ctx, p, now)
	}
	return h.session, nil
}

// touch notes in the store that a session is in use. That it cannot be noted now is no reason to turn the user away.
func (m *Manager) touch(ctx context.Context, p place, now time.Time) {
	if err := m.store.TouchSession(ctx, p.realm, p.hash, now); err != nil {
		m.log.WarnContext(ctx, "the use of a session could not be noted", "realm", p.realm, "err", err)
	}
}

func idle(r *realm.Realm) time.Duration {
	if r.SignIn.Idle > 0 {
		return r.SignIn.Idle.Std()
	}
	return realm.DefaultIdle.Std()
}

func longest(r *realm.Realm) time.Duration {
	if r.SignIn.Max > 0 {
		return r.SignIn.Max.Std()
	}
	return realm.DefaultSession.Std()
}

// over reports whether a session that was last seen at a moment is over by what is stored and by the realm's present limits,
// which may have become shorter.
func over(s *Session, seen time.Time, r *realm.Realm, now time.Time) bool {
	return !now.Before(s.ExpiresAt) || !now.Before(s.AuthTime.Add(longest(r))) || now.Sub(seen) >= idle(r)
}

// Over reports whether a session read from a list is over at the moment now by the realm's limits.
func (s *Session) Over(r *realm.Realm, now time.Time) bool { return over(s, s.SeenAt, r, now) }

// gone is what a change of a session that has ended meanwhile comes to.
func gone() error { return oauth.Fail(oauth.SessionGone, "") }
