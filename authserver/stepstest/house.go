// Package stepstest helps to test the pages of a sign-in and the account page: a house with everything behind them, a browser
// that fills in forms, an authenticator in software, and a letter box. A test gives it the store and the authorization endpoint.
package stepstest

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/audit"
	"sallyport/authorize"
	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/claims"
	"sallyport/client"
	"sallyport/consent"
	"sallyport/deployment"
	"sallyport/factor"
	"sallyport/factor/passkey"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/logout"
	"sallyport/mail"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/throttle"
	"sallyport/ticket"
	"sallyport/token"
	"sallyport/user"
	"sallyport/web"
)

// A Store is all that a house keeps; *store.Store is one.
type Store interface {
	deployment.Store
	key.Store
	token.Store
	session.Store
	consent.Store
	factor.Store
	user.Editor
	ticket.Book
}

// A Setup is what a House is built from.
type Setup struct {
	Open      func(t testing.TB, hub *feed.Hub, now func() time.Time) Store
	Authorize func(h *House) web.Routes // the authorization endpoint
	Pages     func(c steps.Config) []web.Routes
	Start     deployment.ChangeSet // what is stored at first
}

// A House is a server's pages and what is behind them.
type House struct {
	T        testing.TB
	Clock    *Clock
	Store    Store
	Hub      *feed.Hub
	Realms   *realm.Directory
	Clients  *client.Directory
	Users    *user.Directory
	Hasher   *user.Hasher
	Keys     *key.Ring
	Tokens   *token.Service
	Claims   *claims.Mapper
	Sessions *session.Manager
	Consents *consent.Book
	Factors  *factor.Service
	Flows    *authorize.Flows
	Codes    *authorize.Codes
	Pages    *pages.Set
	Mail     *Mailbox
	Audit    *Events
	Routes   web.Routes
	Log      *slog.Logger
}

// URL is the address of every House.
const URL = "https://auth.example.org"

// New builds a House.
func New(t testing.TB, s Setup) *House {
	t.Helper()
	ctx := t.Context()
	h := &House{
		T: t, Clock: &Clock{now: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)}, Hub: new(feed.Hub), Mail: new(Mailbox), Audit: new(Events),
		Log: slog.New(slog.DiscardHandler), Routes: web.Routes{},
	}
	now := h.Clock.Now
	h.Store = s.Open(t, h.Hub, now)
	h.Change(s.Start)
	var err error
	h.Realms, err = realm.NewDirectory(ctx, h.Store, h.Hub, func() string { return URL })
	h.must(err)
	h.Clients, h.Users = client.NewDirectory(h.Store, h.Hub), user.NewDirectory(h.Store, h.Hub)
	master := key.Master{1}
	h.Hasher = user.NewHasher(2)
	h.Keys = key.NewRing(key.Config{Store: h.Store, Master: master, Hub: h.Hub, Now: now, Log: h.Log})
	h.Claims = claims.New(claims.Config{Key: master.Derive, Now: now, Log: h.Log})
	h.Tokens, err = token.New(token.Config{Store: h.Store, Keys: h.Keys, Clients: h.Clients, Claims: h.Claims, Hub: h.Hub, Now: now, Log: h.Log})
	h.must(err)
	h.must(h.Tokens.Start(ctx))
	h.Sessions = session.NewManager(session.Config{Store: h.Store, Hub: h.Hub, Users: h.Users, Revoke: h.Tokens, Now: now, Log: h.Log})
	h.Consents = consent.NewBook(consent.Config{Store: h.Store, Hub: h.Hub, Revoke: h.Tokens, Now: now})
	h.Factors = factor.New(factor.Config{Store: h.Store, Hub: h.Hub, Master: master, Ceremonies: passkey.Ceremonies{}, Now: now})
	h.Flows, h.Codes = authorize.NewFlows(h.Store, now), authorize.NewCodes(h.Store, now)
	h.Pages, err = pages.New()
	h.must(err)
	c := steps.Config{
		Flows: h.Flows, Sessions: h.Sessions, Consents: h.Consents, Factors: h.Factors, Users: h.Users, Editor: h.Store,
		Logout: logout.New(logout.Config{Sessions: h.Sessions, Clients: h.Clients, Tokens: h.Tokens, Claims: h.Claims, Log: h.Log}),
		Auth:   user.NewAuthenticator(h.Users, h.Store, h.Hasher, now), Hasher: h.Hasher, Throttle: throttle.New(throttle.Config{Now: now}),
		Tickets: h.Store, Clients: h.Clients, Realms: h.Realms, Tokens: h.Tokens, Pages: h.Pages, Mail: h.Mail, Audit: h.Audit, Log: h.Log, Now: now,
	}
	for _, routes := range append(s.Pages(c), s.Authorize(h)) {
		for path, handler := range routes {
			h.Routes[path] = handler
		}
	}
	return h
}

func (h *House) must(err error) {
	h.T.Helper()
	if err != nil {
		h.T.Fatal(err)
	}
}

// Change stores what a test wants changed.
func (h *House) Change(c deployment.ChangeSet) {
	h.T.Helper()
	h.must(h.Store.Commit(h.T.Context(), c))
}

// User returns a user as stored.
func (h *House) User(name string) *user.User {
	h.T.Helper()
	u, err := h.Store.User(h.T.Context(), realm.Default, name)
	h.must(err)
	return u
}

// Has returns a user's factors.
func (h *House) Has(name string) factor.Summary {
	h.T.Helper()
	s, err := h.Factors.Summary(h.T.Context(), realm.Default, name)
	h.must(err)
	return s
}

// Redeem returns what a code was given for.
func (h *House) Redeem(code string) *authorize.Grant {
	h.T.Helper()
	g, spent, err := h.Codes.Look(h.T.Context(), realm.Default, code)
	if err != nil || spent {
		h.T.Fatalf("code %q: spent %v, %v", code, spent, err)
	}
	return g
}

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

// A Mailbox takes every mail.
type Mailbox struct {
	mu    sync.Mutex
	mails []mail.Message
	Fail  error // what Send returns
}

// Send implements mail.Sender.
func (m *Mailbox) Send(_ context.Context, msg mail.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, msg)
	return m.Fail
}

// All returns the mails so far.
func (m *Mailbox) All() []mail.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.mails)
}

// Link is the address in a mail.
func Link(m mail.Message) string {
	for line := range strings.Lines(m.Text) {
		if strings.HasPrefix(line, "http") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// Events takes every event.
type Events struct {
	mu   sync.Mutex
	list []audit.Event
}

// Record implements audit.Recorder.
func (e *Events) Record(_ context.Context, ev audit.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
}

// Count returns how many events there were of a kind, for a reason (empty: any).
func (e *Events) Count(kind audit.Kind, reason oauth.Reason) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, ev := range e.list {
		if ev.Kind == kind && (reason == "" || ev.Reason == reason) {
			n++
		}
	}
	return n
}
