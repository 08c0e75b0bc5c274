package expression

import (
	"errors"
	"fmt"
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// A Subject is what the expression of a claim is about. Its texts, numbers and lists are those of JSON.
type Subject struct {
	User   map[string]any // the user, as a deployment file names its fields
	Client map[string]any // the client that is told
	Scopes []string       // what was granted
}

// A Claim is a compiled expression that makes the value of a claim:
//
//	user.name  user.email  user.roles  user.attributes['department'] …
//	client.id  client.name
//	scopes                                         list of strings
//
// A field that the user does not have is an error; has(user.org) asks. It may be used by many goroutines.
type Claim struct {
	source  string
	program cel.Program
}

const deepestValue = 16 // how deep the value of a claim may be nested

// CompileClaim compiles an expression whose value may be anything that JSON can say. The error says where it is wrong.
func CompileClaim(source string) (*Claim, error) {
	if len(source) > longest {
		return nil, fmt.Errorf("the expression is longer than %d bytes; write a shorter one", longest)
	}
	object := cel.MapType(cel.StringType, cel.DynType)
	env, err := cel.NewEnv(
		cel.ParserRecursionLimit(deepest), cel.ParserExpressionSizeLimit(longest),
		cel.Variable("user", object), cel.Variable("client", object), cel.Variable("scopes", cel.ListType(cel.StringType)),
	)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(source)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, fmt.Errorf("%s (at character %d)", first.Message, first.Location.Column()+1)
	}
	program, err := env.Program(ast, cel.CostLimit(costMost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, err
	}
	return &Claim{source, program}, nil
}

// Value evaluates the expression. Null means that there is no such claim: the value is nil.
func (c *Claim) Value(s Subject) (any, error) {
	value, _, err := c.program.Eval(map[string]any{"user": s.User, "client": s.Client, "scopes": s.Scopes})
	if err != nil {
		return nil, err
	}
	return plain(value, 0)
}

// String returns the expression as it was written.
func (c *Claim) String() string { return c.source }

// plain turns a value into what encoding/json writes as one expects.
func plain(v ref.Val, depth int) (any, error) {
	if depth > deepestValue {
		return nil, errors.New("the value is nested too deep")
	}
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.String:
		return string(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		return uint64(v), nil
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, errors.New("the value is not a number")
		}
		return float64(v), nil
	case traits.Mapper:
		m := map[string]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			name, ok := key.(types.String)
			if !ok {
				return nil, errors.New("the value has a key that is not text")
			}
			item, err := plain(v.Get(key), depth+1)
			if err != nil {
				return nil, err
			}
			m[string(name)] = item
		}
		return m, nil
	case traits.Lister:
		list := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			item, err := plain(it.Next(), depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		return list, nil
	}
	return nil, fmt.Errorf("the value is of type %s, which JSON cannot say; make it text, for example with string(…)", v.Type().TypeName())
}
