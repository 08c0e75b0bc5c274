package policy

import (
	"fmt"
	"time"

	"sallyport/client"
	"sallyport/oauth"
)

// Names of facts that dialects put into words of their own. Moments are written as RFC 3339 has them, hours and addresses
// as package client has them.
const (
	FactFirst   = "first moment"
	FactLast    = "last moment"
	FactRevoked = "revoked at"
	FactHours   = "hours"
	FactAddress = "address"
)

// CheckClient holds the call's client (Caller.Record) to its own conditions, whatever credential it came with: status,
// address, dates, hours, in this order, which is digiRunner's. What a stranger could learn from the difference, the holder of a good credential
// may know. The chain does it for every way in; one that has to do it earlier may.
func CheckClient(call *Call) error { return refusedBy("client", checkClient(call)) }

func checkClient(call *Call) error {
	c := call.Caller.Record
	refuse := func(reason oauth.Reason, detail string, facts ...Fact) error {
		return &Refusal{Status: 403, Reason: reason, Detail: detail, Facts: facts, Subject: call.Caller.Client, Fix: "Ask an administrator to change the client."}
	}
	switch {
	case c == nil:
		return &Refusal{Status: 401, Reason: oauth.ClientUnknown, Scheme: call.Caller.Scheme, Challenge: oauth.InvalidToken, Detail: "The client that this credential belongs to is gone.", Subject: call.Caller.Client, Fix: "Ask an administrator to register the client, or for another credential."}
	case c.Status == client.Locked:
		return refuse(oauth.ClientLocked, "The client is locked.")
	case c.Status != client.On:
		return refuse(oauth.ClientDisabled, "The client is switched off.")
	case !c.Admits(call.Source):
		return refuse(ClientAddress, "The client may not call from this address.",
			Fact{FactAddress, call.Source.String(), true}, Fact{"addresses of the client", fmt.Sprint(c.Addresses), false})
	case !c.NotBefore.IsZero() && call.Time.Before(c.NotBefore):
		return refuse(oauth.ClientNotYetValid, "The client may not call yet.", Fact{FactFirst, c.NotBefore.UTC().Format(time.RFC3339), true})
	case !c.NotAfter.IsZero() && !call.Time.Before(c.NotAfter):
		return refuse(oauth.ClientExpired, "The client may not call any more.", Fact{FactLast, c.NotAfter.UTC().Format(time.RFC3339), true})
	case !c.Hours.Hold(call.Time):
		return refuse(ClientHours, "The client may not call at this time of day.", Fact{FactHours, c.Hours.String(), true}, Fact{"now", c.Hours.Clock(call.Time), true})
	}
	return nil
}
