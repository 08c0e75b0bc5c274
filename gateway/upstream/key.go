package upstream

import (
	"fmt"
	"net/http"
	"strings"
)

// Part is a part of a call that targets are chosen by.
type Part int

// Parts of a call.
const (
	PartNone    Part = iota // targets are not chosen by a key
	PartAddress             // the caller's address
	PartClient
	PartUser
	PartPath
	PartHeader // the field Key.Name
	PartCookie // the cookie Key.Name
)

// A Key says what of a call is the key to Group.Pick.
type Key struct {
	Part Part
	Name string // of the header field, in canonical form, or of the cookie
}

// ParseKey reads what api.Balance.Key holds. The error says what to write instead.
func ParseKey(s string) (Key, error) {
	switch s {
	case "", "address":
		return Key{Part: PartAddress}, nil
	case "client":
		return Key{Part: PartClient}, nil
	case "user":
		return Key{Part: PartUser}, nil
	case "path":
		return Key{Part: PartPath}, nil
	}
	kind, name, _ := strings.Cut(s, ":")
	if isToken(name) {
		switch kind {
		case "header":
			return Key{Part: PartHeader, Name: http.CanonicalHeaderKey(name)}, nil
		case "cookie":
			return Key{Part: PartCookie, Name: name}, nil
		}
	}
	return Key{}, fmt.Errorf("%.80q is not a key; write client, user, address, path, header:NAME or cookie:NAME", s)
}

// String writes a Key as ParseKey reads it; "" for PartNone.
func (k Key) String() string {
	switch k.Part {
	case PartAddress:
		return "address"
	case PartClient:
		return "client"
	case PartUser:
		return "user"
	case PartPath:
		return "path"
	case PartHeader:
		return "header:" + k.Name
	case PartCookie:
		return "cookie:" + k.Name
	}
	return ""
}

// isToken: names of fields (RFC 9110 section 5.1) and of cookies (RFC 6265 section 4.1.1) are tokens.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != "" && len(s) <= 256
}
