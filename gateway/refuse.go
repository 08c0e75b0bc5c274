package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"sallyport/explain"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/realm"
)

// refuse writes a refusal for callers who know no other shape: a challenge by RFC 6750 section 3, and problem+json.
func refuse(w http.ResponseWriter, r *http.Request, _ *policy.Call, refusal *policy.Refusal) {
	if refusal.Scheme != "" {
		in := realm.FromContext(r.Context())
		w.Header().Set("WWW-Authenticate", challenge(in, refusal))
		for _, other := range refusal.Schemes {
			w.Header().Add("WWW-Authenticate", challenge(in, &policy.Refusal{Scheme: other}))
		}
	}
	problem.Problem{
		Status: refusal.Status, Detail: refusal.Detail, Reason: string(refusal.Reason),
		Policy: refusal.Policy, Facts: facts(refusal, false), Fix: refusal.Fix,
	}.Write(w, r)
}

// facts are what a refusal was decided on: all of it, or what the caller may know.
func facts(refusal *policy.Refusal, all bool) []explain.Fact {
	var list []explain.Fact
	for _, f := range refusal.Facts {
		if all || f.Public {
			list = append(list, explain.Fact{Name: f.Name, Value: f.Value})
		}
	}
	return list
}

// challenge writes a WWW-Authenticate value. Without a credential there is no error code (RFC 6750 section 3.1).
func challenge(r *realm.Realm, refusal *policy.Refusal) string {
	var b strings.Builder
	b.WriteString(refusal.Scheme)
	separator := ` `
	param := func(name, value string) {
		b.WriteString(separator)
		b.WriteString(name)
		b.WriteString(`="`)
		quote(&b, value)
		b.WriteByte('"')
		separator = `, `
	}
	if r != nil {
		param("realm", r.Name)
	}
	if refusal.Challenge != "" {
		param("error", string(refusal.Challenge))
		if refusal.Detail != "" {
			// RFC 6750 section 3: this attribute may hold no quotes and no backslash, not even quoted.
			param("error_description", strings.NewReplacer(`"`, `'`, `\`, `/`).Replace(refusal.Detail))
		}
	}
	if len(refusal.Scope) > 0 {
		param("scope", refusal.Scope.String())
	}
	if refusal.ACR != "" { // RFC 9470 section 3
		param("acr_values", refusal.ACR)
	}
	if refusal.MaxAge > 0 {
		param("max_age", strconv.FormatInt(int64(refusal.MaxAge/time.Second), 10))
	}
	return b.String()
}

// quote writes the inside of a quoted-string (RFC 9110 section 5.6.4). What may not stand there is left out.
func quote(b *strings.Builder, s string) {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= 0x20 && c < 0x7f:
			b.WriteByte(c)
		}
	}
}

// setRetryAfter says when to try again, in whole seconds (RFC 9110 section 10.2.3).
func setRetryAfter(h http.Header, after time.Duration) {
	if after > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((after+time.Second-1)/time.Second), 10))
	}
}
