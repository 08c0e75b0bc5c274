package gateway

import (
	"net/http"
	"strings"
)

// Names of request headers that a caller must not set, folded: lower case, and a hyphen for everything that is neither a
// letter nor a digit. Servers that put headers into environment variables (RFC 3875 section 4.1.18) and their heirs do
// not tell "X_Forwarded_For" from "X-Forwarded-For", so neither do we.
var (
	identityPrefixes = [...]string{
		"x-sallyport",      // ours
		"x-forwarded",      // who called, and who an authenticating proxy says he is (…-for, …-user, …-email, …-groups)
		"x-original-",      // another path, method or host than the one that was decided on
		"x-rewrite-",       // likewise
		"x-auth-request-",  // what authenticating proxies say
		"x-authenticated-", // likewise
		"x-remote-",        // likewise
		"remote-",          // likewise, and the address (…-user, …-groups, …-email, …-addr)
		"x-webauth-",       // likewise
		"x-consumer-",      // what other gateways say
		"x-ssl-client",     // what proxies say of a client certificate
		"ssl-client",       // likewise
	}
	identityNames = map[string]bool{
		"forwarded": true, // RFC 7239
		"x-real-ip": true, "x-client-ip": true, "x-cluster-client-ip": true, "x-originating-ip": true,
		"true-client-ip": true, "client-ip": true, "cf-connecting-ip": true, "fastly-client-ip": true,
		"client-cert": true, "client-cert-chain": true, // RFC 9440
		"x-host": true, "x-http-host-override": true,
		"proxy": true, // becomes the environment variable HTTP_PROXY
	}
	overrideNames = map[string]bool{
		"x-http-method-override": true, "x-http-method": true, "x-method-override": true,
	}
)

// longestName is longer than any name above, so that a folded name that fills it matches by its prefix or not at all.
const longestName = 32

// clean removes what a caller must not tell an upstream. overrides says that the method was part of the decision, so that
// headers which ask for another must go as well. What it leaves of Upgrade is WebSocket.
func clean(h http.Header, overrides bool) {
	for name := range h {
		if isIdentity(name, overrides) {
			delete(h, name)
		}
	}
	// A switch to h2c would open a channel in which calls pass by unseen.
	if up, ok := h["Upgrade"]; ok && (len(up) != 1 || !strings.EqualFold(up[0], "websocket")) {
		delete(h, "Upgrade")
	}
}

func isIdentity(name string, overrides bool) bool {
	if name == "" {
		return false
	}
	switch name[0] | 0x20 {
	case 'x', 'f', 't', 'c', 'r', 's', 'p': // the first letters of all names above
	default:
		return false
	}
	var buf [longestName]byte
	n := copy(buf[:], name)
	for i, c := range buf[:n] {
		switch {
		case 'A' <= c && c <= 'Z':
			buf[i] = c | 0x20
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		default:
			buf[i] = '-'
		}
	}
	folded := buf[:n]
	for _, prefix := range identityPrefixes {
		if len(folded) >= len(prefix) && string(folded[:len(prefix)]) == prefix {
			return true
		}
	}
	return identityNames[string(folded)] || overrides && overrideNames[string(folded)]
}

// headerValue writes a name as a header value: bytes other than visible ASCII, and the percent sign, are percent-encoded.
// Upstreams get it back by decoding once.
func headerValue(s string) string {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '%' {
			return encodeValue(s)
		}
	}
	return s
}

func encodeValue(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '%' {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
