package lean

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// DefaultDenied is where no upstream lives: link-local addresses, which include the metadata services of clouds, multicast,
// and addresses that mean "here". Loopback and private addresses are allowed, for upstreams live there.
func DefaultDenied() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("169.254.0.0/16"),
		netip.MustParsePrefix("fe80::/10"),
		netip.MustParsePrefix("fd00:ec2::254/128"),  // metadata services that are elsewhere
		netip.MustParsePrefix("fd20:ce::254/128"),   //
		netip.MustParsePrefix("100.100.100.200/32"), //
		netip.MustParsePrefix("192.0.0.192/32"),     //
		netip.MustParsePrefix("224.0.0.0/4"),
		netip.MustParsePrefix("255.255.255.255/32"),
		netip.MustParsePrefix("ff00::/8"),
		netip.MustParsePrefix("0.0.0.0/8"),
		netip.MustParsePrefix("::/128"),
	}
}

// A Guard refuses connections to some addresses. It is asked when the name has been resolved and the address is about to be
// used, so a name that resolves to something else the second time gains nothing.
type Guard struct {
	denied []netip.Prefix
}

// NewGuard returns a guard for these prefixes; nil means DefaultDenied.
func NewGuard(denied []netip.Prefix) *Guard {
	if denied == nil {
		denied = DefaultDenied()
	}
	return &Guard{denied: denied}
}

// NewDialer returns a dialer that a guard watches.
func NewDialer(denied []netip.Prefix, timeout time.Duration) func(ctx context.Context, network, addr string) (net.Conn, error) {
	g := NewGuard(denied)
	d := &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second, ControlContext: g.Control}
	return d.DialContext
}

// Control is for net.Dialer.ControlContext. Its error matches ErrDenied.
func (g *Guard) Control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q is no IP address with a port", ErrDenied, address)
	}
	if addr := to.Addr(); g.Denies(addr) {
		return fmt.Errorf("%w: %v", ErrDenied, addr)
	}
	return nil
}

// Denies says whether connections to an address are forbidden. An IPv4 address within an IPv6 one is that IPv4 address.
func (g *Guard) Denies(addr netip.Addr) bool {
	addr = addr.WithZone("").Unmap()
	inner := embedded(addr)
	for _, p := range g.denied {
		if p.Contains(addr) || inner.IsValid() && p.Contains(inner) {
			return true
		}
	}
	return false
}

// embedded returns the IPv4 address that a translator or tunnel would send on to: 64:ff9b::/96 (RFC 6052 section 2.1),
// 64:ff9b:1::/48 (RFC 8215), 2002::/16 (RFC 3056 section 2) and ::/96, which RFC 4291 section 2.5.5.1 has given up.
func embedded(addr netip.Addr) netip.Addr {
	if !addr.Is6() || addr.IsLoopback() {
		return netip.Addr{}
	}
	b := addr.As16()
	switch {
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6]))
	case [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b}, [6]byte(b[:6]) == [6]byte{0, 0x64, 0xff, 0x9b, 0, 1}, [12]byte(b[:12]) == [12]byte{}:
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return netip.Addr{}
}
