package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 64 << 20

// maxDepth bounds how deep values nest.
const maxDepth = 32

// A Document is one of a file's documents (separated by lines of ---).
type Document struct {
	file string
	body ast.Node
}

// Parse splits a file into documents. Empty ones are left out.
func Parse(file string, data []byte) (docs []*Document, err error) {
	if len(data) > MaxSize {
		return nil, Errors{{Pos: Pos{File: file}, Text: fmt.Sprintf("the file has %d bytes; at most %d are read. Split it by realm", len(data), MaxSize)}}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if at := badByte(data); at >= 0 {
		return nil, Errors{{Pos: placeOf(file, data, at), Text: "this is not UTF-8 text; save the file as UTF-8, without control characters"}}
	}
	// A defect of the YAML parser must not take the process down with it.
	defer func() {
		if p := recover(); p != nil {
			docs, err = nil, Errors{{Pos: Pos{File: file}, Text: "this is not YAML that can be read; check the indentation and the quotes"}}
		}
	}()
	parsed, err := parser.Parse(joinColons(lexer.Tokenize(string(data))), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxError(file, err)
	}
	for _, d := range parsed.Docs {
		if d != nil && d.Body != nil && d.Body.Type() != ast.NullType && d.Body.Type() != ast.CommentType {
			docs = append(docs, &Document{file: file, body: d.Body})
		}
	}
	return docs, nil
}

// badByte finds the first byte that is not UTF-8 or a control character that YAML has no place for, -1 if there is none.
func badByte(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		control := r < 0x20 && r != '\n' && r != '\r' && r != '\t' || r == 0x7f
		if r == utf8.RuneError && n == 1 || control {
			return i
		}
		i += n
	}
	return -1
}

func placeOf(file string, data []byte, offset int) Pos {
	before := data[:offset]
	return Pos{File: file, Line: 1 + bytes.Count(before, []byte("\n")), Col: offset - bytes.LastIndexByte(before, '\n')}
}

// syntaxError keeps the parser's message and place and drops the excerpt of the file, which may hold secrets.
func syntaxError(file string, err error) error {
	at, text := Pos{File: file}, "this is not YAML"
	var e yaml.Error
	if errors.As(err, &e) {
		text += ": " + e.GetMessage()
		at = position(file, e.GetToken())
	}
	return Errors{{Pos: at, Text: text + "; check the indentation and the quotes around this place"}}
}

func position(file string, t *token.Token) Pos {
	if t == nil || t.Position == nil {
		return Pos{File: file}
	}
	return Pos{File: file, Line: t.Position.Line, Col: t.Position.Column}
}
