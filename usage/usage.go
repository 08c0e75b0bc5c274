// Package usage owns durable counts that must never go over a cap: the calls of a quota, the uses of a key. A node takes
// a lease of several at a time out of the stored count and gives them out from memory, so the sum of what was given out
// never exceeds the cap, whatever node dies when. What a dead node had left of its lease is lost to the period.
package usage

import (
	"context"
	"time"
)

// A Counter names a count.
type Counter struct {
	Realm   string
	Subject string    // what is counted, such as "quota/orders/client/shop"
	From    time.Time // begin of the period; zero: it never ends
	Until   time.Time // end of the period, after which the count is forgotten; zero: never
}

// A Store keeps counts.
type Store interface {
	// LeaseUsage adds up to want to the count without exceeding the cap, and returns how much it added (0 when the cap is
	// reached) and the count after it. One atomic statement: two nodes never get the same.
	LeaseUsage(ctx context.Context, c Counter, want, most int64) (granted, used int64, err error)
	// ReturnUsage takes back what was leased and not given out.
	ReturnUsage(ctx context.Context, c Counter, unused int64) error
	// Usage returns a count.
	Usage(ctx context.Context, c Counter) (int64, error)
}
