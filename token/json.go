package token

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A jsonReader reads the JSON this package writes: one object of strings, integers and arrays of strings, without white
// space. Whatever else a stranger may put into a token is an error, a repeated member above all (RFC 7515 section 4).
type jsonReader struct {
	s   string
	i   int
	bad bool
}

const maxMembers = 32

// readObject calls member for each member of the object s; member reads the value. It returns false if s is anything else.
func readObject(s string, member func(r *jsonReader, name string)) bool {
	r := &jsonReader{s: s}
	var seen [maxMembers]string
	r.expect('{')
	for n := 0; !r.bad && !r.accept('}'); n++ {
		if n > 0 {
			r.expect(',')
		}
		name := r.str()
		r.expect(':')
		if r.bad || n == maxMembers {
			return false
		}
		for _, other := range seen[:n] {
			if other == name {
				return false
			}
		}
		seen[n] = name
		member(r, name)
	}
	return !r.bad && r.i == len(s)
}

func (r *jsonReader) accept(c byte) bool {
	if r.i < len(r.s) && r.s[r.i] == c {
		r.i++
		return true
	}
	return false
}

func (r *jsonReader) expect(c byte) {
	if !r.accept(c) {
		r.bad = true
	}
}

// integer reads -?(0|[1-9][0-9]*) of at most 18 digits.
func (r *jsonReader) integer() int64 {
	start := r.i
	r.accept('-')
	digits := r.i
	for r.i < len(r.s) && r.s[r.i] >= '0' && r.s[r.i] <= '9' {
		r.i++
	}
	n := r.i - digits
	if n == 0 || n > 18 || n > 1 && r.s[digits] == '0' {
		r.bad = true
		return 0
	}
	v, err := strconv.ParseInt(r.s[start:r.i], 10, 64)
	r.bad = r.bad || err != nil
	return v
}

func (r *jsonReader) strs() []string {
	var list []string
	r.expect('[')
	for n := 0; !r.bad && !r.accept(']'); n++ {
		if n > 0 {
			r.expect(',')
		}
		list = append(list, r.str())
	}
	return list
}

// oneOrMore reads "aud": a string, or an array of them (RFC 7519 section 4.1.3).
func (r *jsonReader) oneOrMore() []string {
	if r.i < len(r.s) && r.s[r.i] == '"' {
		return []string{r.str()}
	}
	return r.strs()
}

// skip reads over a value of one of the known kinds.
func (r *jsonReader) skip() {
	switch {
	case r.i >= len(r.s):
		r.bad = true
	case r.s[r.i] == '"':
		r.str()
	case r.s[r.i] == '[':
		r.strs()
	default:
		r.integer()
	}
}

func (r *jsonReader) str() string {
	r.expect('"')
	for i := r.i; !r.bad && i < len(r.s); i++ {
		switch c := r.s[i]; {
		case c == '"':
			s := r.s[r.i:i]
			r.i = i + 1
			r.bad = !utf8.ValidString(s)
			return s
		case c == '\\':
			return r.escaped(i)
		case c < 0x20:
			r.bad = true
		}
	}
	r.bad = true
	return ""
}

// escaped is str once an escape was met, at i.
func (r *jsonReader) escaped(i int) string {
	out := []byte(r.s[r.i:i])
	for i < len(r.s) {
		c := r.s[i]
		i++
		switch {
		case c == '"':
			r.i = i
			r.bad = !utf8.Valid(out)
			return string(out)
		case c < 0x20:
			r.bad = true
			return ""
		case c != '\\':
			out = append(out, c)
			continue
		}
		n, char := unescape(r.s[i:])
		if n == 0 {
			break
		}
		out = utf8.AppendRune(out, char)
		i += n
	}
	r.bad = true
	return ""
}

// unescape reads what follows a backslash and returns its length, 0 if it is no escape.
func unescape(s string) (int, rune) {
	if s == "" {
		return 0, 0
	}
	switch s[0] {
	case '"', '\\', '/':
		return 1, rune(s[0])
	case 'b':
		return 1, '\b'
	case 'f':
		return 1, '\f'
	case 'n':
		return 1, '\n'
	case 'r':
		return 1, '\r'
	case 't':
		return 1, '\t'
	case 'u':
		high, ok := hex4(s[1:])
		if !ok {
			return 0, 0
		}
		if !utf16.IsSurrogate(high) {
			return 5, high
		}
		if len(s) < 11 || s[5] != '\\' || s[6] != 'u' {
			return 0, 0
		}
		low, ok := hex4(s[7:])
		r := utf16.DecodeRune(high, low)
		if !ok || r == utf8.RuneError {
			return 0, 0
		}
		return 11, r
	}
	return 0, 0
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(v), err == nil
}
