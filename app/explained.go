package app

import (
	"context"

	"sallyport/audit"
	"sallyport/explain"
	"sallyport/oauth"
	"sallyport/web"
)

// explained records events, and notes refused token requests with the visit that they belong to: its id then leads to
// them, as it does to refused calls.
type explained struct{ audit.Recorder }

// Record implements audit.Recorder.
func (x explained) Record(ctx context.Context, e audit.Event) {
	if v := web.VisitOf(ctx); v != nil && e.Reason != "" {
		v.Client, v.Reason = e.Client, string(e.Reason)
		v.Refused = &explain.Record{
			Realm: e.Realm, Client: e.Client, User: e.User, Reason: string(e.Reason), Policy: "grant",
			Detail: oauth.Fail(e.Reason, "").Description,
		}
		if e.Grant != "" {
			v.Refused.Facts = []explain.Fact{{Name: "grant type", Value: e.Grant}}
		}
	}
	x.Recorder.Record(ctx, e)
}
