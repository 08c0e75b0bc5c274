package match

import (
	"slices"
	"strings"

	"sallyport/api"
	"sallyport/policy"
)

// A search looks for the leaf of one path.
type search[T any] struct {
	method string // "": any leaf will do
	path   string
	header policy.Header
	read   bool // by readings

	params  []policy.Param
	visits  int
	end     int  // of the pattern that was found
	methods bool // a leaf would do but for its methods
	doubt   bool // one might be meant whose condition is met by one of several values
}

// find looks for the leaf of a path, as the path stands and by the readings of its segments.
func (t *tree[T]) find(method, path string, header policy.Header, params []policy.Param) Match[T] {
	s := search[T]{method: method, path: path, header: header, params: params}
	found := s.at(&t.root, 0)
	m := Match[T]{Params: params}
	if t.spelled || reads(path) {
		b := search[T]{method: method, path: path, header: header, read: true, params: s.params}
		if b.at(&t.root, 0) != found || b.visits > mostVisits || b.doubt {
			m.Outcome = Ambiguous
			return m
		}
	}
	switch {
	case s.visits > mostVisits, s.doubt: // New has told of the first
		m.Outcome = Ambiguous
	case found != nil:
		for i, name := range found.names {
			s.params[len(params)+i].Name = name
		}
		m.Outcome, m.Value, m.Params, m.End = Found, found.value, s.params, s.end
	case s.methods:
		m.Outcome = NotAllowed
	}
	return m
}

// at returns the leaf for what begins at pos, where the path is at its end or has a slash.
func (s *search[T]) at(n *node[T], pos int) *leaf[T] {
	if s.visits++; s.visits > mostVisits {
		return nil
	}
	if pos < len(s.path) && (len(n.few) > 0 || n.many != nil || n.param != nil) {
		next := len(s.path)
		segment := s.path[pos+1:]
		if i := strings.IndexByte(segment, '/'); i >= 0 {
			segment, next = segment[:i], pos+1+i
		}
		if to := s.next(n, segment); to != nil {
			if l := s.at(to, next); l != nil {
				return l
			}
		}
		if n.param != nil && segment != "" {
			had := len(s.params)
			s.params = append(s.params, policy.Param{Value: segment})
			if l := s.at(n.param, next); l != nil {
				return l
			}
			s.params = s.params[:had]
		}
	}
	for _, l := range n.leaves {
		if l.exact && pos < len(s.path)-1 || !s.holds(l) {
			continue
		}
		if s.method != "" && !api.Allows(l.methods, s.method) {
			s.methods = true
			continue
		}
		s.end = pos
		return l
	}
	return nil
}

// holds reports whether a call meets the conditions of a leaf.
func (s *search[T]) holds(l *leaf[T]) bool {
	all, doubt := true, false
	for i := range l.conditions {
		if s.header == nil {
			return false
		}
		c := &l.conditions[i]
		sent := s.header.Values(c.Name)
		switch {
		case len(sent) == 0:
			return false
		case c.Value == "", len(sent) == 1 && sent[0] == c.Value:
		case len(sent) > 1 && slices.Contains(sent, c.Value):
			all, doubt = false, true // who takes the first of them, and who the last, would not agree
		default:
			return false
		}
	}
	s.doubt = s.doubt || doubt
	return all
}

// next returns what follows a segment.
func (s *search[T]) next(n *node[T], segment string) *node[T] {
	if !s.read {
		return n.next(segment)
	}
	var buffer [room]byte
	return n.nextRead(reading(buffer[:0], segment))
}
