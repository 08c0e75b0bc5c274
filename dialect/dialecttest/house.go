// Package dialecttest puts a whole token service together below a front door, for the tests of that door: the real engine,
// tokens and keys over a store that the test opens, and a clock that only the test moves.
package dialecttest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/audit"
	"sallyport/authorize"
	"sallyport/claims"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect"
	"sallyport/feed"
	"sallyport/grant"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/throttle"
	"sallyport/ticket"
	"sallyport/token"
	"sallyport/user"
)

// Stores is everything a server keeps.
type Stores interface {
	deployment.Store
	key.Store
	token.Store
	audit.Store
}

// A Setup is what a House is built from.
type Setup struct {
	Open   func(t testing.TB, hub *feed.Hub, now func() time.Time) Stores
	Start  deployment.ChangeSet          // what is stored at first
	Grants func(h *House) []grant.Grant  // what it serves; Fault is always among them
	Tokens func(token.Store) token.Store // a store to put between; nil: none
}

// A House is one server.
type House struct {
	T        testing.TB
	Clock    *Clock
	Stores   Stores
	Hasher   *user.Hasher
	Throttle *throttle.Throttle
	Realms   *realm.Directory
	Clients  *client.Directory
	Users    *user.Directory
	Claims   *claims.Mapper
	Flows    *authorize.Flows // nil: the store keeps no tickets
	Codes    *authorize.Codes // likewise
	Keys     *key.Ring
	Tokens   *token.Service
	Engine   *grant.Engine
	Log      *strings.Builder // what was logged

	log *slog.Logger
}

// PublicURL is the address every House is configured with.
const PublicURL = "https://auth.example.org"

// New builds a House.
func New(t testing.TB, s Setup) *House {
	t.Helper()
	ctx := t.Context()
	h := &House{T: t, Clock: &Clock{now: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)}, Log: new(strings.Builder)}
	hub, log := new(feed.Hub), slog.New(slog.NewTextHandler(&guarded{w: h.Log}, nil))
	h.log = log
	h.Stores = s.Open(t, hub, h.Clock.Now)
	h.must(h.Stores.Commit(ctx, s.Start))
	var err error
	h.Realms, err = realm.NewDirectory(ctx, h.Stores, hub, func() string { return PublicURL })
	h.must(err)
	h.Clients, h.Users = client.NewDirectory(h.Stores, hub), user.NewDirectory(h.Stores, hub)
	h.Hasher, h.Throttle = user.NewHasher(2), throttle.New(throttle.Config{Now: h.Clock.Now})
	h.Keys = key.NewRing(key.Config{Store: h.Stores, Master: key.Master{1}, Hub: hub, Now: h.Clock.Now, Log: log})
	h.Claims = claims.New(claims.Config{Key: key.Master{1}.Derive, Now: h.Clock.Now, Log: log})
	if book, ok := h.Stores.(ticket.Book); ok {
		h.Flows, h.Codes = authorize.NewFlows(book, h.Clock.Now), authorize.NewCodes(book, h.Clock.Now)
	}
	var tokens token.Store = h.Stores
	if s.Tokens != nil {
		tokens = s.Tokens(tokens)
	}
	h.Tokens, err = token.New(token.Config{
		Store: tokens, Keys: h.Keys, Clients: h.Clients, Claims: h.Claims, Hub: hub, Now: h.Clock.Now, Log: log,
	})
	h.must(err)
	h.must(h.Tokens.Start(ctx))
	h.Engine = grant.New(grant.Config{
		Realms: h.Realms, Clients: h.Clients, Secrets: client.NewVerifier(h.Stores, h.Hasher, h.Clock.Now), Tokens: h.Tokens,
		Grants: append(s.Grants(h), Fault{}), Throttle: h.Throttle, Audit: audit.NewLog(h.Stores, log), Now: h.Clock.Now,
	})
	return h
}

func (h *House) must(err error) {
	h.T.Helper()
	if err != nil {
		h.T.Fatal(err)
	}
}

// Deps returns what a dialect works with.
func (h *House) Deps() dialect.Deps {
	return dialect.Deps{
		Engine: h.Engine, Tokens: h.Tokens, Keys: h.Keys, Realms: h.Realms, Clients: h.Clients, Users: h.Users,
		Flows: h.Flows, Codes: h.Codes, Claims: h.Claims,
		Log: h.log, Now: h.Clock.Now,
	}
}

// Change stores what a test wants changed.
func (h *House) Change(c deployment.ChangeSet) {
	h.T.Helper()
	h.must(h.Stores.Commit(h.T.Context(), c))
}

// Fault is a grant that fails for the reason that the parameter "reason" names.
type Fault struct{}

// Type implements grant.Grant.
func (Fault) Type() string { return "fault" }

// Prove implements grant.Grant.
func (Fault) Prove(_ context.Context, a *grant.Attempt) (grant.Proof, error) {
	e := oauth.Fail(oauth.Reason(a.Params.Get("reason")), a.Params.Get("subject"))
	if a.Params.Has("retry") {
		e.RetryAfter = 1500 * time.Millisecond
	}
	return grant.Proof{}, e
}

// Secret stores a client secret as a generated one is stored.
func Secret(plain string) []client.Secret {
	return []client.Secret{{ID: "1", Hash: user.Digest(plain)}}
}

// Password stores a user's password as a generated one is stored, so that no test waits for a slow hash.
func Password(plain string) string { return user.Digest(plain) }

// A Clock stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// guarded lets several goroutines write to a builder.
type guarded struct {
	mu sync.Mutex
	w  *strings.Builder
}

// Write implements io.Writer.
func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.w.Write(p)
}

// A Flaky token store is away when a test says so.
type Flaky struct {
	token.Store
	Away atomic.Bool
}

// CreateGrant implements token.Store.
func (f *Flaky) CreateGrant(ctx context.Context, fam *token.Family, r *token.Reference) error {
	if f.Away.Load() {
		return oauth.Because(oauth.Unavailable, errors.New("the disk is full"))
	}
	return f.Store.CreateGrant(ctx, fam, r)
}

// Revoke implements token.Store.
func (f *Flaky) Revoke(ctx context.Context, hash [32]byte, bucket int64, rs ...token.Revocation) error {
	if f.Away.Load() {
		return oauth.Because(oauth.Unavailable, errors.New("the disk is full"))
	}
	return f.Store.Revoke(ctx, hash, bucket, rs...)
}
