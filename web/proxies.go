package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks of proxies in front of us whose word counts. The zero value trusts nobody.
//
// Only X-Forwarded-For is read. Forwarded (RFC 7239) is not: of two headers that say the same thing, a proxy maintains
// one, and passes the other on as a stranger sent it.
type Proxies []netip.Prefix

// ParseProxies reads networks ("10.0.0.0/8") and single addresses ("::1").
func ParseProxies(list []string) (Proxies, error) {
	var proxies Proxies
	for _, s := range list {
		prefix, err := netip.ParsePrefix(s)
		if addr, addrErr := netip.ParseAddr(s); addrErr == nil && addr.Zone() == "" {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("trusted_proxies: %q is not an address or network; write it like 10.1.2.3 or 10.0.0.0/8", s)
		}
		if prefix.Addr().Is4In6() {
			if prefix.Bits() < 96 {
				return nil, fmt.Errorf("trusted_proxies: %q reaches beyond IPv4; write it like 10.0.0.0/8", s)
			}
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

// Trust reports whether addr is one of the proxies.
func (p Proxies) Trust(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// source returns where a request came from that a trusted peer handed on. Each proxy appends the address of its own peer,
// so the list is read from its right end: the first address that is not a proxy of ours is the client. What stands
// further left is what that client said of itself.
func (p Proxies) source(peer netip.Addr, forwardedFor []string) netip.Addr {
	last := peer
	for i := len(forwardedFor) - 1; i >= 0; i-- {
		for rest := forwardedFor[i]; rest != ""; {
			item := rest
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, item = rest[:comma], rest[comma+1:]
			} else {
				rest = ""
			}
			addr, ok := parseHop(item)
			if !ok {
				return last // the nearest address that somebody we trust vouches for
			}
			last = addr
			if !p.Trust(addr) {
				return addr
			}
		}
	}
	return last
}

// parseHop reads an address, with or without a port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.Trim(s, " \t")
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = ap.Addr()
	}
	return addr.Unmap().WithZone(""), true
}

// forwardedSecure reports whether a request that a trusted peer handed on came by https.
func forwardedSecure(r *http.Request, otherwise bool) bool {
	protos := r.Header["X-Forwarded-Proto"]
	if len(protos) != 1 {
		return otherwise
	}
	switch {
	case strings.EqualFold(protos[0], "https"):
		return true
	case strings.EqualFold(protos[0], "http"):
		return false
	}
	return otherwise
}
