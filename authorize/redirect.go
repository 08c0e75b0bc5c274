package authorize

import (
	"slices"
	"strings"
)

// Registered reports whether a client may be answered at uri: one of its redirect URIs, compared character by character
// (RFC 9700 section 2.1), or one of those on the loopback interface at whatever port (RFC 8252 section 7.3), because a native
// application takes the port it is given. Nothing is decoded, resolved or folded: what two readers could read in two ways is
// never equal.
func Registered(uris []string, uri string) bool {
	if slices.Contains(uris, uri) {
		return true
	}
	host, rest, ok := loopback(uri)
	return ok && slices.ContainsFunc(uris, func(one string) bool {
		h, r, ok := loopback(one)
		return ok && h == host && r == rest
	})
}

// loopback takes a URI of the loopback interface apart into its host and what follows the port. The name localhost counts
// where a client has registered it (RFC 8252 section 8.3 advises against that).
func loopback(uri string) (host, rest string, ok bool) {
	at, ok := strings.CutPrefix(uri, "http://")
	if !ok {
		return "", "", false
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		rest, ok := strings.CutPrefix(at, host)
		if !ok {
			continue
		}
		if after, hasPort := strings.CutPrefix(rest, ":"); hasPort {
			digits := len(after) - len(strings.TrimLeft(after, "0123456789"))
			if !isPort(after[:digits]) {
				return "", "", false
			}
			rest = after[digits:]
		}
		if rest != "" && rest[0] != '/' && rest[0] != '?' {
			return "", "", false
		}
		return host, rest, true
	}
	return "", "", false
}

// isPort reports whether digits are a port number without leading zeros.
func isPort(digits string) bool {
	if digits == "" || len(digits) > 5 || digits[0] == '0' {
		return false
	}
	n := 0
	for _, d := range digits {
		n = n*10 + int(d-'0')
	}
	return n <= 65535
}
