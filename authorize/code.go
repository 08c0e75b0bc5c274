package authorize

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sallyport/ticket"
)

const (
	// CodeLife is how long a code is good. RFC 6749 section 4.1.2 recommends ten minutes at most; a client that runs
	// needs seconds.
	CodeLife = 60 * time.Second
	// spentLife is how long a used code is remembered, so that a second use is seen (RFC 6749 section 4.1.2).
	spentLife = 24 * time.Hour
	// ForeignCodeLife is how long a code of another product's front door is good, and foreignTold how long after that it is
	// known for one that is over.
	ForeignCodeLife = 10 * time.Minute
	foreignTold     = time.Hour
)

// Codes makes authorization codes and takes them back, each once.
type Codes struct {
	tickets ticket.Book
	now     func() time.Time
}

// NewCodes returns codes that are kept in tickets.
func NewCodes(tickets ticket.Book, now func() time.Time) *Codes {
	return &Codes{tickets: tickets, now: now}
}

// Make makes a code for a grant.
func (c *Codes) Make(ctx context.Context, g Grant) (string, error) {
	over := c.now().Add(CodeLife)
	if g.ExpiresAt = (time.Time{}); g.Dialect != "" {
		g.ExpiresAt = c.now().Add(ForeignCodeLife)
		over = g.ExpiresAt.Add(foreignTold)
	}
	body, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("authorization code: %w", err)
	}
	secret, t := ticket.New(g.Realm, ticket.Code, body, over)
	if err := c.tickets.PutTicket(ctx, t); err != nil {
		return "", err
	}
	return secret, nil
}

// Look returns the grant of a code and leaves it as it is; spent says that the code was used. Nil: there is no such code, or
// it was never used and is over. A code of another realm is no such code.
func (c *Codes) Look(ctx context.Context, realm, code string) (g *Grant, spent bool, err error) {
	if len(code) != ticket.SecretLength {
		return nil, false, nil
	}
	now, hash := c.now(), ticket.Hash(code)
	t, err := c.tickets.ReadTicket(ctx, realm, ticket.Code, hash, now)
	if err == nil && t == nil {
		// What is not good any more cannot be spent either; but if it was spent once, this tells.
		t, spent, err = c.tickets.SpendTicket(ctx, realm, ticket.Code, hash, now, now.Add(spentLife))
	}
	if err != nil || t == nil {
		return nil, false, err
	}
	g = new(Grant)
	if err := json.Unmarshal(t.Body, g); err != nil {
		return nil, false, fmt.Errorf("authorization code: %w", err)
	}
	return g, spent, nil
}

// Spend uses a code up. Of any number of callers exactly one wins.
func (c *Codes) Spend(ctx context.Context, realm, code string) (won bool, err error) {
	now := c.now()
	t, spent, err := c.tickets.SpendTicket(ctx, realm, ticket.Code, ticket.Hash(code), now, now.Add(spentLife))
	return err == nil && t != nil && !spent, err
}
