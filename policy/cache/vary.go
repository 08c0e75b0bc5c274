package cache

import (
	"strings"

	"sallyport/policy"
)

// most fields that an answer may vary by, and variants that are kept of one.
const (
	mostVaried   = 16
	mostVariants = 64
)

// A varied is a field of the request that an answer was chosen by (RFC 9111 section 4.1).
type varied struct{ name, value string }

// varyOf notes the fields of the request by which the upstream chose its answer. ok is false if the answer fits no other
// request, or if it depends on something that is not in the request as policies see it. own is true if the answer is for
// this caller because the upstream looked at who calls.
func varyOf(request policy.Header, answer policy.Fields) (list []varied, own, ok bool) {
	names := answer.Values("Vary")
	if code := answer.Get("Content-Encoding"); code != "" && !strings.EqualFold(code, "identity") {
		// An upstream that compresses and forgets to say that it depends on the caller.
		names = append(names[:len(names):len(names)], "Accept-Encoding")
	}
	for _, field := range names {
		for name := range strings.SplitSeq(field, ",") {
			name = strings.ToLower(strings.Trim(name, " \t"))
			switch {
			case name == "":
			case name == "*", len(list) == mostVaried:
				return nil, false, false
			case name == "host", name == "x-forwarded-host", name == "x-forwarded-proto": // part of every key
			case strings.HasPrefix(name, "x-sallyport-"): // the gateway's own words on who calls
				own = true
			case name == "authorization", name == "x-api-key": // which has been taken out by now, whoever calls
				own = true
				list = append(list, varied{name, strings.Clone(valueOf(request, name))})
			case strings.HasPrefix(name, "x-forwarded-"), name == "forwarded", name == "x-real-ip", name == "via":
				return nil, false, false
			default:
				list = append(list, varied{name, strings.Clone(valueOf(request, name))})
			}
		}
	}
	return list, own, true
}

// valueOf is a field of the request, its lines joined (RFC 9110 section 5.3). A field that is not there equals no field
// that is.
func valueOf(h policy.Header, name string) string {
	switch lines := h.Values(name); len(lines) {
	case 0:
		return "\x00"
	case 1:
		return strings.Trim(lines[0], " \t")
	default:
		var b strings.Builder
		for i, line := range lines {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(strings.Trim(line, " \t"))
		}
		return b.String()
	}
}

// fits reports whether an entry was chosen by the same fields as a request has.
func (e *entry) fits(h policy.Header) bool {
	for i := range e.vary {
		if valueOf(h, e.vary[i].name) != e.vary[i].value {
			return false
		}
	}
	return true
}
