package fetch

import (
	"net/netip"
	"slices"
)

// never are addresses that no document is fetched from: they mean nobody, everybody, or the machine's own surroundings,
// where cloud providers answer with credentials.
var never = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/3", "100.100.100.200/32",
	"::/128", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::/32", "100::/64",
)

// private are addresses of one's own network (RFC 6890), where only an administrator may send this server.
var private = prefixes(
	"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15",
	"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "192.88.99.0/24",
	"::1/128", "fc00::/7", "2001::/23", "2001:db8::/32",
)

// wrapped are IPv6 addresses that lead to the IPv4 address in them: where it begins, in bytes.
var wrapped = map[netip.Prefix]int{
	netip.MustParsePrefix("::/96"):          12,
	netip.MustParsePrefix("64:ff9b::/96"):   12, // RFC 6052
	netip.MustParsePrefix("64:ff9b:1::/48"): 12, // RFC 8215
	netip.MustParsePrefix("2002::/16"):      2,  // RFC 3056
}

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, t := range texts {
		list = append(list, netip.MustParsePrefix(t))
	}
	return list
}

// Allowed reports whether a document may be fetched from an address. An administrator's URL may lead to private ones.
func Allowed(a netip.Addr, byAdministrator bool) bool {
	a = a.Unmap().WithZone("")
	within := func(list []netip.Prefix) bool {
		return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	if !a.IsValid() || within(never) || !byAdministrator && within(private) {
		return false
	}
	if a == netip.IPv6Loopback() {
		return true
	}
	for p, at := range wrapped {
		if p.Contains(a) {
			b := a.As16()
			return Allowed(netip.AddrFrom4([4]byte(b[at:at+4])), byAdministrator)
		}
	}
	return true
}
