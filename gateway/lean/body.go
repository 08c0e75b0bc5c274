package lean

import (
	"errors"
	"io"
	"net/http"
)

// A body reads the body of an answer. It gives the connection back as soon as the last byte is read. It is for one goroutine.
type body struct {
	conn   *conn // nil: the call is over
	res    *http.Response
	form   form
	left   int64 // bytes, of the body or of the chunk
	state  state // of a body in chunks
	excess int64 // bytes of framing, beyond what is reasonable
	err    error // what every read returns from now on
}

// A form is how the end of a body is told.
type form uint8

const (
	byLength form = iota
	byChunks
	byClose
)

// errClosed is what reads return after Close.
var errClosed = http.ErrBodyReadAfterClose

// Read implements io.Reader. The end is told together with the last bytes wherever it is known by then.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	switch b.form {
	case byLength:
		return b.readLength(p)
	case byChunks:
		return b.readChunks(p)
	}
	n, err := b.take(p)
	switch {
	case err == io.EOF:
		return 0, b.end()
	case err != nil:
		return 0, b.fail(err)
	}
	return n, nil
}

// Buffered returns how many bytes have come and have not been read, framing included. As long as there are any, a read
// returns at once, unless what has come is the beginning of a chunk's framing and nothing more.
func (b *body) Buffered() int {
	if b.conn == nil {
		return 0
	}
	return len(b.conn.buffered())
}

func (b *body) readLength(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.take(p)
	if err != nil {
		return 0, b.fail(err)
	}
	if b.left -= int64(n); b.left == 0 {
		return n, b.end()
	}
	return n, nil
}

// take reads at least one byte: what is in the buffer, otherwise what comes.
func (b *body) take(p []byte) (int, error) {
	c := b.conn
	if got := c.buffered(); len(got) > 0 {
		n := copy(p, got)
		c.use(n)
		return n, nil
	}
	n, err := c.recv(p, c.t.now())
	if n > 0 {
		err = nil // it will come again
	}
	return n, err
}

// use takes bytes out of the buffer, and gives back an empty one.
func (c *conn) use(n int) {
	if c.r += n; c.r == c.w {
		c.r, c.w = 0, 0
		c.t.free(c.in)
		c.in = nil
	}
}

// end is the end of the answer, and of the call.
func (b *body) end() error {
	c, res := b.conn, b.res
	b.conn, b.err = nil, io.EOF
	c.release(!res.Close && !res.Request.Close)
	return io.EOF
}

// fail ends the call with an error.
func (b *body) fail(err error) error {
	c := b.conn
	b.conn, b.err = nil, c.broken(err)
	c.release(false)
	return b.err
}

// WriteTo implements io.WriterTo: what has come in already is written from where it is.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	total := int64(0)
	var buf *buffer
	for b.err == nil {
		if n := b.direct(); n > 0 {
			c := b.conn
			m, err := w.Write(c.buffered()[:n])
			total += int64(m)
			if err == nil && m < n {
				err = io.ErrShortWrite
			}
			if err != nil {
				return total, err
			}
			c.use(n)
			if b.left -= int64(n); b.left == 0 && b.form == byLength {
				b.end()
			}
			continue
		}
		if buf == nil {
			t := b.conn.t
			buf = t.buffer()
			defer t.free(buf)
		}
		n, _ := b.Read(buf.b)
		if n == 0 {
			continue
		}
		m, err := w.Write(buf.b[:n])
		total += int64(m)
		if err == nil && m < n {
			err = io.ErrShortWrite
		}
		if err != nil {
			return total, err
		}
	}
	if b.err == io.EOF {
		return total, nil
	}
	return total, b.err
}

// direct is how many bytes of the buffer can be handed out without a look at chunks.
func (b *body) direct() int {
	if b.form != byLength {
		return 0
	}
	return int(min(int64(len(b.conn.buffered())), b.left))
}

// Close implements io.Closer. What has come in of a short rest is passed over; otherwise the connection is closed.
func (b *body) Close() error {
	if b.conn == nil {
		if b.err == io.EOF || b.err == nil {
			b.err = errClosed
		}
		return nil
	}
	c := b.conn
	complete := false
	switch b.form {
	case byLength:
		if n := b.direct(); int64(n) == b.left {
			c.use(n)
			complete = true
		}
	case byChunks:
		complete = b.skipChunks()
	}
	b.conn, b.err = nil, errClosed
	c.release(complete && !b.res.Close && !b.res.Request.Close)
	return nil
}

var errPiece = errors.New("the next piece is not there yet")
