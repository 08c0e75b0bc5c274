package token_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
	"sallyport/user"
)

// memStore is token.Store and key.Store in memory, shared by the nodes of a test.
type memStore struct {
	mu          sync.Mutex
	keys        []key.Record
	families    map[token.ID]*memFamily
	references  map[[32]byte]*token.Reference
	revocations []token.Revocation
	hubs        []*feed.Hub
	down        error
	calls       atomic.Int64 // every call of a token.Store method
}

type memFamily struct {
	token.Family
	uses int
}

func newMemStore() *memStore {
	return &memStore{families: map[token.ID]*memFamily{}, references: map[[32]byte]*token.Reference{}}
}

func (s *memStore) lock() error {
	s.calls.Add(1)
	s.mu.Lock()
	return s.down
}

func (s *memStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

// tell publishes; the caller does not hold s.mu.
func (s *memStore) tell(rs ...token.Revocation) {
	for _, h := range s.hubs {
		for _, r := range rs {
			if r.Key != "" {
				h.Publish(feed.Change{Kind: feed.Revocation, Realm: r.Realm, Sub: string(r.Kind), ID: r.Key, Bound: r.Bound, Until: r.Until.UnixMicro()})
			}
		}
	}
}

func (s *memStore) CreateGrant(_ context.Context, f *token.Family, r *token.Reference) error {
	err := s.lock()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	if f != nil {
		s.families[f.ID] = &memFamily{Family: *f}
	}
	if r != nil {
		s.references[r.Hash] = r
	}
	return nil
}

func (s *memStore) Family(_ context.Context, realm string, id token.ID, expires time.Time) (*token.Family, error) {
	err := s.lock()
	defer s.mu.Unlock()
	f := s.families[id]
	if err != nil || f == nil || f.Realm != realm || token.Bucket(f.ExpiresAt) != token.Bucket(expires) {
		return nil, err
	}
	out := f.Family
	return &out, nil
}

func (s *memStore) AdvanceFamily(_ context.Context, a token.Advance) (token.Outcome, error) {
	outcome, rs, err := s.advance(a)
	s.tell(rs...)
	return outcome, err
}

func (s *memStore) advance(a token.Advance) (token.Outcome, []token.Revocation, error) {
	err := s.lock()
	defer s.mu.Unlock()
	f := s.families[a.Family]
	outcome := token.Advanced
	switch {
	case err != nil:
		return "", nil, err
	case f == nil || a.Rotate && a.Presented > f.Generation:
		return token.Gone, nil, nil
	case !a.Rotate || a.Presented == f.Generation:
		if a.MaxUses > 0 && f.uses >= a.MaxUses {
			return token.Exhausted, nil, nil
		}
		f.uses++
		f.Generation++
		f.RotatedAt = a.Now
	case a.Presented+1 == f.Generation && !a.Now.After(f.RotatedAt.Add(a.Grace)):
		outcome = token.Repeated
	default:
		delete(s.families, a.Family)
		s.revocations = append(s.revocations, a.OnReplay)
		return token.Replayed, []token.Revocation{a.OnReplay}, nil
	}
	if a.Reference != nil {
		s.references[a.Reference.Hash] = a.Reference
	}
	s.revocations = append(s.revocations, a.Revocations...)
	return outcome, a.Revocations, nil
}

func (s *memStore) EndFamily(_ context.Context, _ string, id token.ID, _ time.Time, r token.Revocation) (bool, error) {
	defer s.tell(r)
	err := s.lock()
	defer s.mu.Unlock()
	if err != nil {
		return false, err
	}
	_, found := s.families[id]
	delete(s.families, id)
	if r.Key != "" {
		s.revocations = append(s.revocations, r)
	}
	return found, nil
}

func (s *memStore) Reference(_ context.Context, hash [32]byte, bucket int64) (*token.Reference, error) {
	err := s.lock()
	defer s.mu.Unlock()
	r := s.references[hash]
	if err != nil || r == nil || token.Bucket(r.ExpiresAt) != bucket {
		return nil, err
	}
	return r, nil
}

func (s *memStore) Revoke(_ context.Context, hash [32]byte, _ int64, rs ...token.Revocation) error {
	defer s.tell(rs...)
	err := s.lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.references, hash)
		s.revocations = append(s.revocations, rs...)
	}
	return err
}

func (s *memStore) EndGrants(_ context.Context, realm, client, user string, rs ...token.Revocation) error {
	defer s.tell(rs...)
	err := s.lock()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	for id, f := range s.families {
		if f.Realm == realm && f.User == user && (client == "" || f.Client == client) {
			delete(s.families, id)
		}
	}
	for h, r := range s.references {
		if r.Realm == realm && r.User == user && (client == "" || r.Client == client) {
			delete(s.references, h)
		}
	}
	s.revocations = append(s.revocations, rs...)
	return nil
}

func (s *memStore) Revocations(_ context.Context, now time.Time) ([]token.Revocation, error) {
	err := s.lock()
	defer s.mu.Unlock()
	var out []token.Revocation
	for _, r := range s.revocations {
		if r.Until.After(now) {
			out = append(out, r)
		}
	}
	return out, err
}

func (s *memStore) References(_ context.Context, realm, user, client string, now time.Time) ([]*token.Reference, error) {
	err := s.lock()
	defer s.mu.Unlock()
	var out []*token.Reference
	for _, r := range s.references {
		if r.Realm == realm && r.User == user && (client == "" || r.Client == client) && now.Before(r.ExpiresAt) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *token.Reference) int { return b.IssuedAt.Compare(a.IssuedAt) })
	return out, err
}

