package throttle

import (
	"hash/maphash"
	"net/netip"
)

// A key stands for a name and source. Names come from strangers and may be long, so only their hash is kept: twice 64 bits
// under seeds that nobody outside knows.
type key [2]uint64

type kind byte

const (
	kindClient kind = 'c'
	kindUser   kind = 'u'
)

func (t *Throttle) key(k kind, realm, name string, from netip.Prefix) key {
	var room [256]byte // enough for any name that exists; a longer one goes to the heap
	b := append(room[:0], byte(k), byte(from.Bits()))
	a := from.Addr().As16()
	b = append(b, a[:]...)
	b = append(b, realm...)
	b = append(b, 0)
	b = append(b, name...)
	return key{maphash.Bytes(t.seeds[0], b), maphash.Bytes(t.seeds[1], b)}
}

// network is what counts as one source: an IPv4 address, or the /64 of an IPv6 address, which is what one customer gets.
// An address that is not known is a source of its own.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

func (t *Throttle) pair(k key) *pair {
	if p, ok := t.pairs.GetIfPresent(k); ok {
		return p
	}
	p, _ := t.pairs.SetIfAbsent(k, &pair{})
	return p
}

func (t *Throttle) account(k key) *account {
	if u, ok := t.users.GetIfPresent(k); ok {
		return u
	}
	u, _ := t.users.SetIfAbsent(k, &account{})
	return u
}
