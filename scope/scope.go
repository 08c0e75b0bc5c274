// Package scope owns what a scope is (RFC 6749 section 3.3) and the arithmetic on sets of them. Names are compared whole
// and by case; nothing here ever matches by substring.
package scope

import (
	"fmt"
	"slices"
	"strings"
)

// A Scope is a right that a realm knows by name.
type Scope struct {
	Name        string `json:"name" yaml:"name"`
	Description string `json:"description,omitempty" yaml:"description,omitempty"` // what the right opens, in words for a consent page
}

// Check reports what is wrong with the scope, nil if nothing.
func (s Scope) Check() error {
	if !ValidName(s.Name) {
		return fmt.Errorf("name: %q is not a scope name; use printable ASCII without space, quote or backslash, 1 to 128 characters", s.Name)
	}
	if len(s.Description) > 1000 {
		return fmt.Errorf("description: %d bytes are too long; use at most 1000", len(s.Description))
	}
	return nil
}

// ValidName reports whether name is a scope-token of RFC 6749 section 3.3, of at most 128 bytes.
func ValidName(name string) bool {
	if name == "" || len(name) > 128 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// A Set is a list of scope names without repetition, in the order they were given. The order is what a response shows;
// it means nothing else. A nil Set is empty.
type Set []string

// Parse splits a scope parameter at spaces (RFC 6749 section 3.3). Repeated names are dropped. It returns false if a name
// breaks the grammar.
func Parse(s string) (Set, bool) { return ParseAny(s, " ") }

// ParseAny is Parse with other separators as well.
func ParseAny(s, separators string) (Set, bool) {
	var set Set
	for name := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		if !ValidName(name) {
			return nil, false
		}
		if !slices.Contains(set, name) {
			set = append(set, name)
		}
	}
	return set, true
}

// String joins the names by single spaces, as the scope parameter wants them.
func (s Set) String() string { return strings.Join(s, " ") }

// Has reports whether name is in the set.
func (s Set) Has(name string) bool { return slices.Contains(s, name) }

// Within returns the first name of s that is not in limit, and whether all of them are.
func (s Set) Within(limit Set) (outside string, ok bool) {
	for _, name := range s {
		if !limit.Has(name) {
			return name, false
		}
	}
	return "", true
}

// Intersect returns the names of s that are also in other, in the order of s.
func (s Set) Intersect(other Set) Set {
	var both Set
	for _, name := range s {
		if other.Has(name) {
			both = append(both, name)
		}
	}
	return both
}

// HasAny reports whether one of the names is in the set.
func (s Set) HasAny(names []string) bool {
	for _, name := range names {
		if s.Has(name) {
			return true
		}
	}
	return false
}
