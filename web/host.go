package web

import (
	"net/netip"
	"strings"
)

// validHost reports whether a Host field is one that everybody reads alike: a name of letters, digits, hyphens and
// underscores between its dots, or an address, and a port. RFC 3986 section 3.2.2 lets names have escapes and delimiters as
// well; no host has such a name, and who decodes them finds another one. Nothing at all is for requests that are to no
// host in particular (RFC 9112 section 3.2).
func validHost(host string) bool {
	name := host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && host[len(host)-1] != ']' {
		if name = host[:i]; name == "" || !isPort(host[i+1:]) {
			return false
		}
	}
	if strings.HasPrefix(name, "[") {
		a, err := netip.ParseAddr(strings.TrimSuffix(name[1:], "]"))
		return err == nil && a.Is6() && a.Zone() == "" && strings.HasSuffix(name, "]")
	}
	label := 0
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			label++
		case c == '.' && label > 0:
			label = 0
		default:
			return false
		}
	}
	return true
}

func isPort(port string) bool {
	for i := range len(port) {
		if c := port[i]; c < '0' || c > '9' {
			return false
		}
	}
	return len(port) <= 5
}
