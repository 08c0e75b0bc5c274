package app

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
)

// A typeDoc is what the source says of a struct.
type typeDoc struct {
	Name   string
	Doc    string
	Fields []fieldDoc
}

// A fieldDoc is what the source says of a field that can be written in a file.
type fieldDoc struct {
	Name string // in Go
	Key  string // from the yaml tag, otherwise the json tag
	Type string // as it is written in Go
	Doc  string
}

func (t typeDoc) field(key string) fieldDoc {
	for _, f := range t.Fields {
		if f.Key == key {
			return f
		}
	}
	return fieldDoc{Key: key}
}

// manual reads the comments of the structs in a Go source, so that what is written about a field is written once.
func manual(source string) map[string]typeDoc {
	parsed, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ParseComments)
	if err != nil {
		return nil // the source is part of this program: it compiled
	}
	docs := map[string]typeDoc{}
	for _, d := range parsed.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			continue
		}
		for _, s := range decl.Specs {
			spec := s.(*ast.TypeSpec)
			body, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			t := typeDoc{Name: spec.Name.Name, Doc: strings.TrimSpace(decl.Doc.Text())}
			for _, f := range body.Fields.List {
				if f.Tag == nil {
					continue
				}
				tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
				key, _, _ := strings.Cut(cmp.Or(tag.Get("yaml"), tag.Get("json")), ",")
				if key == "" || key == "-" {
					continue
				}
				t.Fields = append(t.Fields, fieldDoc{Name: nameOf(f), Key: key, Type: typeText(source, f.Type), Doc: strings.Join(strings.Fields(cmp.Or(f.Comment.Text(), f.Doc.Text())), " ")})
			}
			docs[t.Name] = t
		}
	}
	return docs
}

func nameOf(f *ast.Field) string {
	if len(f.Names) == 0 {
		return ""
	}
	return f.Names[0].Name
}

func typeText(source string, e ast.Expr) string { return source[e.Pos()-1 : e.End()-1] }
