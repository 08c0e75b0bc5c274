package match

import (
	"strings"

	"sallyport/api"
	"sallyport/policy"
)

// A search looks for the leaf of one path.
type search[T any] struct {
	method string // "": any leaf will do
	path   string
	header policy.Header
	bare   bool // without path parameters

	params  []policy.Param
	visits  int
	end     int  // of the pattern that was found
	methods bool // a leaf would do but for its methods
}

// find looks for the leaf of a path, as the path stands and as it would without path parameters.
func (t *tree[T]) find(method, path string, header policy.Header, params []policy.Param) Match[T] {
	s := search[T]{method: method, path: path, header: header, params: params}
	found := s.at(&t.root, 0)
	m := Match[T]{Params: params}
	if hasParameters(path) {
		b := search[T]{method: method, path: path, header: header, bare: true, params: s.params}
		if b.at(&t.root, 0) != found || b.visits > mostVisits {
			m.Outcome = Ambiguous
			return m
		}
	}
	switch {
	case s.visits > mostVisits: // New has told of it
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
		name := segment
		if s.bare {
			name = withoutParameters(segment)
		}
		if to := n.next(name); to != nil {
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
		if l.exact && pos < len(s.path)-1 || !l.holds(s.header) {
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

// hasParameters reports whether any segment has path parameters.
func hasParameters(path string) bool {
	return strings.IndexByte(path, ';') >= 0 || strings.IndexByte(path, '%') >= 0 && strings.Contains(path, "%3B")
}

// withoutParameters returns a segment without its path parameters.
func withoutParameters(segment string) string {
	segment, _, _ = strings.Cut(segment, ";")
	segment, _, _ = strings.Cut(segment, "%3B")
	return segment
}
