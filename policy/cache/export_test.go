package cache

import (
	"fmt"

	"sallyport/policy"
)

// Check looks whether the store behind a policy holds together, and returns the bytes in it. idle says that no call is
// under way.
func Check(p policy.Policy, idle bool) (int64, error) {
	s := p.(*cache).store
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum int64
	n, valid := 0, 0
	for at := s.first; at != nil; at = at.next {
		sum += at.size
		n++
		if !at.uri.gone {
			valid++
		}
		if at.entry.node != at || at.uri.refs < 1 || s.slots[at.slot.key] != at.slot {
			return 0, fmt.Errorf("entry %d is not where it is said to be", n)
		}
		if at.next == nil && at != s.last || at.next != nil && at.next.prev != at {
			return 0, fmt.Errorf("the list breaks off at entry %d", n)
		}
	}
	held := 0
	for k, at := range s.slots {
		if len(at.nodes) == 0 || at.key != k {
			return 0, fmt.Errorf("an empty slot is left")
		}
		held += len(at.nodes)
	}
	refs := 0
	for _, u := range s.uris {
		refs += u.refs
	}
	switch {
	case sum != s.bytes || held != n:
		return 0, fmt.Errorf("%d bytes in %d entries, counted as %d, and %d in slots", sum, n, s.bytes, held)
	case s.bytes+s.passing > s.most || s.passing < 0:
		return 0, fmt.Errorf("%d bytes and %d passing are more than %d", s.bytes, s.passing, s.most)
	case idle && (refs != valid || s.passing != 0):
		return 0, fmt.Errorf("%d references for %d entries, %d bytes passing", refs, valid, s.passing)
	}
	return s.bytes + s.passing, nil
}

// ParseDirectives is the parser of Cache-Control.
func ParseDirectives(fields []string) (maxAge int64, noStore bool) {
	d := parseDirectives(fields)
	return d.maxAge, d.noStore
}

// TagsMatch is the comparison of If-None-Match.
func TagsMatch(fields []string, etag string) bool { return tagsMatch(fields, etag) }
