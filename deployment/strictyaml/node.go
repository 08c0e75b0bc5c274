package strictyaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// A Node is a value as it stands in the file.
type Node struct{ n ast.Node }

// Scalar returns a scalar exactly as it is written, without quotes; false for null, lists and mappings.
func (n Node) Scalar() (string, bool) {
	switch v := n.n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return v.GetToken().Value, true
	}
	return "", false
}

// Single returns the key and the value of a mapping with one key.
func (n Node) Single() (key string, value Node, ok bool) {
	pairs := n.pairs()
	if len(pairs) != 1 {
		return "", Node{}, false
	}
	key, ok = Node{pairs[0].Key}.Scalar()
	return key, Node{pairs[0].Value}, ok
}

func (n Node) pairs() []*ast.MappingValueNode {
	switch m := n.n.(type) {
	case *ast.MappingNode:
		return m.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}
	}
	return nil
}

// JSON returns the value as JSON. Numbers and true, false and null without quotes stay what they are.
func (n Node) JSON() (json.RawMessage, error) {
	var b bytes.Buffer
	if err := n.json(&b, 0); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (n Node) json(b *bytes.Buffer, depth int) error {
	if depth > maxDepth {
		return errors.New("nested too deep")
	}
	if n.n == nil {
		b.WriteString("null")
		return nil
	}
	if what := unsupported(n.n); what != "" {
		return errors.New(what + "; write the value out")
	}
	switch v := n.n.(type) {
	case *ast.NullNode:
		b.WriteString("null")
	case *ast.BoolNode:
		b.WriteString(strconv.FormatBool(v.Value))
	case *ast.IntegerNode, *ast.FloatNode:
		number := v.GetToken().Value
		if !json.Valid([]byte(number)) { // 0x1f, 1_000, 007: say it as a text, its reader will object
			return writeText(b, number)
		}
		b.WriteString(number)
	case *ast.SequenceNode:
		b.WriteByte('[')
		for i, item := range v.Values {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := (Node{item}).json(b, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case *ast.MappingNode, *ast.MappingValueNode:
		return n.object(b, depth)
	default:
		s, ok := n.Scalar()
		if !ok {
			return errors.New("this kind of value is not supported; write text, numbers, lists and keys")
		}
		return writeText(b, s)
	}
	return nil
}

func (n Node) object(b *bytes.Buffer, depth int) error {
	seen := map[string]bool{}
	b.WriteByte('{')
	for i, p := range n.pairs() {
		if i > 0 {
			b.WriteByte(',')
		}
		name, ok := Node{p.Key}.Scalar()
		if !ok || seen[name] {
			return errors.New("a key is given twice or is no text; keep one of each")
		}
		seen[name] = true
		if err := writeText(b, name); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := (Node{p.Value}).json(b, depth+1); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func writeText(b *bytes.Buffer, s string) error {
	text, err := json.Marshal(s)
	b.Write(text)
	return err
}

// unsupported names what is refused everywhere.
func unsupported(n ast.Node) string {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "anchors and aliases are not supported"
	case *ast.TagNode:
		return "tags (!) are not supported"
	}
	return ""
}

// kindOf names a value's kind without telling the value.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys with values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	}
	return "a text"
}

// tokenOf returns where a value begins. The token of a mapping is that of its first colon.
func tokenOf(n ast.Node) *token.Token {
	switch m := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return tokenOf(m.Values[0].Key)
		}
		return m.Start
	case *ast.MappingValueNode:
		return tokenOf(m.Key)
	}
	return n.GetToken()
}
