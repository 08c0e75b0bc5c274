package digirunner

import (
	"encoding/base64"
	"strings"
)

// looseBase64 decodes Base64 as it arrives after real HTTP clients handled it: a plus sign that a form decoder turned
// into a space, padding that is missing, the URL-safe alphabet, line breaks. What remains must be Base64; anything else
// is reported, never skipped.
func looseBase64(s string) (plain []byte, ok bool) {
	if i := strings.IndexByte(s, '='); i >= 0 {
		if strings.Trim(s[i:], "= \r\n\t") != "" {
			return nil, false // padding in the middle
		}
		s = s[:i]
	}
	text := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; c {
		case ' ', '-':
			text = append(text, '+')
		case '_':
			text = append(text, '/')
		case '\r', '\n', '\t':
		default:
			text = append(text, c)
		}
	}
	plain = make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	n, err := base64.RawStdEncoding.Decode(plain, text)
	return plain[:n], err == nil
}

// unmatchable is put before a secret that is not Base64. It keeps the secret from matching anything (no stored secret
// starts with a NUL), so that the guess is counted like any other wrong one.
const unmatchable = "\x00"

// secretText decodes a secret that must be Base64 in this dialect.
func secretText(s string) string {
	plain, ok := looseBase64(s)
	if !ok {
		return unmatchable + s
	}
	return string(plain)
}
