package token

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// A revocationSet is every revocation that still matters, in memory. Only its epoch is read for each verification; the
// set itself is asked when the epoch has moved since the token was last cleared.
type revocationSet struct {
	epoch  atomic.Uint64 // moves after something was added
	seeds  [2]maphash.Seed
	now    func() time.Time
	shards [64]revocationShard
}

type revocationShard struct {
	mu    sync.RWMutex
	bound map[revocationKey]revocationValue
	sweep int // size at which to look for what is over
}

// A revocationKey is 128 bits of two seeded hashes of realm, kind and key: at a million revocations that two of them, or
// one of them and a token, meet by chance is less likely than a broken machine, and nobody can aim for it.
type revocationKey [2]uint64

type revocationValue struct {
	bound int64
	until int64 // µs
}

func newRevocationSet(now func() time.Time) *revocationSet {
	s := &revocationSet{now: now, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	for i := range s.shards {
		s.shards[i].bound = map[revocationKey]revocationValue{}
		s.shards[i].sweep = 1024
	}
	return s
}

// key hashes the parts of a name. A realm has no NUL in its name, so the parts cannot run into each other.
func (s *revocationSet) key(realm string, kind RevocationKind, parts ...string) revocationKey {
	var k revocationKey
	for i, seed := range s.seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		_, _ = h.WriteString(realm)
		_ = h.WriteByte(0)
		_, _ = h.WriteString(string(kind))
		for n, part := range parts {
			if n > 0 {
				_ = h.WriteByte(0)
			}
			_, _ = h.WriteString(part)
		}
		k[i] = h.Sum64()
	}
	return k
}

func (s *revocationSet) shard(k revocationKey) *revocationShard { return &s.shards[k[0]%64] }

// add takes in revocations. They hold when it returns. A revocation of the same thing is widened, never narrowed.
func (s *revocationSet) add(rs ...Revocation) {
	if len(rs) == 0 {
		return
	}
	now := s.now()
	for _, r := range rs {
		if r.Key == "" {
			continue
		}
		k := s.key(r.Realm, r.Kind, r.Key)
		s.shard(k).add(k, revocationValue{bound: r.Bound, until: r.Until.UnixMicro()}, now.UnixMicro())
	}
	s.epoch.Add(1)
}

func (sh *revocationShard) add(k revocationKey, v revocationValue, now int64) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old, ok := sh.bound[k]
	if ok {
		v.bound, v.until = max(v.bound, old.bound), max(v.until, old.until)
	}
	sh.bound[k] = v
	if len(sh.bound) < sh.sweep {
		return
	}
	// A minute's grace: a clock that is set back a little must not revive a token.
	for k, v := range sh.bound {
		if v.until < now-60e6 {
			delete(sh.bound, k)
		}
	}
	sh.sweep = max(1024, 2*len(sh.bound))
}

func (s *revocationSet) get(k revocationKey) (bound int64, ok bool) {
	sh := s.shard(k)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	v, ok := sh.bound[k]
	return v.bound, ok
}

// size is the number of revocations held.
func (s *revocationSet) size() int {
	n := 0
	for i := range s.shards {
		s.shards[i].mu.RLock()
		n += len(s.shards[i].bound)
		s.shards[i].mu.RUnlock()
	}
	return n
}

// names are the keys under which a token may be revoked. Those it has no part in are zero.
type names struct {
	token, family, client, user, clientUser, session revocationKey
	hasFamily, hasUser, hasSession                   bool
}

func (s *revocationSet) names(a *Access) names {
	n := names{
		token:     s.key(a.Realm, RevokeToken, a.ID),
		client:    s.key(a.Realm, RevokeClient, a.Client),
		hasFamily: a.Family != (ID{}), hasUser: a.User != "",
	}
	if n.hasFamily {
		n.family = s.key(a.Realm, RevokeFamily, a.Family.String())
	}
	if n.hasUser {
		n.user = s.key(a.Realm, RevokeUser, a.User)
		n.clientUser = s.key(a.Realm, RevokeClientUser, a.Client, a.User)
	}
	if in := a.SignIn; in != nil && in.Bound && in.Session != "" {
		n.session, n.hasSession = s.key(a.Realm, RevokeSession, in.Session), true
	}
	return n
}

// covers reports whether a token was revoked.
func (s *revocationSet) covers(n *names, generation uint32, issued int64) bool {
	if _, ok := s.get(n.token); ok {
		return true
	}
	if n.hasFamily {
		if bound, ok := s.get(n.family); ok && int64(generation) < bound {
			return true
		}
	}
	if n.hasSession {
		if _, ok := s.get(n.session); ok {
			return true
		}
	}
	if bound, ok := s.get(n.client); ok && issued <= bound {
		return true
	}
	if !n.hasUser {
		return false
	}
	if bound, ok := s.get(n.user); ok && issued <= bound {
		return true
	}
	bound, ok := s.get(n.clientUser)
	return ok && issued <= bound
}

// doubt is how long after the end of all tokens of a user others may have been issued by somebody who did not know: the
// command that ends them takes its time before it writes, the news takes its time to every node, and clocks differ.
const doubt = time.Minute

// doubts reports whether a token was issued so shortly after all tokens of its user ended that whoever issued it may not
// have known.
func (s *revocationSet) doubts(n *names, issued int64) bool {
	if !n.hasUser {
		return false
	}
	bound, ok := s.get(n.user)
	return ok && issued > bound && issued <= bound+doubt.Microseconds()
}
