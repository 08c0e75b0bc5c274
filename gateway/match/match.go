// Package match finds what a call is for: the API of a realm, host and path, and within an API the route. It decides on
// the path as api.ParsePath has it, which is what goes upstream, and hands path parameters on as they stand there.
//
// What is more particular comes first:
//
//	host     its own name ▸ "*." and the name's parent ▸ any
//	segment  the same text ▸ a parameter ▸ the end of a shorter pattern
//	end      exact ▸ more header conditions ▸ methods
//
// Segments count from left to right. A pattern that leads nowhere is left again for the next best, so "/a/b" does not hide
// "/{x}/c" from "/a/c". How far a search may go astray depends on how patterns overlap and not on how many there are; New
// tells of those that overlap too much.
//
// It refuses to choose where it matters how a segment is read: with or without a path parameter (";", RFC 3986 section
// 3.3), and with or without its escapes; reading.go has the details. Likewise where a condition is met by one of several
// values that a field was sent with.
package match

import (
	"fmt"
	"strings"

	"sallyport/api"
	"sallyport/policy"
)

// An Entry is what can be found.
type Entry[T any] struct {
	Realm   string
	Host    string // in lower case, with "*." in front any one label below it; empty: any
	Path    string // pattern as api.ParsePattern reads it
	Exact   bool   // nothing below the path; a slash at the end is not below it
	Headers []api.Condition
	Value   T
}

// A Fault is why an entry must not be served. The entry is found all the same, so that its callers are refused and do not
// get to a pattern that asks for less.
type Fault struct {
	Entry int   // its place in the list
	Twin  int   // that of the entry it cannot be told from; -1: it is wrong by itself
	Err   error // in words, without names
}

// An Outcome says how a search ended.
type Outcome uint8

// The outcomes.
const (
	None       Outcome = iota
	Found              //
	Ambiguous          // two servers could read the path differently
	NotAllowed         // there is something for other methods
)

// A Match is what a search found. Value is set if the outcome is Found.
type Match[T any] struct {
	Outcome Outcome
	Value   T
	Params  []policy.Param // appended to what the caller gave
	End     int            // bytes of the path that the pattern covers, without a slash at the end
}

// A Table finds entries. It is never modified.
type Table[T any] struct {
	realms map[string]*hosts[T]
}

type hosts[T any] struct {
	named  map[string]*tree[T]
	parent map[string]*tree[T] // by what follows "*."
	any    *tree[T]
}

// New makes a table.
func New[T any](entries []Entry[T]) (*Table[T], []Fault) {
	t := &Table[T]{realms: map[string]*hosts[T]{}}
	var faults []Fault
	for i := range entries {
		e := &entries[i]
		h := t.realms[e.Realm]
		if h == nil {
			h = &hosts[T]{named: map[string]*tree[T]{}, parent: map[string]*tree[T]{}, any: &tree[T]{}}
			t.realms[e.Realm] = h
		}
		l := &leaf[T]{entry: i, value: e.Value, exact: e.Exact}
		faults = h.of(e.Host).add(e.Path, l, e.Headers, faults)
	}
	return t, faults
}

// of returns the tree of a host pattern.
func (h *hosts[T]) of(host string) *tree[T] {
	if host == "" {
		return h.any
	}
	in := h.named
	host = strings.ToLower(host)
	if parent, ok := strings.CutPrefix(host, "*."); ok {
		in, host = h.parent, parent
	}
	if in[host] == nil {
		in[host] = &tree[T]{}
	}
	return in[host]
}

// Find returns the entry for a path. It allocates nothing if params has room.
func (t *Table[T]) Find(realm, host, path string, header policy.Header, params []policy.Param) Match[T] {
	h := t.realms[realm]
	if h == nil {
		return Match[T]{Params: params}
	}
	if len(h.named)+len(h.parent) > 0 {
		var buffer [maxHost]byte
		if name := hostName(host, &buffer); len(name) > 0 {
			if tree := h.named[string(name)]; tree != nil {
				if m := tree.find("", path, header, params); m.Outcome != None {
					return m
				}
			}
			if tree := h.parent[string(parentOf(name))]; tree != nil {
				if m := tree.find("", path, header, params); m.Outcome != None {
					return m
				}
			}
		}
	}
	return h.any.find("", path, header, params)
}

// maxHost is the longest host name there is (RFC 1035 section 2.3.4).
const maxHost = 253

// hostName writes a Host field without port and final dot, in lower case. It is nil if no host has such a name.
func hostName(host string, into *[maxHost]byte) []byte {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	host = strings.TrimSuffix(host, ".")
	if len(host) > maxHost {
		return nil
	}
	for i := range len(host) {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		into[i] = c
	}
	return into[:len(host)]
}

// parentOf returns what is behind the first label.
func parentOf(name []byte) []byte {
	for i, c := range name {
		if c == '.' && i > 0 {
			return name[i+1:]
		}
	}
	return nil
}

// fault notes what is wrong with an entry by itself.
func fault(entry int, format string, args ...any) Fault {
	return Fault{Entry: entry, Twin: -1, Err: fmt.Errorf(format, args...)}
}
