package upstream

import (
	"net/netip"
	"time"

	"sallyport/policy"
)

// noTarget refuses a caller from whose address there is nothing to call. Dialects that name the address find it in
// Subject.
func noTarget(from netip.Addr) *policy.Refusal {
	address := "unknown"
	if from.IsValid() {
		address = from.String()
	}
	return &policy.Refusal{
		Status: 403, Reason: policy.NoTarget, Subject: address,
		Detail: "This API has no server for calls from your address.",
		Facts:  []policy.Fact{{Name: policy.FactAddress, Value: address, Public: true}},
		Fix:    "Call from an address that the API has a server for, or ask its operator to add yours.",
	}
}

// noHealthy refuses a call because all targets are out.
func (g *Group) noHealthy(p *pool) *policy.Refusal {
	r := &policy.Refusal{
		Status: 503, Reason: policy.NoHealthyTarget,
		Detail: "None of this API's servers is available. Try again shortly.",
		Fix:    "Try again later. If it lasts, the API's operator has to look after its servers.",
	}
	now := g.m.now()
	for _, t := range p.targets {
		why, wait := "it gets no calls: its weight is -1", time.Duration(0)
		switch {
		case t.weight == 0:
		case t.down():
			why, wait = "it does not pass its health check", t.check.every
			if cause := t.check.cause.Load(); cause != nil {
				why += ": " + *cause
			}
		default:
			until := time.Unix(0, t.node.until.Load())
			why, wait = "ejected until "+until.UTC().Format(time.RFC3339)+" for failing calls", until.Sub(now)
		}
		if wait > 0 && (r.RetryAfter == 0 || wait < r.RetryAfter) {
			r.RetryAfter = wait
		}
		r.Facts = append(r.Facts, policy.Fact{Name: t.name, Value: why})
	}
	r.RetryAfter = max(r.RetryAfter, time.Second)
	return r
}
