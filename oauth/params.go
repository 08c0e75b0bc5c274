package oauth

import (
	"unicode/utf8"
)

// MaxParams is the number of parameters a request may carry. No OAuth request needs a tenth of it; without a limit a
// megabyte of "&" is an attack on the parser.
const MaxParams = 256

// A Param is one parameter, decoded.
type Param struct{ Name, Value string }

// Params are the parameters of one request in the order they came. The zero value has none.
type Params struct {
	list []Param
	dup  string
}

// NewParams returns parameters from name, value pairs; for tests and for faces that build a request themselves.
func NewParams(pairs ...string) Params {
	var p Params
	for i := 0; i+1 < len(pairs); i += 2 {
		p.Add(pairs[i], pairs[i+1])
	}
	return p
}

// Add appends a parameter. A name that is there already is remembered as a duplicate.
func (p *Params) Add(name, value string) {
	if p.dup == "" && p.Has(name) {
		p.dup = name
	}
	p.list = append(p.list, Param{name, value})
}

// Get returns the first value of name, "" if there is none.
func (p Params) Get(name string) string {
	v, _ := p.Lookup(name)
	return v
}

// Lookup returns the first value of name and whether there is one.
func (p Params) Lookup(name string) (string, bool) {
	for i := range p.list {
		if p.list[i].Name == name {
			return p.list[i].Value, true
		}
	}
	return "", false
}

// Has reports whether name is there, if only with an empty value.
func (p Params) Has(name string) bool {
	_, ok := p.Lookup(name)
	return ok
}

// Set replaces every value of name by one.
func (p *Params) Set(name, value string) {
	kept := make([]Param, 0, len(p.list)+1)
	for _, q := range p.list {
		if q.Name != name {
			kept = append(kept, q)
		}
	}
	p.list = append(kept, Param{name, value})
	if p.dup == name {
		p.dup = ""
	}
}

// Len returns the number of parameters.
func (p Params) Len() int { return len(p.list) }

// All returns the parameters in order. The slice is the caller's to read only.
func (p Params) All() []Param { return p.list }

// Duplicate returns the name of a parameter that came more than once, "" if none did. RFC 6749 section 3.2 forbids
// repetition; a dialect whose product took the first value simply does not ask.
func (p Params) Duplicate() string { return p.dup }

// ParseForm decodes an application/x-www-form-urlencoded body or query (WHATWG URL section 5.1), strictly: a broken
// percent-escape, invalid UTF-8, a NUL or more than MaxParams parameters is an error of reason RequestMalformed whose
// Subject names the parameter where that is known.
func ParseForm(body string) (Params, error) {
	var p Params
	for len(body) > 0 {
		var pair string
		if i := indexByte(body, '&'); i >= 0 {
			pair, body = body[:i], body[i+1:]
		} else {
			pair, body = body, ""
		}
		if pair == "" {
			continue
		}
		if len(p.list) == MaxParams {
			return Params{}, malformed("", "The request has more than 256 parameters. Send only those this endpoint reads.")
		}
		name, value := pair, ""
		if i := indexByte(pair, '='); i >= 0 {
			name, value = pair[:i], pair[i+1:]
		}
		name, ok := unescape(name)
		if !ok || !clean(name) {
			return Params{}, malformed("", "The name of a parameter is not valid UTF-8 or has a broken percent-escape.")
		}
		value, ok = unescape(value)
		if !ok {
			return Params{}, malformed(name, "The parameter "+printable(name)+" has a broken percent-escape.")
		}
		if !clean(value) {
			return Params{}, malformed(name, "The parameter "+printable(name)+" is not valid UTF-8 or contains a NUL.")
		}
		p.Add(name, value)
	}
	return p, nil
}

func malformed(subject, text string) *Error {
	return &Error{Code: InvalidRequest, Reason: RequestMalformed, Description: text, Subject: subject}
}

// clean reports whether s may travel further: valid UTF-8 without NUL (PostgreSQL text cannot hold one).
func clean(s string) bool {
	return utf8.ValidString(s) && indexByte(s, 0) < 0
}

// printable shortens a name so that it can be shown in an error: ASCII letters, digits, '_', '-' and '.', 40 at most.
func printable(name string) string {
	out := make([]byte, 0, 40)
	for i := 0; i < len(name) && len(out) < 40; i++ {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.':
			out = append(out, c)
		default:
			out = append(out, '?')
		}
	}
	return string(out)
}
