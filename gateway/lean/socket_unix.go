//go:build unix

package lean

import (
	"io"
	"syscall"
)

// canLook says that connections can be looked at before they are used again.
const canLook = true

// onReady is called by the runtime while the connection is locked for reading: once at first, and whenever there may be
// something to read until it returns true.
//
// When there is a request to send, the first call looks whether the connection is still silent, as it has to be, and sends.
// The runtime forgot earlier events just before, and the look showed that nothing had arrived by then, so the next event is
// about the answer: there is no need to try a read before waiting for it.
func (c *conn) onReady(fd uintptr) bool {
	if c.asking {
		c.asking = false
		var one [1]byte
		n, err := ignoringInterrupts(syscall.Read, int(fd), one[:])
		if err != syscall.EAGAIN {
			c.n, c.err = 0, &staleError{spoke: n > 0, err: err}
			return true
		}
		n, err = ignoringInterrupts(syscall.Write, int(fd), c.out.b)
		if err != nil && err != syscall.EAGAIN {
			c.n, c.err = 0, &staleError{err: err}
			return true
		}
		c.wrote = max(n, 0)
		if c.wrote < len(c.out.b) || c.up != nil {
			c.n, c.err = 0, errUnsent
			return true
		}
		c.sent()
		return false
	}
	p := c.into
	if p == nil {
		p = c.room()
	}
	n, err := ignoringInterrupts(syscall.Read, int(fd), p)
	if err == syscall.EAGAIN {
		return false
	}
	c.n, c.err = max(n, 0), err
	if n == 0 && err == nil {
		c.err = io.EOF
	}
	return true
}

func ignoringInterrupts(call func(int, []byte) (int, error), fd int, p []byte) (int, error) {
	for {
		n, err := call(fd, p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}
