// Package ipfilter is the policy that lets calls in by the address that they come from, before anybody looks at a
// credential. The address is that of the connection, or what a trusted proxy says; which those are, the server's
// configuration says. It refuses with 403.
package ipfilter

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"

	"sallyport/client"
	"sallyport/policy"
)

//go:embed settings.go
var source string

type filter struct {
	allow, deny networks
}

// Kind returns the policy.
func Kind() policy.Kind {
	return policy.Kind{Rank: policy.RankIPFilter, Source: source, New: func(_ policy.Site, settings json.RawMessage) (policy.Policy, error) {
		var s Settings
		if err := policy.Decode(settings, &s); err != nil {
			return nil, err
		}
		if len(s.Allow) == 0 && len(s.Deny) == 0 {
			return nil, errors.New("allow and deny: both are empty; name addresses in one of them, or take the policy out")
		}
		return &filter{allow: of(s.Allow), deny: of(s.Deny)}, nil
	}}
}

// Request implements policy.Policy.
func (f *filter) Request(_ context.Context, c *policy.Call) error {
	from := c.Source.Unmap().WithZone("")
	switch {
	case f.deny.contain(from):
		return refuse(from, "is among those that are denied")
	case f.allow.some() && !f.allow.contain(from):
		return refuse(from, "is not among those that are allowed")
	}
	return nil
}

func refuse(from netip.Addr, rule string) *policy.Refusal {
	return &policy.Refusal{
		Status: 403, Reason: policy.AddressDenied,
		Detail:  "This API may not be called from this address.",
		Facts:   []policy.Fact{{Name: "address of the caller", Value: from.String(), Public: true}, {Name: "rule", Value: "it " + rule}},
		Fix:     "Call from an address that the API allows, or have its owner allow this one.",
		Subject: from.String(),
	}
}

// networks is a set of networks in which an address is found by as many looks as there are lengths of prefixes.
type networks struct {
	lengths []int // of IPv4 below 0, of IPv6 from 0: ^bits and bits
	known   map[netip.Prefix]bool
}

func of(list []client.Network) networks {
	n := networks{known: map[netip.Prefix]bool{}}
	for _, network := range list {
		bits := network.Bits()
		if network.Addr().Is4() {
			bits = ^bits
		}
		if !slices.Contains(n.lengths, bits) {
			n.lengths = append(n.lengths, bits)
		}
		n.known[network.Prefix] = true
	}
	return n
}

func (n networks) some() bool { return len(n.lengths) > 0 }

func (n networks) contain(a netip.Addr) bool {
	for _, bits := range n.lengths {
		if bits < 0 != a.Is4() {
			continue
		}
		if bits < 0 {
			bits = ^bits
		}
		if p, err := a.Prefix(bits); err == nil && n.known[p] {
			return true
		}
	}
	return false
}
