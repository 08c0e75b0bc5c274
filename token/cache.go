package token

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
)

// A tokenKey is the SHA-256 of realm and token.
type tokenKey [sha256.Size]byte

func keyOf(realm, raw string) tokenKey {
	var buf [1024]byte
	return sha256.Sum256(append(append(append(buf[:0], realm...), 0), raw...))
}

// A verified is an authentic token in the cache.
type verified struct {
	access  *Access
	gone    bool   // a reference token that is not stored any more
	issuer  string // "iss" it was checked against; empty: it has none to check
	expires int64  // µs
	names   names
	cleared atomic.Uint64 // the epoch of the revocation set in which the token was found clear, plus one
}

// A tokenCache remembers verified tokens: a signature is checked once for each token and node. It is a sharded map with a
// bound, because nothing more is needed: entries never change, their worth ends with the token, and which of too many is
// dropped matters little.
type tokenCache struct {
	shards     [64]cacheShard
	limit      int // of a shard
	generation atomic.Uint64
}

type cacheShard struct {
	mu      sync.RWMutex
	entries map[tokenKey]*verified
}

func newTokenCache(size int) *tokenCache {
	c := &tokenCache{limit: max(1, size/64)}
	for i := range c.shards {
		c.shards[i].entries = map[tokenKey]*verified{}
	}
	return c
}

func (c *tokenCache) get(k *tokenKey) *verified {
	sh := &c.shards[k[0]%64]
	sh.mu.RLock()
	v := sh.entries[*k]
	sh.mu.RUnlock()
	return v
}

// put remembers v, unless the cache was cleared since the generation in which verification began.
func (c *tokenCache) put(k *tokenKey, v *verified, generation uint64, now time.Time) {
	sh := &c.shards[k[0]%64]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if c.generation.Load() != generation {
		return
	}
	if len(sh.entries) >= c.limit {
		sh.evict(now.UnixMicro())
	}
	sh.entries[*k] = v
}

// evict makes room: of a few entries in the map's random order, expired ones go, and one in any case.
func (sh *cacheShard) evict(now int64) {
	looked, dropped := 0, 0
	var last tokenKey
	for k, v := range sh.entries {
		last = k
		if v.expires <= now {
			delete(sh.entries, k)
			dropped++
		}
		if looked++; looked == 8 {
			break
		}
	}
	if dropped == 0 {
		delete(sh.entries, last)
	}
}

// clear forgets everything.
func (c *tokenCache) clear() {
	c.generation.Add(1)
	for i := range c.shards {
		sh := &c.shards[i]
		sh.mu.Lock()
		clear(sh.entries)
		sh.mu.Unlock()
	}
}
