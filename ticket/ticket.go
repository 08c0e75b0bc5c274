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

// The kinds of ticket.
const (
	Code      = "code"      // authorization code
	Push      = "push"      // pushed authorization request (RFC 9126)
	Flow      = "flow"      // a sign-in under way
	Mail      = "mail"      // mailed link
	Ceremony  = "ceremony"  // WebAuthn challenge
	Assertion = "assertion" // jti of a client assertion or request object that was used
	Logout    = "logout"    // a sign-out that waits for the user to confirm it
)

// A Book is a Store whose tickets can be looked at and written again.
type Book interface {
	Store
	// ReadTicket returns a ticket and leaves it where it is, nil if there is none that is good at the moment now. One that
	// was spent is none, as it is to TakeTicket and SwapTicket.
	ReadTicket(ctx context.Context, realm, kind string, hash [32]byte, now time.Time) (*Ticket, error)
	// SwapTicket replaces the body of a ticket that still has the old one, by one statement. It reports whether it did.
	SwapTicket(ctx context.Context, t Ticket, old []byte) (bool, error)
	// SpendTicket marks a ticket as used, by one statement, and keeps it as such until the moment `until`. It returns the
	// ticket to the one who spent it; to everybody after that it returns it with spent set. Nil: there is none, or none
	// that was good at the moment now.
	SpendTicket(ctx context.Context, realm, kind string, hash [32]byte, now, until time.Time) (t *Ticket, spent bool, err error)
	// ClaimTicket stores a ticket unless one with its hash is there, and reports whether it was the first.
	ClaimTicket(ctx context.Context, t Ticket) (bool, error)
}
