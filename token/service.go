package token

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/user"
)

// Clients finds clients; *client.Directory does.
type Clients interface {
	Get(ctx context.Context, realm, id string) (*client.Client, error)
}

// Users finds users; *user.Directory does.
type Users interface {
	Get(ctx context.Context, realm, name string) (*user.User, error)
}

// Config is what a Service works with.
type Config struct {
	Store   Store
	Keys    *key.Ring
	Clients Clients
	// Users is asked about a token that was issued while its user was being switched off. Nil: nobody is asked.
	Users Users
	// Claims says what clients are told about users. Nil: the user's name, and nothing else.
	Claims Claims
	Hub    *feed.Hub
	// Longest returns the longest life an access token of the realm can have; revocations of a whole user or client are
	// kept that long. Nil: realm.MaxDuration. See the function Longest.
	Longest   func(ctx context.Context, r *realm.Realm) (time.Duration, error)
	CacheSize int              // verified tokens to remember; 0: 65536
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: slog.Default()
}

// A Service makes tokens and says whether one is good.
type Service struct {
	store   Store
	keys    *key.Ring
	clients Clients
	users   Users
	claims  Claims
	longest func(ctx context.Context, r *realm.Realm) (time.Duration, error)
	now     func() time.Time
	log     *slog.Logger

	revoked *revocationSet
	cache   *tokenCache
	secrets sync.Map      // id of a key.SecretKey to *derived; as many as the realms have secrets
	reload  chan struct{} // news may have been lost; buffered: one request stands for many

	settings atomic.Uint64 // moves when a realm or client may have changed
	lives    sync.Map      // realm to longestLife
}

// A longestLife is what the function longest said under the settings of that number.
type longestLife struct {
	settings uint64
	life     time.Duration
}

// New returns a Service. Start must be called before it verifies.
func New(c Config) (*Service, error) {
	if c.Store == nil || c.Keys == nil || c.Clients == nil || c.Hub == nil {
		return nil, errors.New("token: Store, Keys, Clients and Hub are all needed")
	}
	s := &Service{store: c.Store, keys: c.Keys, clients: c.Clients, users: c.Users, claims: c.Claims, longest: c.Longest, now: c.Now, log: c.Log}
	if s.longest == nil {
		s.longest = func(context.Context, *realm.Realm) (time.Duration, error) { return realm.MaxDuration.Std(), nil }
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if c.CacheSize == 0 {
		c.CacheSize = 65536
	}
	s.revoked, s.cache = newRevocationSet(s.now), newTokenCache(c.CacheSize)
	s.reload = make(chan struct{}, 1)
	c.Hub.Subscribe(s.changed)
	return s, nil
}

func (s *Service) changed(c feed.Change) {
	switch c.Kind {
	case feed.Revocation:
		s.revoked.add(Revocation{
			Realm: c.Realm, Kind: RevocationKind(c.Sub), Key: c.ID, Bound: c.Bound, Until: time.UnixMicro(c.Until),
		})
	case feed.Key:
		s.cache.clear()
	case feed.Client, feed.Realm:
		s.settings.Add(1)
	case feed.All:
		s.settings.Add(1)
		s.cache.clear()
		select {
		case s.reload <- struct{}{}:
		default:
		}
	}
}

// longestOf is longest, remembered until a realm or client changes: sessions end often, and it reads every client.
func (s *Service) longestOf(ctx context.Context, r *realm.Realm) (time.Duration, error) {
	settings := s.settings.Load()
	if known, ok := s.lives.Load(r.Name); ok && known.(longestLife).settings == settings {
		return known.(longestLife).life, nil
	}
	life, err := s.longest(ctx, r)
	if err == nil {
		s.lives.Store(r.Name, longestLife{settings, life})
	}
	return life, err
}

// Start loads the revocations, and reads them again whenever news may have been lost, until ctx is done. It returns once
// they are loaded; until then a revoked token may pass.
func (s *Service) Start(ctx context.Context) error {
	if err := s.load(ctx); err != nil {
		return fmt.Errorf("loading the revocations: %w", err)
	}
	go s.follow(ctx)
	return nil
}

func (s *Service) load(ctx context.Context) error {
	rs, err := s.store.Revocations(ctx, s.now())
	if err != nil {
		return err
	}
	s.revoked.add(rs...)
	return nil
}

// follow ends with ctx.
func (s *Service) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.reload:
		}
		for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
			err := s.load(ctx)
			if err == nil || ctx.Err() != nil {
				break
			}
			s.log.WarnContext(ctx, "the revocations cannot be read again; trying further", "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
	}
}
