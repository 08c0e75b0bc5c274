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
		"x-client-cert",    // likewise
		"x-envoy-",         // what Envoy believes of itself: another path, an address, a retry
		"x-ms-client-principal",
		"x-goog-authenticated-user-",
		"x-authentik-",
		"x-pomerium-",
		"x-vouch-",
		"x-appengine-",
		"cf-access-authenticated-",
		"tailscale-user-",
	}
	identityNames = map[string]bool{
		"forwarded": true, // RFC 7239
		"x-real-ip": true, "x-client-ip": true, "x-cluster-client-ip": true, "x-originating-ip": true, "x-proxyuser-ip": true,
		"true-client-ip": true, "client-ip": true, "cf-connecting-ip": true, "fastly-client-ip": true,
		"x-azure-clientip": true, "x-azure-socketip": true,
		"client-cert": true, "client-cert-chain": true, // RFC 9440
		"x-client-dn": true, "x-client-verify": true, "x-arr-clientcert": true,
		"x-amzn-oidc-identity": true, "x-userinfo": true,
		"x-request-id": true, // ours; the listener has read a trusted proxy's
		"x-host":       true, "x-http-host-override": true,
		"proxy":               true,                                                       // becomes the environment variable HTTP_PROXY
		"proxy-authorization": true, "proxy-authenticate": true, "proxy-connection": true, // not ours to pass on, in any spelling
	}
	// Framing fields in a spelling that we do not read and others do.
	framingNames  = map[string]bool{"content-length": true, "transfer-encoding": true}
	overrideNames = map[string]bool{
		"x-http-method-override": true, "x-http-method": true, "x-method-override": true,
	}
)

// longestName is longer than any name above, so that a folded name that fills it matches by its prefix or not at all.
const longestName = 32

// clean removes what a caller must not tell an upstream, in one go: what belongs to the caller's connection (RFC 9110
// section 7.6.1) and what says who calls. It runs before any policy adds something, so nobody can have ours removed by
// naming it in Connection.
//
// It reports whether the caller asks to switch to WebSocket. Any other switch is forgotten: h2c, say, would open a channel
// in which calls pass by unseen.
func clean(h http.Header) (websocket bool) {
	trailers := hasToken(h["Te"], "trailers")
	if connection := h["Connection"]; connection != nil {
		up := h["Upgrade"]
		websocket = len(up) == 1 && strings.EqualFold(up[0], "websocket") && hasToken(connection, "upgrade")
		removeNamed(h, connection)
	}
	for name := range h {
		if isHop(name) || isFraming(name) || isIdentity(name) {
			delete(h, name)
		}
	}
	hideCookies(h)
	if trailers {
		h["Te"] = teTrailers
	}
	return websocket
}

var teTrailers = []string{"trailers"}

// isHop reports whether a field belongs to one connection. Names are as net/http makes them.
func isHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings":
		return true
	}
	return false
}

// isFraming reports whether a field says where the message ends or whom it is for. We say so ourselves.
func isFraming(name string) bool { return name == "Content-Length" || name == "Host" }

// removeNamed removes the fields that a Connection field names.
func removeNamed(h http.Header, connection []string) {
	for _, list := range connection {
		for list != "" {
			var name string
			name, list, _ = strings.Cut(list, ",")
			if name = strings.Trim(name, " \t"); name != "" {
				delete(h, http.CanonicalHeaderKey(name))
			}
		}
	}
}

// hasToken reports whether a list has a token (RFC 9110 section 5.6.1). Tokens compare without case.
func hasToken(lists []string, token string) bool {
	for _, list := range lists {
		for list != "" {
			var item string
			item, list, _ = strings.Cut(list, ",")
			if strings.EqualFold(strings.Trim(item, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// removeOverrides removes what asks for another method than the request's own, when the method was part of the decision.
func removeOverrides(h http.Header) {
	for name := range h {
		if len(name) > 2 && name[0] == 'X' {
			var buf [longestName]byte
			if overrideNames[string(fold(name, &buf))] {
				delete(h, name)
			}
		}
	}
}

func isIdentity(name string) bool {
	if name == "" {
		return false
	}
	switch name[0] | 0x20 {
	case 'x', 'f', 't', 'c', 'r', 's', 'p': // the first letters of all names above
	default:
		return false
	}
	switch name { // what callers send all the time
	case "Content-Type", "Cookie", "Cache-Control", "Referer", "Range", "Pragma", "Priority", "Traceparent", "Tracestate", "X-Requested-With",
		"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "X-Api-Key":
		return false
	}
	var buf [longestName]byte
	folded := fold(name, &buf)
	for _, prefix := range identityPrefixes {
		if len(folded) >= len(prefix) && folded[2] == prefix[2] && string(folded[:len(prefix)]) == prefix {
			return true
		}
	}
	return identityNames[string(folded)] || framingNames[string(folded)] || overrideNames[string(folded)] && isOdd(name)
}

// isOdd reports whether a name is not spelled as anybody does who means well.
func isOdd(name string) bool {
	for i := range len(name) {
		if c := name[i]; c != '-' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return true
		}
	}
	return false
}

// fold writes a name, as far as it fits, in lower case and with a hyphen for all that is neither a letter nor a digit.
func fold(name string, buf *[longestName]byte) []byte {
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
	return buf[:n]
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
