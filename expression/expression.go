// Package expression owns the small language in which an operator says what a rule goes by: the Common Expression Language
// (CEL) over one call. An expression is checked when it is compiled, has no effects, sees no secret, and is given up when it
// costs too much.
//
// What it can read:
//
//	call.method  call.host  call.path  call.query  call.address  call.realm  call.api
//	call.client  call.user  call.credential        "" if there is none
//	call.scope                                     list of strings
//	call.header['x-tenant']                        "" if it was not sent; 'x-tenant' in call.header asks
//	call.param['id']                               parameter of the path, likewise
package expression

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

const (
	longest  = 2000  // bytes of an expression
	deepest  = 50    // how deep it may be nested
	costMost = 20000 // what one evaluation may cost, in CEL's units: about as many steps
)

// A Call is what expressions are about.
type Call interface {
	// Text returns the value of one of Texts.
	Text(name string) string
	// Scopes returns the scopes of the caller.
	Scopes() []string
	// Header returns a header field of the request, its values joined by commas, and whether it was sent.
	Header(name string) (string, bool)
	// Param returns a parameter of the path.
	Param(name string) (string, bool)
}

// Texts are the names of the variables that are text, without the "call." before them.
func Texts() []string {
	return []string{"method", "host", "path", "query", "address", "realm", "api", "client", "user", "credential"}
}

const prefix = "call."

// An Expression is a compiled expression. It may be used by many goroutines.
type Expression struct {
	source  string
	program cel.Program
}

// Compile compiles an expression whose value is text. The error says where it is wrong.
func Compile(source string) (*Expression, error) {
	if len(source) > longest {
		return nil, fmt.Errorf("the expression is longer than %d bytes; write a shorter one", longest)
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(source)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, fmt.Errorf("%s (at character %d)", first.Message, first.Location.Column()+1)
	}
	if ast.OutputType() != cel.StringType {
		return nil, fmt.Errorf("the value is of type %s; make it a string, for example with string(…)", ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(costMost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, err
	}
	return &Expression{source, program}, nil
}

// environment declares what expressions can read.
func environment() (*cel.Env, error) {
	index := []*cel.Type{fieldsType, cel.StringType}
	options := []cel.EnvOption{
		cel.ParserRecursionLimit(deepest),
		cel.ParserExpressionSizeLimit(longest),
		cel.Variable(prefix+"scope", cel.ListType(cel.StringType)),
		cel.Variable(prefix+"header", fieldsType),
		cel.Variable(prefix+"param", fieldsType),
		cel.Function(operators.Index, cel.Overload("index_fields", index, cel.StringType)),
		cel.Function(operators.In, cel.Overload("in_fields", []*cel.Type{cel.StringType, fieldsType}, cel.BoolType)),
	}
	for _, name := range Texts() {
		options = append(options, cel.Variable(prefix+name, cel.StringType))
	}
	return cel.NewEnv(options...)
}

// Text evaluates the expression.
func (e *Expression) Text(c Call) (string, error) {
	value, _, err := e.program.Eval(activation{c})
	if err != nil {
		return "", err
	}
	text, ok := value.Value().(string)
	if !ok {
		return "", errors.New("the value is not text")
	}
	return text, nil
}

// String returns the expression as it was written.
func (e *Expression) String() string { return e.source }

// An activation looks up variables.
type activation struct{ call Call }

// ResolveName implements cel.Activation.
func (a activation) ResolveName(name string) (any, bool) {
	if len(name) <= len(prefix) || name[:len(prefix)] != prefix {
		return nil, false
	}
	switch name = name[len(prefix):]; name {
	case "scope":
		return a.call.Scopes(), true
	case "header":
		return fields{a.call.Header}, true
	case "param":
		return fields{a.call.Param}, true
	}
	for _, known := range Texts() {
		if known == name {
			return types.String(a.call.Text(name)), true
		}
	}
	return nil, false
}

// Parent implements cel.Activation.
func (activation) Parent() cel.Activation { return nil }

var _ ref.Val = fields{}
