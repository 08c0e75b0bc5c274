package api

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// Why a path is refused. The texts are for the caller and never repeat what was sent.
var (
	ErrPathForm      = errors.New("the path must begin with a slash")
	ErrPathByte      = errors.New("the path contains a byte that does not belong there: a control character, a space, a backslash, \"?\" or \"#\"")
	ErrPathEscape    = errors.New("the path contains a broken percent-escape, or one that is not UTF-8")
	ErrPathSeparator = errors.New("the path contains an encoded slash, backslash or control character; put such data in the query")
	ErrPathDots      = errors.New("the path contains a dot segment, plain or encoded; send the path already resolved")
	ErrPathEmpty     = errors.New("the path contains an empty segment; send single slashes")
)

// ParsePath is the only parser of paths: what it returns is what is matched, what policies see, and what is sent
// upstream, byte for byte. raw is the path as it came on the wire, without the query.
//
// It refuses every spelling about which two servers could disagree: dot segments (plain, encoded, or with a path
// parameter behind the dots), empty segments, encoded separators and control characters, also below a second layer of
// encoding, backslashes, broken escapes and escapes that are not UTF-8. What is left is brought into one form
// (RFC 3986 section 6.2.2): escapes of unreserved characters are decoded, other escapes get upper-case digits, and bytes
// that a path may not contain are escaped. A parsed path parses to itself.
func ParsePath(raw string) (string, error) {
	if raw == "" || raw[0] != '/' {
		return "", ErrPathForm
	}
	path := raw
	if !plain(raw) {
		var err error
		if path, err = normalise(raw); err != nil {
			return "", err
		}
	}
	return path, checkSegments(path)
}

// plain reports whether raw consists of bytes that stay as they are (RFC 3986 section 3.3), so that nothing is copied.
func plain(raw string) bool {
	for i := range len(raw) {
		if class[raw[i]] < sub {
			return false
		}
	}
	return true
}

func normalise(raw string) (string, error) {
	var b strings.Builder
	b.Grow(len(raw) + 8)
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '%':
			if i+2 >= len(raw) || unhex(raw[i+1]) < 0 || unhex(raw[i+2]) < 0 {
				return "", ErrPathEscape
			}
			d := byte(unhex(raw[i+1])<<4 | unhex(raw[i+2]))
			i += 2
			if d == '/' || d == '\\' || d < 0x20 || d == 0x7f {
				return "", ErrPathSeparator
			}
			if class[d] == unreserved {
				b.WriteByte(d)
			} else {
				escape(&b, d)
			}
		case class[c] >= sub:
			b.WriteByte(c)
		case class[c] == foreign:
			escape(&b, c)
		default:
			return "", ErrPathByte
		}
	}
	path := b.String()
	switch {
	case !wellEncoded(path):
		return "", ErrPathEscape
	case hides(path):
		return "", ErrPathSeparator
	}
	return path, nil
}

// hides reports whether there is a dot, a separator or a control character for a server that decodes more often than it
// should.
func hides(path string) bool {
	for {
		_, rest, found := strings.Cut(path, "%25")
		if !found {
			return false
		}
		path = rest
		for strings.HasPrefix(rest, "25") {
			rest = rest[2:]
		}
		if len(rest) < 2 || unhex(rest[0]) < 0 || unhex(rest[1]) < 0 {
			continue
		}
		d := unhex(rest[0])<<4 | unhex(rest[1])
		if d == '.' || d == '/' || d == '\\' || d < 0x20 || d == 0x7f {
			return true
		}
	}
}

// wellEncoded reports whether the decoded path is UTF-8. What is not may be a separator in disguise (an overlong form).
func wellEncoded(path string) bool {
	var seq [utf8.UTFMax]byte
	n := 0
	for i := 0; i < len(path); i++ {
		d := path[i]
		if d == '%' {
			d = byte(unhex(path[i+1])<<4 | unhex(path[i+2]))
			i += 2
		}
		if d < utf8.RuneSelf {
			if n > 0 {
				return false
			}
			continue
		}
		seq[n] = d
		n++
		if utf8.FullRune(seq[:n]) {
			if r, size := utf8.DecodeRune(seq[:n]); r == utf8.RuneError && size == 1 {
				return false
			}
			n = 0
		}
	}
	return n == 0
}

func checkSegments(path string) error {
	for rest := path[1:]; ; {
		segment, after, more := strings.Cut(rest, "/")
		if segment == "" && more {
			return ErrPathEmpty
		}
		// "..;a=b" is ".." to a server that takes path parameters off first.
		name := segment
		if i := strings.IndexByte(name, ';'); i >= 0 {
			name = name[:i]
		}
		if i := strings.Index(name, "%3B"); i >= 0 {
			name = name[:i]
		}
		if name == "." || name == ".." {
			return ErrPathDots
		}
		if name == "" && segment != "" {
			return ErrPathEmpty
		}
		if !more {
			return nil
		}
		rest = after
	}
}

func escape(b *strings.Builder, c byte) {
	const digits = "0123456789ABCDEF"
	b.WriteByte('%')
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Classes of bytes in a path. Those from sub on stand as they are.
const (
	refused    = iota // never
	foreign           // not in the grammar, but sent by browsers: escaped
	sub               // sub-delims, ":", "@" and the slash: kept as they are, and kept encoded if they were
	unreserved        // RFC 3986 section 2.3: always decoded
)

var class = func() (t [256]byte) {
	for i := range t {
		c := byte(i)
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			t[i] = unreserved
		case strings.IndexByte("!$&'()*+,;=:@/", c) >= 0:
			t[i] = sub
		case c >= 0x80, strings.IndexByte("\"<>[]^`{|}", c) >= 0:
			t[i] = foreign
		}
	}
	return t
}()
