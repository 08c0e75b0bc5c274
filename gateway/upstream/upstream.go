// Package upstream decides which server a call goes to. It owns the targets of every API, what is known of their health,
// how calls are spread over them, and whether a call that failed may be sent again. It forwards nothing itself.
//
//	Manager ── Group, one per API ── pool, one per diversion (or one for all) ── Target
//	   └────── check, one goroutine per server that is asked for its health, shared by the APIs that ask the same
//
// A target gets calls while three things hold: its weight is not -1; the server has passed its active check (if there is
// one); and it has not been ejected for failing real calls. A call for which no target is left is refused with
// NoHealthyTarget, with one exception: as long as an API does not say that all of its targets may be ejected (eject.most:
// 100), ejection alone never leaves a call without a server; then the one that would be back first is tried.
//
// For the caller of this package, a call is
//
//	Group.Pick ─▶ Group.Begin ─▶ (the exchange) ─▶ Group.End ─▶ Group.MayRetry ─▶ Group.Pick, with what was tried …
//
// None of these but MayRetry takes a lock, unless the targets are served in turn; none allocates, except for a refusal.
//
// What may be tried again follows RFC 9110 section 9.2.2: what is not idempotent is repeated only if it never left.
package upstream

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"reflect"
	"sync"
	"time"

	"sallyport/api"
)

// Config is what a Manager works with.
type Config struct {
	Log *slog.Logger     // required
	Now func() time.Time // nil: time.Now

	// Dial makes the connections of health requests. It should be the one by which calls go out, so that an address that
	// is refused to calls is refused here too. nil: an ordinary dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is for health requests to https targets; nil: the system's authorities.
	TLS *tls.Config
	// Rand returns 64 random bits; several goroutines call it. nil: math/rand/v2.
	Rand func() uint64
}

// A Manager keeps the targets of all APIs and asks for their health. Close ends it.
type Manager struct {
	log  *slog.Logger
	now  func() time.Time
	rand func() uint64

	plain *http.Client // asks for health by HTTP/1.1, or what TLS agrees on
	clear *http.Client // by HTTP/2 without TLS

	ctx     context.Context // of all health requests
	stop    context.CancelFunc
	running sync.WaitGroup // goroutines of checks

	mu     sync.Mutex
	owners map[ownerKey]*owner
	checks map[checkKey]*check
}

type ownerKey struct{ realm, api string }

// An owner is an API over time. It has more than one group while calls that began before a change are under way.
type owner struct {
	groups []*Group // the last is the current one; under Manager.mu

	mu sync.Mutex // taken to eject, so that the share of what is out is right; held after Manager.mu if both are
}

// New returns a Manager without targets.
func New(c Config) *Manager {
	m := &Manager{log: c.Log, now: c.Now, rand: c.Rand, owners: map[ownerKey]*owner{}, checks: map[checkKey]*check{}}
	if m.now == nil {
		m.now = time.Now
	}
	if m.rand == nil {
		m.rand = rand.Uint64
	}
	m.plain, m.clear = healthClients(c)
	m.ctx, m.stop = context.WithCancel(context.Background())
	return m
}

// Close ends all health requests and waits for their goroutines. Groups go on choosing by what was known last.
func (m *Manager) Close() {
	m.mu.Lock() // nobody may add to running any more when Wait begins
	m.stop()
	m.mu.Unlock()
	m.running.Wait()
	m.plain.CloseIdleConnections()
	m.clear.CloseIdleConnections()
}

// spec is the part of an API that a group is made from. A group's spec is never modified.
type spec struct {
	upstream  string
	targets   []api.Target
	upstreams api.Upstreams
}

// Group returns the targets of an API. As long as what the API says of them stays the same, so does the group. After a
// change, targets that stay keep what is known of them: calls under way, failures, ejection, health.
//
// The error names the field, what is wrong and the fix.
func (m *Manager) Group(a *api.API) (*Group, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := ownerKey{a.Realm, a.Name}
	o := m.owners[key]
	if o == nil {
		o = &owner{}
	}
	s := spec{a.Upstream, a.Targets, a.Upstreams}
	for i, g := range o.groups {
		if reflect.DeepEqual(&g.spec, &s) {
			o.groups = append(append(o.groups[:i:i], o.groups[i+1:]...), g)
			return g, nil
		}
	}
	g, err := m.newGroup(o, s)
	if err != nil {
		return nil, err
	}
	o.groups = append(o.groups, g)
	m.owners[key] = o
	return g, nil
}

// Sweep releases all groups but those given, and ends the health requests that nobody needs any more. A group that was
// released can still serve the calls that have it.
func (m *Manager) Sweep(keep []*Group) {
	kept := make(map[*Group]struct{}, len(keep))
	for _, g := range keep {
		kept[g] = struct{}{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, o := range m.owners {
		var left []*Group
		for _, g := range o.groups {
			if _, ok := kept[g]; ok {
				left = append(left, g)
			} else {
				m.release(g)
			}
		}
		if o.groups = left; len(left) == 0 {
			delete(m.owners, key)
		}
	}
}

// Each calls f with every target of every API, for metrics. f must not call the Manager.
func (m *Manager) Each(f func(realm, api string, s State)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, o := range m.owners {
		if len(o.groups) == 0 {
			continue
		}
		for s := range o.groups[len(o.groups)-1].states {
			f(key.realm, key.api, s)
		}
	}
}
