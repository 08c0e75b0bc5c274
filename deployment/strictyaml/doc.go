// Package strictyaml reads YAML into structs the way people who run servers need it: an unknown key, a key given twice or
// a value of the wrong kind is refused with the place, the key and the fix, and every such fault of a file is told at once.
// It writes the same structs back.
//
// A scalar that a text is wanted for is taken exactly as it is written, so 2000000006, 0123 and on need no quotes. Values
// are never part of a message, since any of them may be a secret. Anchors, aliases, merge keys and tags are refused: a
// file that says who may pass should be readable line by line.
package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Pos is a place in a file.
type Pos struct {
	File string
	Line int // from 1; 0: no particular place
	Col  int // from 1
}

// String writes FILE:LINE:COL.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Place is embedded in structs that want to know where they were written.
type Place struct {
	At    Pos
	Given map[string]Pos // places of the keys that were given
}

// Has reports whether the key was given.
func (p Place) Has(key string) bool {
	_, ok := p.Given[key]
	return ok
}

// Of returns the place of a key, or of the whole if the key was not given.
func (p Place) Of(key string) Pos {
	if at, ok := p.Given[key]; ok {
		return at
	}
	return p.At
}

// An Error is one fault of a file.
type Error struct {
	Pos
	Text string
}

// Error implements error.
func (e *Error) Error() string { return e.Pos.String() + ": " + e.Text }

// Errors are all faults of a file.
type Errors []*Error

// Error writes one fault a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, fault := range e {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// Add appends a fault.
func (e *Errors) Add(at Pos, format string, args ...any) {
	*e = append(*e, &Error{Pos: at, Text: fmt.Sprintf(format, args...)})
}

// Err returns e as an error in the order of places, nil if there is no fault.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	slices.SortStableFunc(e, func(a, b *Error) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col)) })
	return e
}

// Give notes that a program gave a key, as if it stood in a file.
func (p *Place) Give(keys ...string) {
	if p.Given == nil {
		p.Given = map[string]Pos{}
	}
	for _, k := range keys {
		p.Given[k] = p.At
	}
}
