package match

import (
	"cmp"
	"errors"
	"net/textproto"
	"slices"
	"strings"

	"sallyport/api"
)

// mostVisits is how many nodes of a tree one search may look at.
const mostVisits = 512

// A tree holds the patterns of one host, or the routes of one API.
type tree[T any] struct {
	root    node[T]
	spelled bool // a pattern has an escape that a path need not have
}

// A node is a segment of patterns.
type node[T any] struct {
	few     []edge[T]           // segments that follow, while they are few
	many    map[string]*node[T] // when they are not
	escaped []edge[T]           // those of many whose reading is another
	param   *node[T]            // what follows a parameter
	leaves  []*leaf[T]          // patterns that end here, the most particular first

	deepest int // most visits below any of the segments that follow
}

type edge[T any] struct {
	segment string
	read    string // its reading
	to      *node[T]
}

// fewEdges is how many segments are found sooner by looking at each.
const fewEdges = 6

// A leaf is the end of a pattern.
type leaf[T any] struct {
	entry      int
	value      T
	exact      bool
	conditions []api.Condition // names in the canonical form, sorted
	methods    []string        // empty: any
	names      []string        // of the parameters on the way, left to right
}

func (n *node[T]) next(segment string) *node[T] {
	if n.many != nil {
		return n.many[segment]
	}
	for i := range n.few {
		if n.few[i].segment == segment {
			return n.few[i].to
		}
	}
	return nil
}

func (n *node[T]) grow(segment string) *node[T] {
	if to := n.next(segment); to != nil {
		return to
	}
	e := edge[T]{segment, string(reading(nil, segment)), &node[T]{}}
	if len(n.few) < fewEdges && n.many == nil {
		n.few = append(n.few, e)
		return e.to
	}
	if n.many == nil {
		n.many = map[string]*node[T]{}
		for _, e := range n.few {
			n.keep(e)
		}
		n.few = nil
	}
	n.keep(e)
	return e.to
}

// keep puts a segment among the many.
func (n *node[T]) keep(e edge[T]) {
	n.many[e.segment] = e.to
	if e.read != e.segment {
		n.escaped = append(n.escaped, e)
	}
}

// visits is how many nodes a search that enters n may look at.
func (n *node[T]) visits() int {
	v := 1 + n.deepest
	if n.param != nil {
		v += n.param.visits()
	}
	return min(v, 2*mostVisits) // it cannot overflow
}

// add puts a leaf at the end of its pattern, and adds what is wrong with it to the faults.
func (t *tree[T]) add(path string, l *leaf[T], conditions []api.Condition, faults []Fault) []Fault {
	key := strings.TrimSuffix(path, "/")
	if key != "" {
		if _, _, err := api.ParsePattern(key); err != nil {
			faults = append(faults, fault(l.entry, "path: %w", err))
		}
	}
	if path == "" || path[0] != '/' {
		return faults // nothing that it could be found by
	}
	for _, c := range conditions {
		l.conditions = append(l.conditions, api.Condition{Name: textproto.CanonicalMIMEHeaderKey(c.Name), Value: c.Value})
	}
	slices.SortFunc(l.conditions, compareConditions)

	at, way := &t.root, []*node[T]{&t.root}
	for _, segment := range strings.Split(key, "/")[1:] {
		if name, ok := api.Parameter(segment); ok {
			l.names = append(l.names, name)
			if at.param == nil {
				at.param = &node[T]{}
			}
			at = at.param
		} else {
			t.spelled = t.spelled || plainly(segment, string(reading(nil, segment)))
			at = at.grow(segment)
		}
		way = append(way, at)
	}
	for i := len(way) - 1; i > 0; i-- {
		if parent := way[i-1]; parent.param != way[i] {
			parent.deepest = max(parent.deepest, way[i].visits())
		}
	}
	if t.root.visits() > mostVisits {
		faults = append(faults, fault(l.entry, "path: it and others overlap in too many ways; use fewer parameters in front of segments with a name"))
	}
	return at.put(l, faults)
}

// put adds a leaf in its place, and to the faults if there is another that it cannot be told from.
func (n *node[T]) put(l *leaf[T], faults []Fault) []Fault {
	for _, o := range n.leaves {
		if o.exact == l.exact && slices.Equal(o.conditions, l.conditions) && clash(o.methods, l.methods) {
			// To serve either would be a guess, and they may ask for different things.
			err := errors.New("path: it is there twice, with nothing else to tell one from the other")
			return append(faults, Fault{Entry: l.entry, Twin: o.entry, Err: err}, Fault{Entry: o.entry, Twin: l.entry, Err: err})
		}
	}
	i, _ := slices.BinarySearchFunc(n.leaves, l, compareLeaves)
	n.leaves = slices.Insert(n.leaves, i, l)
	return faults
}

// clash reports whether there is a method that is in both lists, neither of them saying more than the other.
func clash(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	return slices.ContainsFunc(a, func(m string) bool { return slices.Contains(b, m) })
}

func compareConditions(a, b api.Condition) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
}

// compareLeaves puts the more particular first, and leaves nothing to the order in which they came.
func compareLeaves[T any](a, b *leaf[T]) int {
	return cmp.Or(
		cmp.Compare(rank(!a.exact), rank(!b.exact)),
		cmp.Compare(len(b.conditions), len(a.conditions)),
		cmp.Compare(values(b.conditions), values(a.conditions)),
		slices.CompareFunc(a.conditions, b.conditions, compareConditions),
		cmp.Compare(rank(len(a.methods) == 0), rank(len(b.methods) == 0)),
		cmp.Compare(rank(!slices.Contains(a.methods, "HEAD")), rank(!slices.Contains(b.methods, "HEAD"))), // who names HEAD before who means it with GET
		slices.Compare(a.methods, b.methods),
	)
}

func rank(last bool) int {
	if last {
		return 1
	}
	return 0
}

func values(conditions []api.Condition) (n int) {
	for _, c := range conditions {
		n += rank(c.Value != "")
	}
	return n
}
