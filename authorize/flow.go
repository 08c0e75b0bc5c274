package authorize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sallyport/oauth"
	"sallyport/ticket"
)

const (
	// FlowLife is how long somebody may take from the first page to the last.
	FlowLife = 30 * time.Minute
	// swaps bounds how often a change is tried again because somebody else wrote in between.
	swaps = 8
)

// Flows keeps requests for whose sake somebody is asked something. A flow belongs to one browser: whoever got hold of its
// address elsewhere finds nothing (oauth.FlowGone), so that nobody can have a victim finish what he began.
type Flows struct {
	tickets ticket.Book
	now     func() time.Time
}

// NewFlows returns flows that are kept in tickets.
func NewFlows(tickets ticket.Book, now func() time.Time) *Flows {
	return &Flows{tickets: tickets, now: now}
}

// Begin starts a flow. browser is what cookie.EnsureBrowser returned; zero: the browser is not known yet, since the request
// came from another site's form, with which it sends no cookies. Such a flow can be adopted and nothing else.
func (f *Flows) Begin(ctx context.Context, req *Request, browser [32]byte) (secret string, err error) {
	now := f.now()
	own := *req
	if own.At.IsZero() {
		own.At = moment(now) // otherwise whatever happened before would count as fresh
	}
	body, err := json.Marshal(Flow{Request: &own, Browser: browser, At: now})
	if err != nil {
		return "", fmt.Errorf("flow: %w", err)
	}
	secret, t := ticket.New(req.Realm, ticket.Flow, body, now.Add(FlowLife))
	if err := f.tickets.PutTicket(ctx, t); err != nil {
		return "", err
	}
	return secret, nil
}

// Get returns a flow. The error is of reason oauth.FlowGone if there is none, or it is another browser's.
func (f *Flows) Get(ctx context.Context, realm, secret string, browser [32]byte) (*Flow, error) {
	flow, _, err := f.read(ctx, realm, secret)
	if err != nil {
		return nil, err
	}
	if flow.Browser != browser || browser == [32]byte{} {
		return nil, oauth.Fail(oauth.FlowGone, "")
	}
	return flow, nil
}

// Adopt is Get that makes a flow without a browser that browser's. The first to come has it.
func (f *Flows) Adopt(ctx context.Context, realm, secret string, browser [32]byte) (*Flow, error) {
	return f.update(ctx, realm, secret, browser, func(flow *Flow) error {
		if flow.Browser == [32]byte{} {
			flow.Browser = browser
		}
		return nil
	})
}

// Update changes a flow and returns it as it is then. change is called again if somebody else wrote in between; an error
// of it ends the attempt and changes nothing.
func (f *Flows) Update(ctx context.Context, realm, secret string, browser [32]byte, change func(*Flow) error) (*Flow, error) {
	return f.update(ctx, realm, secret, browser, func(flow *Flow) error {
		if flow.Browser != browser {
			return oauth.Fail(oauth.FlowGone, "")
		}
		return change(flow)
	})
}

// End removes a flow. It reports whether the flow was there: of several who finish it at once, one may go on.
func (f *Flows) End(ctx context.Context, realm, secret string) (bool, error) {
	t, err := f.tickets.TakeTicket(ctx, realm, ticket.Flow, ticket.Hash(secret), f.now())
	return t != nil, err
}

// moment is a time as precise as that of a session is stored, so that they compare.
func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func (f *Flows) update(ctx context.Context, realm, secret string, browser [32]byte, change func(*Flow) error) (*Flow, error) {
	for range swaps {
		flow, t, err := f.read(ctx, realm, secret)
		if err != nil {
			return nil, err
		}
		if err := change(flow); err != nil {
			return nil, err
		}
		if flow.Browser != browser || browser == [32]byte{} {
			return nil, oauth.Fail(oauth.FlowGone, "")
		}
		old := t.Body
		if t.Body, err = json.Marshal(flow); err != nil {
			return nil, fmt.Errorf("flow: %w", err)
		}
		if string(old) == string(t.Body) {
			return flow, nil
		}
		if swapped, err := f.tickets.SwapTicket(ctx, *t, old); err != nil || swapped {
			return flow, err
		}
	}
	return nil, oauth.Because(oauth.Unavailable, errors.New("flow: others keep writing it"))
}

func (f *Flows) read(ctx context.Context, realm, secret string) (*Flow, *ticket.Ticket, error) {
	if len(secret) != ticket.SecretLength {
		return nil, nil, oauth.Fail(oauth.FlowGone, "")
	}
	t, err := f.tickets.ReadTicket(ctx, realm, ticket.Flow, ticket.Hash(secret), f.now())
	if err != nil {
		return nil, nil, err
	}
	if t == nil {
		return nil, nil, oauth.Fail(oauth.FlowGone, "")
	}
	flow := new(Flow)
	if err := json.Unmarshal(t.Body, flow); err != nil {
		return nil, nil, fmt.Errorf("flow: %w", err)
	}
	return flow, t, nil
}
