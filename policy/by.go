package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"sallyport/expression"
)

// A By says whose calls are counted together. The zero value counts by client.
type By struct {
	kind       byKind
	expression *expression.Expression
}

type byKind uint8

const (
	byClient byKind = iota
	byUser
	byCredential
	byAddress
	byAPI
	byExpression
)

// byNames are as settings have them.
var byNames = [...]string{"client", "user", "key", "address", "api"}

// ParseBy reads the setting "by" of a policy; empty means client.
//
//	client      who calls, whatever credential it comes with
//	user        the user that a token speaks for; of calls without one, the client
//	key         the credential: one token, one API key; of calls without one, the client
//	address     where the call comes from; of IPv6 the /64 that one subscriber has. Needs nobody to be known
//	api         all calls together
//	expression: …  an expression of package expression whose value is text
//
// Who calls without a credential counts by address, where it would be the client.
func ParseBy(text string) (By, error) {
	if source, ok := strings.CutPrefix(text, "expression:"); ok {
		e, err := expression.Compile(strings.TrimSpace(source))
		if err != nil {
			return By{}, fmt.Errorf("by: %w", err)
		}
		return By{byExpression, e}, nil
	}
	for i, name := range byNames {
		if text == name || text == "" {
			return By{kind: byKind(i)}, nil
		}
	}
	return By{}, errors.New("by: not a way to count; write client, user, key, address, api, or expression: and an expression")
}

// Early reports whether the key is known before anybody is authenticated.
func (b By) Early() bool { return b.kind == byAddress }

// Sticky reports whether the key is the same for every call with the call's credential, so that what is counted under it
// may be remembered with the credential (Caller.Slots).
func (b By) Sticky(c *Call) bool {
	return b.kind <= byCredential && c.Caller.Slots != nil && c.Caller.Client != ""
}

// String returns the setting.
func (b By) String() string {
	if b.kind == byExpression {
		return "expression: " + b.expression.String()
	}
	return byNames[b.kind]
}

// A Key is what calls that are counted together have in common. It compares with ==.
type Key struct {
	kind byKind
	text string
	addr [16]byte
}

// longestKey bounds what one key takes in memory and in the store.
const longestKey = 128

// Key returns the key of a call. It allocates nothing, but for expressions.
func (b By) Key(c *Call) (Key, error) {
	switch b.kind {
	case byUser:
		if c.Caller.User != "" {
			return textKey(byUser, c.Caller.User), nil
		}
	case byCredential:
		if c.Caller.Credential != "" {
			return textKey(byCredential, c.Caller.Credential), nil
		}
	case byAddress:
		return addressKey(c.Source), nil
	case byAPI:
		return Key{kind: byAPI}, nil
	case byExpression:
		text, err := b.expression.Text(variables{c})
		if err != nil {
			return Key{}, fmt.Errorf("by: %w", err)
		}
		return textKey(byExpression, text), nil
	}
	if c.Caller.Client == "" {
		return addressKey(c.Source), nil
	}
	return textKey(byClient, c.Caller.Client), nil
}

func textKey(kind byKind, text string) Key {
	if len(text) > longestKey {
		sum := sha256.Sum256([]byte(text))
		text = "sha256:" + hex.EncodeToString(sum[:])
	}
	return Key{kind: kind, text: text}
}

func addressKey(a netip.Addr) Key {
	k := Key{kind: byAddress, addr: a.As16()}
	if a.Is6() && !a.Is4In6() {
		clear(k.addr[8:])
	}
	return k
}

// String writes the key, unlike every other one: "client/shop", "address/192.0.2.1".
func (k Key) String() string {
	switch k.kind {
	case byAddress:
		a := netip.AddrFrom16(k.addr).Unmap()
		if a.Is6() {
			return "address/" + a.String() + "/64"
		}
		return "address/" + a.String()
	case byAPI:
		return "api"
	case byExpression:
		return "expression/" + k.text
	}
	return byNames[k.kind] + "/" + k.text
}

// Public reports whether a caller may be told the key: its own name, but not what an operator's expression made of it.
func (k Key) Public() bool { return k.kind != byExpression }

// Hash spreads keys over the parts of what is kept in parts.
func (k *Key) Hash() uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	if k.kind == byAddress {
		for _, c := range k.addr {
			h = (h ^ uint64(c)) * 1099511628211
		}
		return h ^ h>>32
	}
	for i := range len(k.text) {
		h = (h ^ uint64(k.text[i])) * 1099511628211
	}
	return h ^ h>>32
}
