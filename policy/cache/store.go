package cache

import (
	"slices"
	"sync"
)

// A store holds the entries of all APIs, the bytes of them and of the bodies that are just passing by never more than
// most. What has not been used for the longest time goes first.
type store struct {
	most int64

	mu          sync.Mutex // guards all below, and what it leads to
	slots       map[key]*slot
	uris        map[key]*uri
	first, last *node // by use, the latest first
	bytes       int64 // of entries
	passing     int64 // of bodies that have not come to their end
}

// A slot holds the variants that one key leads to.
type slot struct {
	key   key
	nodes []*node
}

// A uri is a target of which something is stored or on its way. Everything of it goes at once when it is invalidated, also
// what is on its way: it may be from before.
type uri struct {
	key  key
	refs int
	gone bool
}

type node struct {
	entry      *entry
	slot       *slot
	uri        *uri
	size       int64
	prev, next *node
}

func newStore(most int64) *store {
	return &store{most: most, slots: map[key]*slot{}, uris: map[key]*uri{}}
}

// find returns the latest entry behind a key that fits a request (RFC 9111 section 4.1). known says that there are some
// that do not.
func (s *store) find(k key, fits func(*entry) bool) (found *entry, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.slots[k]
	if !ok {
		return nil, false
	}
	for i := len(at.nodes) - 1; i >= 0; i-- {
		n := at.nodes[i]
		if n.uri.gone {
			s.drop(n)
			continue
		}
		known = true
		if (found == nil || n.entry.date.After(found.date)) && fits(n.entry) {
			found = n.entry
		}
	}
	if found != nil {
		s.unlink(found.node)
		s.link(found.node)
	}
	return found, known
}

// pin notes that an answer of a target is on its way.
func (s *store) pin(k key) *uri {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uris[k]
	if u == nil {
		u = &uri{key: k}
		s.uris[k] = u
	}
	u.refs++
	return u
}

func (s *store) unpin(u *uri) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(u)
}

func (s *store) release(u *uri) {
	u.refs--
	if u.refs == 0 && s.uris[u.key] == u {
		delete(s.uris, u.key)
	}
}

// invalidate forgets everything of a target, whomever it was for.
func (s *store) invalidate(k key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.uris[k]; u != nil {
		u.gone = true // its entries go when they are found, or when their turn comes
		delete(s.uris, k)
	}
}

// reserve makes room for a part of a body that is passing by. All of those together get a quarter of the store.
func (s *store) reserve(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.passing+n > s.most/4 {
		return false
	}
	s.passing += n
	s.shrink()
	return true
}

// put stores an entry, and gives back what was reserved for it. It takes the place of the one that it replaces and of one
// that was chosen by the same fields.
func (s *store) put(k key, u *uri, e, old *entry, reserved int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passing -= reserved
	if u.gone {
		return
	}
	if old != nil && old.node != nil {
		s.drop(old.node)
	}
	at := s.slots[k]
	if at == nil {
		at = &slot{key: k}
	}
	for i := len(at.nodes) - 1; i >= 0; i-- {
		if slices.Equal(at.nodes[i].entry.vary, e.vary) {
			s.drop(at.nodes[i])
		}
	}
	if len(at.nodes) == mostVariants {
		s.drop(at.nodes[0])
	}
	s.slots[k] = at // dropping the last entry took it out
	n := &node{entry: e, slot: at, uri: u, size: e.bytes()}
	u.refs++
	e.node = n
	at.nodes = append(at.nodes, n)
	s.bytes += n.size
	s.link(n)
	s.shrink()
}

// giveBack ends a reservation.
func (s *store) giveBack(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passing -= n
}

// remove forgets one entry.
func (s *store) remove(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.node != nil {
		s.drop(e.node)
	}
}

func (s *store) shrink() {
	for s.bytes+s.passing > s.most && s.last != nil {
		s.drop(s.last)
	}
}

func (s *store) drop(n *node) {
	n.entry.node = nil
	s.bytes -= n.size
	s.unlink(n)
	s.release(n.uri)
	n.slot.nodes = slices.DeleteFunc(n.slot.nodes, func(other *node) bool { return other == n })
	if len(n.slot.nodes) == 0 {
		delete(s.slots, n.slot.key)
	}
}

func (s *store) link(n *node) {
	n.prev, n.next = nil, s.first
	if s.first != nil {
		s.first.prev = n
	} else {
		s.last = n
	}
	s.first = n
}

func (s *store) unlink(n *node) {
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		s.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		s.last = n.prev
	}
	n.prev, n.next = nil, nil
}
