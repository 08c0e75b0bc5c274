package lean

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// lap is for how long a call may wait before anybody looks whether its caller is still there. Most calls are over before,
// and the watch on the caller's context, which costs as much as parsing the answer, is not set up for them.
const lap = 200 * time.Millisecond

// A conn is a connection and the call under way on it. It belongs to the goroutine of that call; the upload uses net to
// write, and whoever ends the call early closes net or moves its deadlines.
type conn struct {
	t      *Transport
	host   *host
	net    net.Conn
	raw    syscall.RawConn       // nil: this connection cannot be looked at
	ready  func(fd uintptr) bool // onReady, bound once
	reused bool                  // it has carried a call before
	clock  time.Time             // the last look at the clock
	readBy time.Time             // read deadline as it is set

	// The call.
	ctx      context.Context
	limits   Limits
	stop     func() bool // ends the watch on ctx; nil: there is none
	out      *buffer     // the request; nil once it is sent
	wrote    int         // of out
	asking   bool        // out has not been tried yet
	up       *upload     // sends the body; nil: it is in out, or there is none
	unsent   bool        // the request could not be written to its end
	began    time.Time   // the wait for the answer
	heard    bool        // something came
	answered bool        // the head of the answer is there
	in       *buffer     // what came in: in.b[r:w] is not used yet; nil: nothing
	r, w     int
	head     head

	// The arguments and results of onReady.
	into []byte // nil: the buffer
	n    int
	err  error
}

// errUnsent says that the rest of the request has to be sent before an answer can be waited for.
var errUnsent = errors.New("not sent yet")

// A staleError is a connection that was not fit for use. Nothing was written to it.
type staleError struct {
	spoke bool  // there was something to read
	err   error // nil: it was closed
}

func (e *staleError) Error() string {
	switch {
	case e.spoke:
		return "it spoke before it was asked"
	case e.err != nil:
		return e.err.Error()
	}
	return "it closed the connection"
}

// begin makes the connection ready for a call. now is the time.
func (c *conn) begin(ctx context.Context, limits Limits, out *buffer, up *upload, now time.Time) {
	c.ctx, c.limits, c.out, c.up = ctx, limits, out, up
	c.wrote, c.asking, c.unsent, c.heard, c.answered = 0, true, false, false, false
	c.began, c.clock = now, now
	c.r, c.w = 0, 0
}

// sent gives the request's buffer back.
func (c *conn) sent() {
	c.t.free(c.out)
	c.out = nil
}

// room returns where the buffer can be read into. It is not full.
func (c *conn) room() []byte {
	if c.in == nil {
		c.in = c.t.buffer()
	}
	return c.in.b[c.w:]
}

// buffered returns what has come in and is not used.
func (c *conn) buffered() []byte {
	if c.in == nil {
		return nil
	}
	return c.in.b[c.r:c.w]
}

// fill reads more into the buffer, which may grow to most bytes.
func (c *conn) fill(most int, now time.Time) error {
	if c.in != nil && c.w == len(c.in.b) {
		switch {
		case c.r > 0:
			c.w = copy(c.in.b, c.in.b[c.r:c.w])
			c.r = 0
		case len(c.in.b) >= most:
			return malformed("it is too long")
		default:
			grown := &buffer{b: make([]byte, min(2*len(c.in.b), most))}
			copy(grown.b, c.in.b)
			c.t.free(c.in)
			c.in = grown
		}
	}
	n, err := c.recv(nil, now)
	if n > 0 {
		c.w += n
		c.heard = true
	}
	return err
}

// recv reads into p, or into the buffer if p is nil; before that it sends what is to be sent. It waits as long as the call
// may: for the head of an answer until it has taken too long altogether, otherwise for one piece.
func (c *conn) recv(p []byte, now time.Time) (int, error) {
	limit, since := c.limits.Idle, now
	if !c.answered {
		limit, since = c.limits.Answer, c.began
	}
	c.clock = now
	c.arm(now, min(limit-now.Sub(since), lap))
	for {
		n, err := c.read(p)
		switch {
		case err == nil:
			return n, nil
		case err == errUnsent:
			if err := c.send(); err != nil {
				return 0, err
			}
			now = c.t.now()
			c.began, since = now, now
			c.arm(now, min(limit, lap))
			continue
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return n, err
		}
		if now = c.t.now(); c.ctx.Err() != nil {
			return 0, context.Cause(c.ctx)
		}
		if !c.answered && c.up != nil {
			since = c.up.end(now)
		}
		left := limit - now.Sub(since)
		if left <= 0 {
			return 0, &Error{Kind: ErrTimeout, Addr: c.host.addr, Err: err}
		}
		c.setReadDeadline(now.Add(left))
		c.watch()
	}
}

