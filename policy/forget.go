package policy

import "strings"

// A Forgetter is a way in whose credentials travel in the call itself. A call may bring one where another way let it in, or
// where nobody is asked for any: it is for us all the same. An upstream that got it could use it here in the caller's
// name, or take it for verified.
type Forgetter interface {
	// Forget takes what is a credential of this kind, good or not, out of a call.
	Forget(c *Call)
}

// ForgetScheme takes the Authorization field out of a header if its scheme is the given one (RFC 9110 section 11.4).
func ForgetScheme(h Header, scheme string) {
	const authorization = "Authorization"
	for _, value := range h.Values(authorization) {
		name := strings.TrimLeft(value, " \t")
		if end := strings.IndexAny(name, " \t"); end >= 0 {
			name = name[:end]
		}
		if strings.EqualFold(name, scheme) {
			h.Del(authorization)
			return
		}
	}
}
