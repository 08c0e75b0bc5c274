package headers

import (
	"fmt"
	"strings"

	"sallyport/policy"
	"sallyport/realm"
)

// A template is a value with names of what is known of a call.
type template []part

// A part is a text or a name.
type part struct {
	text  string
	name  string // "" if it is a text
	param string // of the path, with the name "param"
}

// Names that a template may have.
var names = map[string]func(*policy.Call) string{
	"client":     func(c *policy.Call) string { return c.Caller.Client },
	"user":       func(c *policy.Call) string { return c.Caller.User },
	"scope":      func(c *policy.Call) string { return c.Caller.Scope.String() },
	"way":        func(c *policy.Call) string { return c.Caller.Way },
	"credential": func(c *policy.Call) string { return c.Caller.Credential },
	"address":    func(c *policy.Call) string { return c.Source.Unmap().String() },
	"method":     func(c *policy.Call) string { return c.Method },
	"host":       func(c *policy.Call) string { return c.Host },
	"path":       func(c *policy.Call) string { return c.Path },
	"realm":      func(c *policy.Call) string { return c.Realm.Name },
	"api":        func(c *policy.Call) string { return c.API.Name },
}

// parse reads a template.
func parse(text string) (template, error) {
	var t template
	var plain strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c != '{' && c != '}':
			plain.WriteByte(c)
		case i+1 < len(text) && text[i+1] == c:
			plain.WriteByte(c)
			i++
		case c == '}':
			return nil, fmt.Errorf("%s has a closing brace without an opening one; double it if it is meant as it stands", realm.Show(text))
		default:
			inside, _, ok := strings.Cut(text[i+1:], "}")
			name, param, isParam := strings.Cut(inside, ":")
			if !ok || isParam && (name != "param" || param == "") || !isParam && names[name] == nil {
				return nil, fmt.Errorf("%s names nothing that is known of a call; the names are client, user, scope, way, credential, address, method, host, path, realm, api and param:NAME", realm.Show("{"+inside+"}"))
			}
			if plain.Len() > 0 {
				t = append(t, part{text: plain.String()})
				plain.Reset()
			}
			t = append(t, part{name: name, param: param})
			i += len(inside) + 1
		}
	}
	if plain.Len() > 0 {
		t = append(t, part{text: plain.String()})
	}
	return t, nil
}

// of is the value for a call.
func (t template) of(c *policy.Call) string {
	if len(t) == 1 {
		return t[0].of(c)
	}
	var b strings.Builder
	for i := range t {
		b.WriteString(t[i].of(c))
	}
	return b.String()
}

func (p *part) of(c *policy.Call) string {
	switch {
	case p.name == "":
		return p.text
	case p.name == "path":
		return c.Path // is escaped as it is, and so are its parameters
	case p.name != "param":
		return escape(names[p.name](c))
	}
	for _, param := range c.Params {
		if param.Name == p.param {
			return param.Value
		}
	}
	return ""
}

// escape writes a name as part of a field. Upstreams get it back by decoding once, as with what the gateway itself says.
// Spaces stay, for they are what stands between scopes.
func escape(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '%' {
			return escaped(s)
		}
	}
	return s
}

func escaped(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '%' {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
