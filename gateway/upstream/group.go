package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"sallyport/api"
)

// A Group is the targets of an API and the rules by which they are chosen. Its methods may be called by several
// goroutines.
type Group struct {
	m      *Manager
	owner  *owner
	spec   spec
	pools  []*pool // the first whose addresses match is the caller's
	only   *Target // set if there is nothing to choose
	key    Key
	eject  ejection
	retry  *retries // nil: calls are not tried again
	mirror *Target
}

// newGroup is called under Manager.mu.
func (m *Manager) newGroup(o *owner, s spec) (*Group, error) {
	g := &Group{m: m, owner: o, spec: s, eject: newEjection(s.upstreams.Eject)}
	if s.upstreams.Retry.Attempts > 0 {
		g.retry = newRetries(m.now, s.upstreams.Retry)
	}
	if err := g.balance(); err != nil {
		return nil, err
	}
	if err := g.addPools(); err != nil {
		return nil, err
	}
	if url := s.upstreams.Mirror.URL; url != "" {
		var err error
		if g.mirror, err = newTarget("mirror.url", api.Target{URL: url}); err != nil {
			return nil, err
		}
		g.mirror.copies, g.mirror.now = true, m.now
	}
	known := o.nodes()
	for _, p := range g.pools {
		for i, t := range p.targets {
			t.now = m.now
			if n := known[p.nodeKey(i)]; n != nil {
				t.node = n
			}
		}
	}
	if p := g.pools[0]; len(g.pools) == 1 && p.prefixes == nil && len(p.targets) == 1 {
		g.only = p.targets[0]
	}
	return g, m.watch(g) // last, so that no group is left half watched
}

func (g *Group) balance() error {
	switch by := g.spec.upstreams.Balance.By; by {
	case "", api.BalanceRandom, api.BalanceRoundRobin, api.BalanceLeast, api.BalanceTwo:
	case api.BalanceHash:
		var err error
		if g.key, err = ParseKey(g.spec.upstreams.Balance.Key); err != nil {
			return fmt.Errorf("balance.key: %w", err)
		}
	default:
		return fmt.Errorf("balance.by: %.40q is no way to balance; use random, round_robin, least_connections, two_choices or hash", by)
	}
	return nil
}

// addPools reads the targets: with any diversion, those of the diversions alone.
func (g *Group) addPools() error {
	for i, d := range g.spec.upstreams.Divert {
		field := fmt.Sprintf("divert[%d].", i)
		p, err := g.newPool(field, d.Targets)
		if err != nil {
			return err
		}
		if p.prefixes, err = parsePrefixes(d.From); err != nil {
			return fmt.Errorf("%sfrom: %w", field, err)
		}
		p.from = d.From
		g.pools = append(g.pools, p)
	}
	if len(g.pools) > 0 {
		return nil
	}
	targets := g.spec.targets
	if len(targets) == 0 {
		t, err := newTarget("upstream", api.Target{URL: g.spec.upstream})
		if err != nil {
			return err
		}
		g.pools = []*pool{g.poolOf([]*Target{t})}
		return nil
	}
	p, err := g.newPool("", targets)
	g.pools = []*pool{p}
	return err
}

func parsePrefixes(from []string) ([]netip.Prefix, error) {
	if len(from) == 0 {
		return nil, errors.New("it is empty; list addresses or prefixes, \"0.0.0.0/0\" and \"::/0\" for everybody")
	}
	var all []netip.Prefix
	for _, s := range from {
		p, err := netip.ParsePrefix(s)
		if a, addrErr := netip.ParseAddr(s); err != nil && addrErr == nil && a.Zone() == "" {
			a = a.Unmap()
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || p.Addr().Is4In6() {
			return nil, fmt.Errorf("%.80q is neither an address nor a prefix; write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32", s)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// Key says what of a call is the key to Pick.
func (g *Group) Key() Key { return g.key }

// Pick chooses a target for a call. from is the caller's address, key the part of the call that Key names; without one
// the address is the key. tried are the targets that have failed this call already: another one is preferred. Empty, it is a call's first
// attempt, and counts for the budget of retries.
//
// The error is a *policy.Refusal: NoTarget if there is nothing for callers from there, NoHealthyTarget if there is but
// all of it is down.
func (g *Group) Pick(from netip.Addr, key string, tried []*Target) (*Target, error) {
	if g.retry != nil && len(tried) == 0 {
		g.retry.calls.add(g.m.now().Unix())
	}
	if t := g.only; t != nil && t.usable() {
		return t, nil
	}
	p := g.poolFor(from)
	if p == nil {
		return nil, noTarget(from)
	}
	if t := p.pick(from, key, tried); t != nil {
		return t, nil
	}
	return nil, g.noHealthy(p)
}

// poolFor returns the targets for callers from an address, nil if there are none.
func (g *Group) poolFor(from netip.Addr) *pool {
	if g.pools[0].prefixes == nil {
		return g.pools[0]
	}
	from = from.Unmap().WithZone("") // a prefix has no zone
	for _, p := range g.pools {
		for _, prefix := range p.prefixes {
			if prefix.Contains(from) {
				return p
			}
		}
	}
	return nil
}

// Begin counts a call, or a copy, that is about to be sent to a target. End must follow.
func (g *Group) Begin(t *Target) {
	t.node.inFlight.Add(1)
}

// End tells how it went: the status of the answer, or the error by which there was none. With neither, and when the
// caller gave up (context.Canceled), nothing is learned of the target.
func (g *Group) End(t *Target, status int, err error) {
	t.node.inFlight.Add(-1)
	if g.eject.fails == 0 || t.copies {
		return
	}
	switch {
	case status == 0 && (err == nil || errors.Is(err, context.Canceled)):
	case status == 0 || status >= 500:
		g.failed(t)
	default:
		if t.node.fails.Load() != 0 { // all write the same line otherwise
			t.node.fails.Store(0)
		}
	}
}

// Mirror says whether a copy of this call is to be sent, and where to. Begin and End count copies like calls: while
// maxCopies are under way, there are no more.
func (g *Group) Mirror() (*Target, bool) {
	t := g.mirror
	if t == nil || t.node.inFlight.Load() >= maxCopies {
		return nil, false
	}
	if percent := g.spec.upstreams.Mirror.Percent; percent > 0 && percent < 100 && g.m.below(100) >= uint64(percent) {
		return nil, false
	}
	return t, true
}

// maxCopies bounds what a mirror that is slower than the API costs.
const maxCopies = 256

// nodes returns what is known of the API's targets, by pool.nodeKey; under Manager.mu.
func (o *owner) nodes() map[string]*node {
	all := map[string]*node{}
	for _, g := range o.groups { // the last wins
		for _, p := range g.pools {
			for i, t := range p.targets {
				all[p.nodeKey(i)] = t.node
			}
		}
	}
	return all
}

// nodeKey tells a target from others of the API: by the addresses it is for, its URL, and its turn among those of the
// same URL.
func (p *pool) nodeKey(i int) string {
	turn := 0
	for _, t := range p.targets[:i] {
		if t.name == p.targets[i].name {
			turn++
		}
	}
	return fmt.Sprintf("%s %d %s", strings.Join(p.from, ","), turn, p.targets[i].name)
}
