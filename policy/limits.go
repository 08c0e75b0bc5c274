package policy

import "strconv"

// The RateLimit header fields, as draft-ietf-httpapi-ratelimit-headers-11 has them, spelled as canonical keys.
const (
	rateLimit       = "Ratelimit"
	rateLimitPolicy = "Ratelimit-Policy"
)

// TellLimit tells the caller of a limit: an item of the RateLimit-Policy field (section 3), which is the same for every call,
// and one of the RateLimit field (section 4). Both are kept and may be told to others as well, so nobody may change them.
func TellLimit(h Header, policy, limit *[1]string) {
	if f, ok := h.(Fields); ok { // told without an allocation
		share(f, rateLimitPolicy, policy)
		share(f, rateLimit, limit)
		return
	}
	h.Add(rateLimitPolicy, policy[0])
	h.Add(rateLimit, limit[0])
}

func share(f Fields, name string, value *[1]string) {
	if there := f[name]; len(there) > 0 {
		f[name] = append(there[:len(there):len(there)], value[0])
		return
	}
	f[name] = value[:]
}

// LimitPolicy writes an item of the RateLimit-Policy field: q calls in w seconds, 0 seconds for no end.
func LimitPolicy(name string, q, w int64) *[1]string {
	b := appendParam(appendName(nil, name), ";q=", q)
	if w > 0 {
		b = appendParam(b, ";w=", w)
	}
	return &[1]string{string(b)}
}

// LimitNow writes an item of the RateLimit field: r calls are left, and no more come within t seconds; t < 0: never.
func LimitNow(name string, r, t int64) *[1]string {
	var room [96]byte
	b := appendParam(appendName(room[:0], name), ";r=", max(r, 0))
	if t >= 0 {
		b = appendParam(b, ";t=", t)
	}
	return &[1]string{string(b)}
}

// appendName writes a string of RFC 9651 section 3.3.3. ValidLimitName has seen to it that there is nothing to escape.
func appendName(b []byte, name string) []byte {
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"')
}

// appendParam writes a parameter whose value is an Integer, which has at most 15 digits (RFC 9651 section 3.3.1).
func appendParam(b []byte, name string, value int64) []byte {
	return strconv.AppendInt(append(b, name...), min(value, 999_999_999_999_999), 10)
}

// ValidLimitName reports whether a limit can go by a name.
func ValidLimitName(name string) bool {
	if name == "" || len(name) > 40 {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
