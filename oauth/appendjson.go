package oauth

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string (RFC 8259 section 7). Bytes that are not UTF-8 become U+FFFD. The answers that
// are written for every token go through here: nothing is allocated but what dst needs.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		switch {
		case c >= utf8.RuneSelf:
			dst = append(dst, "\uFFFD"...)
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i += size
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// AppendSpaced appends the names joined by single spaces as one JSON string: a scope member (RFC 6749 section 3.3).
func AppendSpaced(dst []byte, names []string) []byte {
	dst = append(dst, '"')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ' ')
		}
		at := len(dst)
		dst = AppendString(dst, name)
		dst = append(dst[:at], dst[at+1:len(dst)-1]...) // without its own quotes
	}
	return append(dst, '"')
}

// AppendList appends the names as a JSON array of strings.
func AppendList(dst []byte, names []string) []byte {
	dst = append(dst, '[')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, name)
	}
	return append(dst, ']')
}