// read is one attempt of recv.
func (c *conn) read(p []byte) (int, error) {
	if c.raw != nil {
		c.into = p
		if err := c.raw.Read(c.ready); err != nil {
			return 0, err
		}
		return c.n, c.err
	}
	if c.asking {
		c.asking = false
		return 0, errUnsent
	}
	if p == nil {
		p = c.room()
	}
	n, err := c.net.Read(p)
	if n > 0 {
		err = nil // it will come again
	}
	return n, err
}

// send writes what is left of the request. When the upstream does not take it, there may be an answer that says why.
func (c *conn) send() error {
	if rest := c.out.b[c.wrote:]; len(rest) > 0 {
		now := c.t.now()
		c.setWriteDeadline(now.Add(c.limits.Idle))
		c.watch()
		n, err := c.net.Write(rest)
		c.wrote += n
		if err != nil {
			if c.ctx.Err() != nil {
				return context.Cause(c.ctx)
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return &Error{Kind: ErrTimeout, Addr: c.host.addr, Err: err}
			}
			c.unsent = true
		}
	}
	c.sent()
	if c.up != nil {
		c.up.start(c, c.unsent)
	}
	return nil
}

// arm makes reads fail after the given time. A deadline that comes sooner, but not before half of it, is left as it is:
// setting one costs more than looking again.
func (c *conn) arm(now time.Time, wait time.Duration) {
	if left := c.readBy.Sub(now); left > wait || left < wait/2 {
		c.setReadDeadline(now.Add(wait))
	}
}

func (c *conn) setReadDeadline(by time.Time) {
	c.readBy = by
	_ = c.net.SetReadDeadline(by) // fails on closed connections alone, and then so does the read
	c.recall()
}

func (c *conn) setWriteDeadline(by time.Time) {
	_ = c.net.SetWriteDeadline(by)
	c.recall()
}

// recall repeats what the watch has done, if it has: a deadline set since would have undone it.
func (c *conn) recall() {
	if c.stop != nil && c.ctx.Err() != nil {
		_ = c.net.SetDeadline(time.Unix(1, 0))
	}
}

// watch ends all waiting when the caller's context ends.
func (c *conn) watch() {
	if c.stop == nil && c.ctx.Done() != nil {
		nc := c.net
		c.stop = context.AfterFunc(c.ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	}
}

// release ends the call. reuse says that the answer has been read to its end and that the upstream keeps the connection.
func (c *conn) release(reuse bool) {
	reuse = reuse && c.r == c.w && !c.unsent && c.raw != nil // what is left over was not asked for
	if c.stop != nil {
		if !c.stop() {
			reuse = false // its deadlines are spoilt
		}
		c.stop = nil
	}
	if c.in != nil {
		c.t.free(c.in)
		c.in = nil
	}
	if c.out != nil {
		c.sent()
	}
	up := c.up
	c.ctx, c.up, c.into, c.err = nil, nil, nil, nil
	mine := true
	if up != nil {
		mine, reuse = up.leave(reuse)
	}
	switch {
	case !mine:
	case reuse:
		c.t.put(c)
	default:
		c.net.Close()
	}
}

// broken explains a read that failed.
func (c *conn) broken(err error) error {
	if c.up != nil {
		if blame := c.up.blame(); blame != nil {
			return blame
		}
	}
	var known *Error
	if errors.As(err, &known) || c.ctx.Err() != nil && errors.Is(err, context.Cause(c.ctx)) {
		return err
	}
	var stale *staleError
	switch {
	case errors.As(err, &stale) && stale.spoke:
		return &Error{Kind: ErrMalformed, Addr: c.host.addr, Err: err}
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return &Error{Kind: ErrBroken, Addr: c.host.addr, Err: err}
}
