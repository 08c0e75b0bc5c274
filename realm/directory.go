package realm

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/feed"
	"sallyport/scope"
)

const (
	reloadTimeout = 5 * time.Second // of one attempt to read the realms anew
	reloadPause   = time.Second     // between two attempts when the store is away
)

// A Directory holds every realm and scope in one immutable snapshot. News from the change feed makes the snapshot stale,
// and the next reader replaces it, so a change is visible as soon as it was told. While the store is away the last
// snapshot stays in use.
type Directory struct {
	store     Store
	publicURL func() string

	current atomic.Pointer[snapshot]
	heard   atomic.Uint64 // how often news made a snapshot stale

	mu      sync.Mutex // held while a snapshot is replaced; guards retryAt
	retryAt time.Time  // no further attempt before, after one that failed
}

// A snapshot is everything at one moment. It is never modified.
type snapshot struct {
	heard  uint64 // value of Directory.heard before it was read
	url    string // public URL that its issuers were made from
	stored []*Realm
	scopes map[string]map[string]scope.Scope

	all    []*Realm // with Issuer set, in the order of names
	byName map[string]*Realm
	byHost map[string]*Realm
}

// NewDirectory reads all realms and keeps them current by hub. The issuer of a realm that has none of its own is made from
// publicURL, never from a request (RFC 8414 section 2).
func NewDirectory(ctx context.Context, store Store, hub *feed.Hub, publicURL func() string) (*Directory, error) {
	d := &Directory{store: store, publicURL: publicURL}
	hub.Subscribe(func(c feed.Change) {
		switch c.Kind {
		case feed.Realm, feed.Scope, feed.All:
			d.heard.Add(1)
		}
	})
	s, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	d.current.Store(s)
	return d, nil
}

// ByName returns a realm, nil if there is none of that name.
func (d *Directory) ByName(name string) *Realm { return d.snapshot().byName[name] }

// ByHost returns the realm that answers on a host name, nil if none does. A port is ignored and so is case. If two realms
// claim a host, the first by name has it.
func (d *Directory) ByHost(host string) *Realm {
	s := d.snapshot()
	if len(s.byHost) == 0 {
		return nil
	}
	if r, ok := s.byHost[host]; ok {
		return r
	}
	return s.byHost[hostKey(host)]
}

// All returns every realm in the order of names. The slice must not be modified.
func (d *Directory) All() []*Realm { return d.snapshot().all }

// Scope returns a scope that a realm declares.
func (d *Directory) Scope(realm, name string) (scope.Scope, bool) {
	sc, ok := d.snapshot().scopes[realm][name]
	return sc, ok
}

// Scopes returns the names of the scopes that a realm declares, in order.
func (d *Directory) Scopes(realm string) []string {
	return slices.Sorted(maps.Keys(d.snapshot().scopes[realm]))
}

func (d *Directory) snapshot() *snapshot {
	s := d.current.Load()
	if s.heard == d.heard.Load() && s.url == d.publicURL() {
		return s
	}
	return d.renew()
}

// renew replaces a stale snapshot, or keeps it if the store is away.
func (d *Directory) renew() *snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.current.Load()
	if url := d.publicURL(); s.url != url {
		s = newSnapshot(s.heard, url, s.stored, s.scopes)
		d.current.Store(s)
	}
	if s.heard == d.heard.Load() || time.Now().Before(d.retryAt) {
		return s
	}
	ctx, cancel := context.WithTimeout(context.Background(), reloadTimeout)
	defer cancel()
	fresh, err := d.read(ctx)
	if err != nil {
		d.retryAt = time.Now().Add(reloadPause)
		return s
	}
	d.retryAt = time.Time{}
	d.current.Store(fresh)
	return fresh
}

func (d *Directory) read(ctx context.Context) (*snapshot, error) {
	heard := d.heard.Load() // before reading: news in between makes the result stale, as it should
	realms, err := d.store.Realms(ctx)
	if err != nil {
		return nil, err
	}
	scopes, err := d.store.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	byName := make(map[string]map[string]scope.Scope, len(scopes))
	for realm, list := range scopes {
		m := make(map[string]scope.Scope, len(list))
		for _, sc := range list {
			m[sc.Name] = sc
		}
		byName[realm] = m
	}
	return newSnapshot(heard, d.publicURL(), realms, byName), nil
}

func newSnapshot(heard uint64, url string, stored []*Realm, scopes map[string]map[string]scope.Scope) *snapshot {
	s := &snapshot{heard: heard, url: url, stored: stored, scopes: scopes, byName: map[string]*Realm{}, byHost: map[string]*Realm{}}
	for _, r := range stored {
		own := *r
		if own.Issuer == "" {
			own.Issuer = issuer(url, own.Name)
		}
		s.all = append(s.all, &own)
		s.byName[own.Name] = &own
	}
	slices.SortFunc(s.all, func(a, b *Realm) int { return strings.Compare(a.Name, b.Name) })
	for _, r := range s.all {
		for _, h := range r.Hosts {
			if key := hostKey(h); s.byHost[key] == nil {
				s.byHost[key] = r
			}
		}
	}
	return s
}

func issuer(url, realm string) string {
	url = strings.TrimSuffix(url, "/")
	if realm == Default {
		return url
	}
	return url + "/realms/" + realm
}

// hostKey is a host name without port and final dot, in lower case.
func hostKey(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
