package ipfilter

import "sallyport/client"

// Settings are the addresses that may call, and those that may not. At least one of both has to be named.
type Settings struct {
	// Allow lists addresses and prefixes ("192.0.2.7", "10.0.0.0/8", "2001:db8::/32") that may call. If there are any, nobody
	// else may.
	Allow []client.Network `json:"allow,omitempty"`
	// Deny lists addresses and prefixes that may not call, also if they are allowed.
	Deny []client.Network `json:"deny,omitempty"`
}
