package engine

import (
	"errors"
	"fmt"
)

// ErrClosed is the cause when the database was closed by this process.
var ErrClosed = errors.New("the database is closed")

// Away is the error of a database that cannot be reached, has no room, or may not be written. The request that met it
// was not at fault and may be tried again later.
type Away struct{ Err error }

// Error is for logs.
func (a *Away) Error() string { return fmt.Sprintf("database unavailable: %v", a.Err) }

// Unwrap returns the cause.
func (a *Away) Unwrap() error { return a.Err }

// IsAway reports whether err says that the database is away.
func IsAway(err error) bool {
	var a *Away
	return errors.As(err, &a)
}

// Call runs fn and turns a panic into an error, so that a fault in one write harms no other.
func Call(fn func(Tx) error, tx Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v", p)
		}
	}()
	return fn(tx)
}

// One is an each for statements that return at most one row.
func One(dest ...any) func(Row) error {
	return func(r Row) error { return r.Scan(dest...) }
}