func (s *memStore) Families(_ context.Context, realm, user, client string, now time.Time) ([]*token.Family, error) {
	err := s.lock()
	defer s.mu.Unlock()
	var out []*token.Family
	for _, f := range s.families {
		if f.Realm == realm && f.User == user && (client == "" || f.Client == client) && now.Before(f.ExpiresAt) {
			out = append(out, &f.Family)
		}
	}
	slices.SortFunc(out, func(a, b *token.Family) int { return b.StartedAt.Compare(a.StartedAt) })
	return out, err
}

func (s *memStore) DropExpired(context.Context, time.Time, int) (int, error) { return 0, nil }

func (s *memStore) Keys(_ context.Context, realm string) ([]key.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []key.Record
	for _, k := range s.keys {
		if k.Realm == realm {
			out = append(out, k)
		}
	}
	return out, s.down
}

func (s *memStore) AddKey(_ context.Context, k key.Record, retireAt time.Time) (bool, error) {
	s.mu.Lock()
	if s.down != nil {
		defer s.mu.Unlock()
		return false, s.down
	}
	for i := range s.keys {
		old := &s.keys[i]
		if old.Realm != k.Realm || old.Alg != k.Alg {
			continue
		}
		if old.Serial == k.Serial {
			s.mu.Unlock()
			return false, nil
		}
		if old.ExpiresAt.IsZero() {
			old.ExpiresAt = retireAt
		}
	}
	s.keys = append(s.keys, k)
	s.mu.Unlock()
	for _, h := range s.hubs {
		h.Publish(feed.Change{Kind: feed.Key, Realm: k.Realm, ID: k.ID})
	}
	return true, nil
}

func (s *memStore) DeleteExpiredKeys(context.Context, time.Time) error { return nil }

// clients are the clients of every realm, by realm and id.
type clients struct {
	mu   sync.Mutex
	byID map[string]*client.Client
}

func (c *clients) Get(_ context.Context, realm, id string) (*client.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byID[realm+" "+id], nil
}

func (c *clients) set(cl *client.Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[cl.Realm+" "+cl.ID] = cl
}

func (c *clients) remove(realm, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, realm+" "+id)
}

// house is one or more nodes on one store, with a clock that a test sets.
type house struct {
	t       testing.TB
	at      atomic.Int64
	store   *memStore
	clients *clients
	ring    *key.Ring
	*token.Service
	realm, other *realm.Realm
	client       *client.Client
	user         *user.User
}

func newHouse(t testing.TB) *house {
	h := &house{t: t, store: newMemStore(), clients: &clients{byID: map[string]*client.Client{}}}
	h.at.Store(time.Date(2026, 11, 22, 8, 30, 0, 123456789, time.UTC).UnixNano())
	h.realm = &realm.Realm{Name: "default", Issuer: "https://as.example"}
	h.other = &realm.Realm{Name: "other", Issuer: "https://as.example/realms/other"}
	h.client = &client.Client{Realm: "default", ID: "tspclient", Type: client.Confidential, Status: client.On, Scopes: scope.Set{"read", "write"}}
	h.user = &user.User{Realm: "default", Name: "tspuser", Status: user.On, Org: "100000", Roles: []string{"1000"}}
	h.clients.set(h.client)
	twin := *h.client
	twin.Realm = "other"
	h.clients.set(&twin)
	h.Service, h.ring = h.node(nil)
	return h
}

// node starts another node on the same store.
func (h *house) node(change func(*token.Config)) (*token.Service, *key.Ring) {
	h.t.Helper()
	hub := &feed.Hub{}
	h.store.hubs = append(h.store.hubs, hub)
	ring := key.NewRing(key.Config{Store: h.store, Master: key.Master{5}, Hub: hub, Now: h.now})
	cfg := token.Config{Store: h.store, Keys: ring, Clients: h.clients, Hub: hub, Now: h.now}
	if change != nil {
		change(&cfg)
	}
	s, err := token.New(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := s.Start(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	return s, ring
}

func (h *house) now() time.Time       { return time.Unix(0, h.at.Load()) }
func (h *house) pass(d time.Duration) { h.at.Add(int64(d)) }

// auth is an authorization of the house's user, with a refresh token, for tokens of a format.
func (h *house) auth(f realm.Format) token.Authorization {
	return token.Authorization{
		Realm: h.realm, Client: h.client, User: h.user, Grant: "password", Scope: scope.Set{"read", "write"},
		Access: realm.AccessToken{Format: f}, WithRefresh: true,
	}
}

func (h *house) issue(a token.Authorization) *token.Issued {
	h.t.Helper()
	out, err := h.Issue(h.t.Context(), a)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// again refreshes with raw, under the settings of a.
func (h *house) again(a token.Authorization, raw string) (*token.Issued, error) {
	p, err := h.Present(h.t.Context(), a.Realm, raw)
	if err != nil {
		return nil, err
	}
	a.Continues = p
	if len(a.Scope) == 0 {
		a.Scope = p.Family.Scope
	}
	return h.Issue(h.t.Context(), a)
}

func (h *house) mustAgain(a token.Authorization, raw string) *token.Issued {
	h.t.Helper()
	out, err := h.again(a, raw)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

var formats = []realm.Format{realm.JWT, realm.Opaque, realm.Reference}

func ptr[T any](v T) *T { return &v }

var (
	_ token.Store = (*memStore)(nil)
	_ key.Store   = (*memStore)(nil)
)
