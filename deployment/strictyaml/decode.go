package strictyaml

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// An Unmarshaler reads itself from a value whose form a struct cannot describe. Its error is told with the value's place.
type Unmarshaler interface {
	UnmarshalNode(n Node) error
}

// Decode reads the document into the struct that into points to. Fields are named by their yaml tags; fields without one
// are not read.
func (d *Document) Decode(into any) error {
	r := &reader{file: d.file}
	r.value(d.body, "the document", reflect.ValueOf(into).Elem(), 0)
	return r.faults.Err()
}

// A reader collects the faults of one document.
type reader struct {
	file   string
	faults Errors
}

var (
	placeType    = reflect.TypeFor[Place]()
	unmarshaler  = reflect.TypeFor[Unmarshaler]()
	textReceiver = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// value reads n, the value of the named key, into v.
func (r *reader) value(n ast.Node, key string, v reflect.Value, depth int) {
	at := position(r.file, tokenOf(n))
	if depth > maxDepth {
		r.faults.Add(at, "%s: nested too deep", key)
		return
	}
	if what := unsupported(n); what != "" {
		r.faults.Add(at, "%s: %s; write the value out", key, what)
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch t := v.Type(); {
	case reflect.PointerTo(t).Implements(unmarshaler):
		if err := v.Addr().Interface().(Unmarshaler).UnmarshalNode(Node{n}); err != nil {
			r.faults.Add(at, "%s: %v", key, err)
		}
	case reflect.PointerTo(t).Implements(textReceiver):
		r.text(n, key, func(s string) error { return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)) })
	case t.Kind() == reflect.Struct:
		r.structure(n, key, v, depth)
	case t.Kind() == reflect.Slice:
		r.list(n, key, v, depth)
	case t.Kind() == reflect.Map:
		r.mapping(n, key, v, depth)
	case t.Kind() == reflect.String:
		r.text(n, key, func(s string) error { v.SetString(s); return nil })
	case t.Kind() == reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			r.faults.Add(at, "%s: want true or false, got %s", key, kindOf(n))
			return
		}
		v.SetBool(b.Value)
	case t.Kind() == reflect.Int:
		r.integer(n, key, v, 32)
	case t.Kind() == reflect.Int64:
		r.integer(n, key, v, 64)
	default:
		panic("strictyaml: no form for " + t.String())
	}
}

func (r *reader) text(n ast.Node, key string, set func(string) error) {
	s, ok := Node{n}.Scalar()
	if !ok {
		r.faults.Add(position(r.file, tokenOf(n)), "%s: want a text, got %s", key, kindOf(n))
		return
	}
	if err := set(s); err != nil {
		r.faults.Add(position(r.file, tokenOf(n)), "%s: %v", key, err)
	}
}

func (r *reader) integer(n ast.Node, key string, v reflect.Value, bits int) {
	s, ok := Node{n}.Scalar()
	i, err := strconv.ParseInt(s, 10, bits)
	if !ok || err != nil {
		r.faults.Add(position(r.file, tokenOf(n)), "%s: want a whole number, got %s", key, kindOf(n))
		return
	}
	v.SetInt(i)
}

// entries returns the pairs of a mapping, and tells keys that are no text or come twice.
func (r *reader) entries(n ast.Node, key string) (pairs []*ast.MappingValueNode, ok bool) {
	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		r.faults.Add(position(r.file, tokenOf(n)), "%s: want keys with values, got %s", key, kindOf(n))
		return nil, false
	}
	seen := map[string]bool{}
	kept := pairs[:0:0]
	for _, p := range pairs {
		name, isText := Node{p.Key}.Scalar()
		at := position(r.file, tokenOf(p.Key))
		switch {
		case !isText:
			r.faults.Add(at, "%s: a key must be a plain text", key)
		case seen[name]:
			r.faults.Add(at, "%s: the key is given twice; keep one", clip(name))
		default:
			seen[name] = true
			kept = append(kept, p)
		}
	}
	return kept, true
}

func (r *reader) structure(n ast.Node, key string, v reflect.Value, depth int) {
	pairs, ok := r.entries(n, key)
	if !ok {
		return
	}
	fields := fieldsOf(v.Type())
	place := Place{At: position(r.file, tokenOf(n)), Given: map[string]Pos{}}
	if len(pairs) > 0 {
		place.At = position(r.file, tokenOf(pairs[0].Key))
	}
	for _, p := range pairs {
		name, _ := Node{p.Key}.Scalar()
		at := position(r.file, tokenOf(p.Key))
		i, known := fields[name]
		if !known {
			r.faults.Add(at, "%s: unknown key; %s", clip(name), suggest(name, fields))
			continue
		}
		place.Given[name] = at
		if p.Value == nil || p.Value.Type() == ast.NullType {
			r.faults.Add(at, "%s: has no value; write one or leave the key out", name)
			continue
		}
		r.value(p.Value, name, v.Field(i), depth+1)
	}
	for i := range v.NumField() {
		if v.Type().Field(i).Type == placeType {
			v.Field(i).Set(reflect.ValueOf(place))
		}
	}
}

func (r *reader) list(n ast.Node, key string, v reflect.Value, depth int) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.faults.Add(position(r.file, tokenOf(n)), "%s: want a list such as [a, b], got %s", key, kindOf(n))
		return
	}
	list := reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values))
	for i, item := range s.Values {
		if item == nil || item.Type() == ast.NullType {
			r.faults.Add(position(r.file, tokenOf(n)), "%s: entry %d of the list is empty", key, i+1)
			continue
		}
		r.value(item, key, list.Index(i), depth+1)
	}
	v.Set(list)
}

func (r *reader) mapping(n ast.Node, key string, v reflect.Value, depth int) {
	pairs, ok := r.entries(n, key)
	if !ok {
		return
	}
	m := reflect.MakeMap(v.Type())
	for _, p := range pairs {
		name, _ := Node{p.Key}.Scalar()
		item := reflect.New(v.Type().Elem()).Elem()
		if p.Value == nil || p.Value.Type() == ast.NullType {
			r.faults.Add(position(r.file, tokenOf(p.Key)), "%s: has no value; write one or leave the key out", clip(name))
			continue
		}
		r.value(p.Value, key+"."+clip(name), item, depth+1)
		m.SetMapIndex(reflect.ValueOf(name), item)
	}
	v.Set(m)
}

// fieldsOf returns the fields of a struct by the names in their yaml tags.
func fieldsOf(t reflect.Type) map[string]int {
	fields := map[string]int{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			fields[name] = i
		}
	}
	return fields
}
