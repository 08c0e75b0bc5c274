package signature

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

var errNotJSON = errors.New("not JSON")

// minify writes a JSON text anew without white space between its tokens. The order of members stays, repeated ones stay,
// and numbers are written as they came. Strings are written as JSON writers do: only what has to be escaped is. It reports
// whether any string had an escape. An empty body is the empty text.
func minify(body []byte) (text []byte, escaped bool, err error) {
	if len(bytes.TrimLeft(body, " \t\r\n")) == 0 {
		return nil, false, nil
	}
	if !utf8.Valid(body) {
		return nil, false, errNotJSON
	}
	var compact bytes.Buffer
	compact.Grow(len(body))
	if err := json.Compact(&compact, body); err != nil {
		return nil, false, errNotJSON
	}
	text = compact.Bytes()
	if bytes.IndexByte(text, '\\') < 0 {
		return text, false, nil
	}
	return rewrite(text), true, nil
}

// stripped is a JSON text that minify has accepted, without white space between its tokens and otherwise as it came.
func stripped(body []byte) []byte {
	var compact bytes.Buffer
	_ = json.Compact(&compact, body)
	return compact.Bytes()
}

// rewrite writes the strings of a compact JSON text anew. Outside strings such a text has neither quotes nor backslashes.
func rewrite(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		begin := bytes.IndexByte(text, '"')
		if begin < 0 {
			return append(out, text...)
		}
		out = append(out, text[:begin]...)
		end := begin + 1
		for text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		out = appendString(out, text[begin:end+1])
		text = text[end+1:]
	}
	return out
}

// appendString writes one quoted string anew (RFC 8259 section 7).
func appendString(out, quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return append(out, quoted...)
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil || loneSurrogate(quoted) {
		return append(out, quoted...) // no other spelling says the same
	}
	out = append(out, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c >= ' ':
			out = append(out, c)
		default:
			out = appendControl(out, c)
		}
	}
	return append(out, '"')
}

func appendControl(out []byte, c byte) []byte {
	const short, letters = "\b\f\n\r\t", "bfnrt"
	if i := bytes.IndexByte([]byte(short), c); i >= 0 {
		return append(out, '\\', letters[i])
	}
	const hex = "0123456789ABCDEF"
	return append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// loneSurrogate reports whether an escape names half a character, for which the decoder puts U+FFFD.
func loneSurrogate(quoted []byte) bool {
	for i := 0; i+5 < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		if quoted[i+1] != 'u' {
			i++
			continue
		}
		n := unit(quoted[i+2:])
		i += 5
		switch {
		case n >= 0xDC00 && n < 0xE000:
			return true
		case n < 0xD800 || n >= 0xE000:
		case i+6 < len(quoted) && quoted[i+1] == '\\' && quoted[i+2] == 'u' && unit(quoted[i+3:])>>10 == 0xDC00>>10:
			i += 6
		default:
			return true
		}
	}
	return false
}

// unit reads four hex digits.
func unit(b []byte) uint64 {
	if len(b) < 4 {
		return 0
	}
	n, _ := strconv.ParseUint(string(b[:4]), 16, 32)
	return n
}
