package lean

import "encoding/binary"

// What a byte may be part of.
const (
	inToken  = 1 << iota // RFC 9110 section 5.6.2
	inHost               // of a Host field; a percent sign is looked at separately
	inTarget             // of a path or query: anything but blanks, controls and "#"
)

// chars says for each byte what it may be part of.
var chars = func() (table [256]uint8) {
	for c := range table {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			table[c] = inToken | inHost | inTarget
		case c > ' ' && c != 0x7f && c != '#':
			table[c] = inTarget
		}
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		table[c] |= inToken
	}
	for _, c := range "-._~!$&'()*+,;=:[]%" { // RFC 3986 section 3.2.2, and the colon before a port
		table[c] |= inHost
	}
	return table
}()

// IsToken says whether a method or the name of a field is what RFC 9110 section 5.6.2 calls a token.
func IsToken(s string) bool {
	for i := range len(s) {
		if chars[s[i]]&inToken == 0 {
			return false
		}
	}
	return s != ""
}

// IsQuery says whether a query can be written into a request line, where a blank would end it. Other bytes are for the
// upstream to judge.
func IsQuery(query string) bool {
	for i := range len(query) {
		if chars[query[i]]&inTarget == 0 {
			return false
		}
	}
	return true
}

// Bytes of field names, as they are at the beginning of a word and within one; 0: not part of a name.
var initial, within = func() (initial, within [256]byte) {
	for c := range 256 {
		if chars[c]&inToken == 0 {
			continue
		}
		initial[c], within[c] = byte(c), byte(c)
		if 'a' <= c && c <= 'z' {
			initial[c] -= 'a' - 'A'
		}
		if 'A' <= c && c <= 'Z' {
			within[c] += 'a' - 'A'
		}
	}
	return
}()

func consistsOf(b []byte, kind uint8) bool {
	for _, c := range b {
		if chars[c]&kind == 0 {
			return false
		}
	}
	return true
}

// isText says whether b has no control characters but tabs, so that it may be a field's value (RFC 9110 section 5.5). It
// looks at eight bytes at a time.
func isText(b []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(b) >= 8 {
		x := binary.LittleEndian.Uint64(b)
		del := x ^ 0x7f*ones
		if ((x-' '*ones)&^x|(del-ones)&^del)&tops != 0 && !isTextSlowly(b[:8]) {
			return false
		}
		b = b[8:]
	}
	return isTextSlowly(b)
}

func isTextSlowly(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// equalFold says whether s is a name, given in lower case, in any case.
func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
