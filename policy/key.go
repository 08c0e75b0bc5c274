package policy

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/credential"
	"sallyport/oauth"
	"sallyport/usage"
)

// Uses counts what is good for a number of calls only.
type Uses interface {
	// Take counts one unless the count would exceed most. An error says that nobody could be asked.
	Take(ctx context.Context, c usage.Counter, most int64) (ok bool, remaining int64, err error)
	// Refund takes back one that was counted and not used.
	Refund(c usage.Counter)
}

// UseKey holds a call to what a credential says of itself: status, revocation, dates, number of uses, APIs, in this order,
// which is digiRunner's. It counts the use. Whoever calls it has seen that the caller has the credential.
func UseKey(ctx context.Context, call *Call, h *credential.Held, uses Uses, scheme string) error {
	if r := keyRefusal(h, call.Time); r != nil {
		r.Status, r.Scheme = 401, scheme
		r.Facts = append(r.Facts, Fact{"key", h.ID, true})
		return r
	}
	if h.Uses > 0 {
		ok, _, err := uses.Take(ctx, h.Count, h.Uses)
		if err != nil {
			return oauth.Because(oauth.Unavailable, err)
		}
		if !ok {
			return &Refusal{
				Status: 401, Reason: KeyExhausted, Scheme: scheme, Subject: h.Client, Detail: "The key has been used as often as it may be.",
				Facts: []Fact{{"key", h.ID, true}, {"calls it is good for", strconv.FormatInt(h.Uses, 10), true}}, Fix: "Ask an administrator for another key.",
			}
		}
	}
	if len(h.APIs) == 0 || slices.Contains(h.APIs, call.API.Name) {
		return nil
	}
	if h.Uses > 0 {
		uses.Refund(h.Count)
	}
	return &Refusal{
		Status: 403, Reason: KeyWrongAPI, Subject: h.Client, Detail: "The key does not open this API.",
		Facts: []Fact{{"key", h.ID, true}, {"API", call.API.Name, true}, {"APIs that it opens", strings.Join(h.APIs, ", "), false}},
		Fix:   "Use a key that opens this API, or ask an administrator to add the API to the key.",
	}
}

// keyRefusal is why a credential may not be used at a moment, nil if it may. The Subject of what is about a moment is
// that moment.
func keyRefusal(h *credential.Held, at time.Time) *Refusal {
	const ask = "Ask an administrator for another key."
	switch {
	case h.Status != credential.On:
		return &Refusal{Reason: KeyDisabled, Detail: "The key is switched off.", Subject: h.Client, Fix: "Ask an administrator to switch the key on."}
	case !h.RevokedAt.IsZero():
		when := stamp(h.RevokedAt)
		return &Refusal{Reason: KeyRevoked, Detail: "The key was revoked.", Subject: when, Facts: []Fact{{FactRevoked, when, true}}, Fix: ask}
	case at.Before(h.NotBefore):
		when := stamp(h.NotBefore)
		return &Refusal{Reason: KeyNotYetValid, Detail: "The key is not good yet.", Subject: when, Facts: []Fact{{FactFirst, when, true}}, Fix: "Wait until then, or use another key."}
	case !h.NotAfter.IsZero() && !at.Before(h.NotAfter):
		when := stamp(h.NotAfter)
		return &Refusal{Reason: KeyExpired, Detail: "The key has expired.", Subject: when, Facts: []Fact{{FactLast, when, true}}, Fix: ask}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
