package cache

import (
	"strconv"
	"time"
)

// Reasons for which a call goes on to the upstream (RFC 9211 section 2.2).
const (
	forBypass   = "bypass"    // by its kind
	forMethod   = "method"    // whose answers are not kept
	forTarget   = "uri-miss"  // nothing is stored
	forVariant  = "vary-miss" // nothing that fits
	forStale    = "stale"
	forRequest  = "request" // the caller wants it so
	statusField = "Cache-Status"
	statusName  = "Sallyport"
)

// hit is the member of Cache-Status for an answer from the store (RFC 9211 section 2).
func hit(ttl time.Duration, detail string) string {
	s := statusName + "; hit; ttl=" + strconv.FormatInt(int64(ttl/time.Second), 10)
	if detail != "" {
		s += "; detail=" + detail
	}
	return s
}

// forwarded is the member for a call that went on. status is what the upstream answered if the caller sees another; 0:
// the caller sees it.
func forwarded(why string, status int, stored bool, detail string) string {
	s := statusName + "; fwd=" + why
	if status != 0 {
		s += "; fwd-status=" + strconv.Itoa(status)
	}
	if stored {
		s += "; stored"
	}
	if detail != "" {
		s += "; detail=" + detail
	}
	return s
}
