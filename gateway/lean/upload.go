package lean

import (
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// An upload sends a body that is too large to go with the head, or of unknown length, while the call's goroutine waits for
// the answer. Its goroutine ends when the body does, when it cannot be sent, or when the call is over; a read of the body
// that hangs is for the body's owner to end.
type upload struct {
	body   io.ReadCloser
	length int64 // -1: unknown, sent in chunks
	conn   *conn
	net    net.Conn
	idle   time.Duration
	writes time.Time // write deadline as it is set; of the goroutine

	mu     sync.Mutex
	begun  bool
	done   bool
	ended  time.Time
	failed error // the body could not be read
	broken bool  // it could not be sent to its end
	left   bool  // the call is over
	keep   bool  // the connection may be used again, once this is done
}

// start sends the body. It is called once, and late is true when there is no use in it.
func (u *upload) start(c *conn, late bool) {
	u.conn, u.net, u.idle = c, c.net, c.limits.Idle
	u.mu.Lock()
	u.begun, u.done, u.broken = true, late, late
	u.ended = c.t.now()
	u.mu.Unlock()
	if late {
		u.body.Close()
		return
	}
	go u.run(c.t)
}

func (u *upload) run(t *Transport) {
	u.finish(t, u.copy(t))
	u.body.Close() // may wait for more of it to arrive, so everybody else comes first
}

// copy sends the body.
func (u *upload) copy(t *Transport) error {
	buf := t.buffer()
	defer t.free(buf)
	const front = 18 // a length in hexadecimal and CRLF
	remaining := u.length
	for remaining != 0 {
		if u.over() {
			return errUnsent
		}
		room := buf.b[front : len(buf.b)-2]
		if remaining > 0 && int64(len(room)) > remaining {
			room = room[:remaining]
		}
		n, err := u.body.Read(room)
		if n > 0 {
			piece := room[:n]
			if remaining < 0 {
				piece = frame(buf.b, front, n)
			} else {
				remaining -= int64(n)
			}
			if u.write(t, piece) != nil {
				return errUnsent
			}
		}
		switch {
		case err == nil || remaining == 0:
		case err != io.EOF:
			return err
		case remaining > 0:
			return errShort
		default:
			return u.write(t, []byte("0\r\n\r\n"))
		}
	}
	return nil
}

// frame makes a chunk of the n bytes at front (RFC 9112 section 7.1).
func frame(b []byte, front, n int) []byte {
	var size [16]byte
	hex := strconv.AppendUint(size[:0], uint64(n), 16)
	from := front - len(hex) - 2
	copy(b[from:], hex)
	b[front-2], b[front-1] = '\r', '\n'
	b[front+n], b[front+n+1] = '\r', '\n'
	return b[from : front+n+2]
}

// write sends a piece. An upstream that takes nothing more may have answered why, so nobody is told yet.
func (u *upload) write(t *Transport, piece []byte) error {
	if now := t.now(); u.writes.Sub(now) < u.idle {
		u.writes = now.Add(u.idle + u.idle/4)
		_ = u.net.SetWriteDeadline(u.writes)
		if u.over() { // leave may have set another just before
			return errUnsent
		}
	}
	if _, err := u.net.Write(piece); err != nil {
		return errUnsent
	}
	return nil
}

// over says that nobody waits for the answer any more.
func (u *upload) over() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.left
}

// finish notes how it went, and ends what the call has left behind.
func (u *upload) finish(t *Transport, err error) {
	u.mu.Lock()
	u.done, u.ended = true, t.now()
	u.broken = err != nil
	if err != nil && err != errUnsent {
		u.failed = &Error{Kind: ErrBody, Err: err}
	}
	left, keep := u.left, u.keep && err == nil
	failed := u.failed
	u.mu.Unlock()
	switch {
	case left && keep:
		_ = u.net.SetWriteDeadline(time.Time{})
		t.put(u.conn)
	case left, failed != nil:
		u.net.Close() // wakes the call
	}
}

// end is when the request was sent to its end; now if it is not.
func (u *upload) end(now time.Time) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.begun && u.done {
		return u.ended
	}
	return now
}

// blame returns the error of a body that could not be read.
func (u *upload) blame() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.failed
}

// leave tells that the call is over. It returns whether the connection is the caller's to keep or close, and whether it can
// be kept; otherwise the upload will do that. A body that is still on its way is given up.
func (u *upload) leave(keep bool) (mine, kept bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.begun || u.done {
		return true, keep && !u.broken
	}
	u.left, u.keep = true, keep
	if keep {
		_ = u.net.SetWriteDeadline(time.Unix(1, 0))
	} else {
		u.net.Close()
	}
	return false, false
}
