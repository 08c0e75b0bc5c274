package lean

import (
	"errors"
	"net"
)

// Kinds of failure, for errors.Is. When the caller's context ended, the error is that context's cause instead.
var (
	ErrRequest   = errors.New("the request cannot be sent")             // nothing was sent; it is refused by every upstream
	ErrConnect   = errors.New("the upstream could not be reached")      // nothing was sent: any request can be sent again
	ErrBroken    = errors.New("the upstream broke off")                 // before the answer, or in its body
	ErrTimeout   = errors.New("the upstream took too long")             // likewise
	ErrMalformed = errors.New("the upstream's answer is malformed")     // likewise
	ErrBody      = errors.New("the body of the request cannot be read") // whoever sends it is to blame
)

// ErrDenied is why a connection to a forbidden address is not made. It comes within an ErrConnect.
var ErrDenied = errors.New("connections to this address are forbidden")

// An Error is a failed call. It is a net.Error.
type Error struct {
	Kind error  // one of the above
	Addr string // of the upstream
	Err  error  // what happened
}

var _ net.Error = (*Error)(nil)

func (e *Error) Error() string {
	s := e.Kind.Error()
	if e.Addr != "" {
		s += " (" + e.Addr + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the kind and the cause.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

// Timeout implements net.Error. It is true of connections that took too long to be made, too.
func (e *Error) Timeout() bool {
	var cause net.Error
	return e.Kind == ErrTimeout || e.Kind == ErrConnect && errors.As(e.Err, &cause) && cause.Timeout()
}

// Temporary implements net.Error.
func (e *Error) Temporary() bool { return e.Timeout() }

// malformed is an answer that broke a rule of RFC 9112.
func malformed(what string) error { return &Error{Kind: ErrMalformed, Err: errors.New(what)} }

// refused is a request that must not be written.
func refused(what string) error { return &Error{Kind: ErrRequest, Err: errors.New(what)} }
