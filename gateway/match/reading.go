package match

import (
	"bytes"
	"strings"

	"sallyport/api"
)

// Servers read a segment in more than one way: some take path parameters off first (RFC 3986 section 3.3), most take "%3A"
// for ":" although section 2.2 says that those differ, and some decode what has been decoded before. A reading is what the
// boldest of them makes of a segment. Where it leads elsewhere than the segment as it stands, nobody can say which rules
// are meant.

// reads reports whether any segment of a path has a reading other than itself.
func reads(path string) bool {
	return strings.IndexByte(path, '%') >= 0 || strings.IndexByte(path, ';') >= 0
}

// room is for the readings of most segments.
const room = 64

// reading appends the reading of a segment: decoded for as long as there is something to decode, and without what is behind
// a semicolon.
func reading(into []byte, segment string) []byte {
	into = append(into, segment...)
	for some := true; some; {
		into, some = decode(into)
	}
	if i := bytes.IndexByte(into, ';'); i >= 0 {
		into = into[:i]
	}
	return into
}

// decode takes off one layer of escapes, in place.
func decode(text []byte) (plain []byte, some bool) {
	n := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' && i+2 < len(text) && unhex(text[i+1]) < 16 && unhex(text[i+2]) < 16 {
			c, i, some = unhex(text[i+1])<<4|unhex(text[i+2]), i+2, true
		}
		text[n] = c
		n++
	}
	return text[:n], some
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}

// nextRead returns what follows by the reading of a segment. Where several patterns have the same, that is the one which is
// its own reading, or else the first by the alphabet: of those, the others are found by nobody.
func (n *node[T]) nextRead(name []byte) *node[T] {
	if n.many == nil {
		return firstRead(n.few, name)
	}
	if to := n.many[string(name)]; to != nil {
		return to
	}
	return firstRead(n.escaped, name)
}

func firstRead[T any](edges []edge[T], name []byte) (to *node[T]) {
	first := ""
	for i := range edges {
		e := &edges[i]
		switch {
		case e.read != string(name):
		case e.segment == e.read:
			return e.to
		case to == nil || e.segment < first:
			first, to = e.segment, e.to
		}
	}
	return to
}

// plainly reports whether a segment of a pattern could be sent in another spelling that stands for itself: then every path
// has to be read twice.
func plainly(segment, read string) bool {
	if segment == read {
		return false
	}
	parsed, err := api.ParsePath("/" + read)
	return err == nil && parsed == "/"+read
}
