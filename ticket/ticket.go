// Package ticket owns things that may be used once and soon: authorization codes, pushed requests, device codes, sign-in
// state, mailed links. A ticket is kept under the SHA-256 of its secret and taken by one atomic statement, so that of any
// number of racers exactly one gets it.
package ticket

import (
	"context"
	"time"
)

// A Ticket is a stored ticket.
type Ticket struct {
	Realm     string
	Kind      string   // what it is for; a ticket of one kind is never taken as another
	Hash      [32]byte // SHA-256 of the secret
	Body      []byte   // what its maker put into it
	ExpiresAt time.Time
}

// A Store keeps tickets.
type Store interface {
	// PutTicket stores a ticket.
	PutTicket(ctx context.Context, t Ticket) error
	// TakeTicket removes and returns a ticket, nil if there is none. One that is past ExpiresAt at the moment now is
	// removed and not returned.
	TakeTicket(ctx context.Context, realm, kind string, hash [32]byte, now time.Time) (*Ticket, error)
}
