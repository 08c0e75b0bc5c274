package web

import "strings"

// CookiePrefix begins the name of every cookie of this server, after __Host- if that is there. The gateway takes such
// cookies off every call and every answer: they are nobody else's business.
const CookiePrefix = "sallyport-"

// SecureHost is what browsers take as the promise that a cookie was set by this host alone, over https (RFC 6265bis section
// 4.1.3.2).
const SecureHost = "__Host-"

// OwnCookie reports whether a cookie of that name is this server's. Cookie names are case-sensitive, but not everybody who
// looks at them knows: another case is taken for ours as well.
func OwnCookie(name string) bool {
	name = strings.TrimLeft(name, " \t")
	if len(name) >= len(SecureHost) && strings.EqualFold(name[:len(SecureHost)], SecureHost) {
		name = name[len(SecureHost):]
	}
	return len(name) >= len(CookiePrefix) && strings.EqualFold(name[:len(CookiePrefix)], CookiePrefix)
}
