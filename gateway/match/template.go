package match

import (
	"strings"

	"sallyport/api"
	"sallyport/policy"
)

// A Template is a path with places for path parameters: that of an upstream ("/v1/{id}"). The zero value is empty.
type Template struct {
	text  string // without places; or
	parts []part
}

// A part is text and the parameter that follows it, "" behind the last.
type part struct{ text, name string }

// NewTemplate reads a template.
func NewTemplate(path string) Template {
	var t Template
	from := 0
	for at := 0; at < len(path); {
		end := len(path)
		if i := strings.IndexByte(path[at+1:], '/'); i >= 0 {
			end = at + 1 + i
		}
		if name, ok := api.Parameter(strings.TrimPrefix(path[at:end], "/")); ok {
			t.parts = append(t.parts, part{path[from : end-len(name)-2], name})
			from = end
		}
		at = end
	}
	if t.parts == nil {
		return Template{text: path}
	}
	t.parts = append(t.parts, part{path[from:], ""})
	return t
}

// Fill returns the path with the parameters in their places, as the caller wrote them: one segment each, whatever is in it.
func (t Template) Fill(params []policy.Param) string {
	if t.parts == nil {
		return t.text
	}
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.text)
		if p.name != "" {
			b.WriteString(value(params, p.name))
		}
	}
	return b.String()
}

// value returns the first of a name: the API's own parameters stand before its routes'.
func value(params []policy.Param, name string) string {
	for i := range params {
		if params[i].Name == name {
			return params[i].Value
		}
	}
	return ""
}
