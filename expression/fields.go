package expression

import (
	"errors"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// fieldsType is the type of call.header and call.param: what is not there reads as "", so an expression cannot fail over
// what a caller left out. They cannot be listed.
var fieldsType = cel.ObjectType("sallyport.Fields", traits.IndexerType|traits.ContainerType)

// fields looks values up by name.
type fields struct {
	find func(name string) (string, bool)
}

var (
	_          traits.Mapper = fields{}
	errNoValue               = errors.New("header fields and path parameters are looked up one by one")
)

// Find implements traits.Mapper, which is how CEL looks things up.
func (f fields) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	value, _ := f.find(string(name))
	return types.String(value), true
}

// Get implements traits.Indexer.
func (f fields) Get(key ref.Val) ref.Val {
	if value, ok := f.Find(key); ok {
		return value
	}
	return types.MaybeNoSuchOverloadErr(key)
}

// Contains implements traits.Container.
func (f fields) Contains(key ref.Val) ref.Val {
	name, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key)
	}
	_, there := f.find(string(name))
	return types.Bool(there)
}

// Iterator implements traits.Iterable. The type has no iteration, so no expression that compiles gets here.
func (f fields) Iterator() traits.Iterator {
	return types.DefaultTypeAdapter.NativeToValue([]string{}).(traits.Lister).Iterator()
}

// Size implements traits.Sizer.
func (f fields) Size() ref.Val { return types.WrapErr(errNoValue) }

// ConvertToNative implements ref.Val.
func (f fields) ConvertToNative(reflect.Type) (any, error) { return nil, errNoValue }

// ConvertToType implements ref.Val.
func (f fields) ConvertToType(ref.Type) ref.Val { return types.WrapErr(errNoValue) }

// Equal implements ref.Val.
func (f fields) Equal(ref.Val) ref.Val { return types.WrapErr(errNoValue) }

// Type implements ref.Val.
func (f fields) Type() ref.Type { return fieldsType }

// Value implements ref.Val.
func (f fields) Value() any { return f }
