package lean

import (
	"bytes"
	"io"
	"net/http"
)

// A state is where in a chunked body (RFC 9112 section 7.1) the reader is:
//
//	atSize ─▶ atData ─▶ atDataEnd ─▶ atSize …
//	   └─(size 0)─▶ atTrailer ─▶ the end
type state uint8

const (
	atSize state = iota
	atData
	atDataEnd
	atTrailer
)

const (
	maxChunkLine = 2048     // bytes of a chunk's size with its extensions
	maxExcess    = 16 << 10 // bytes of extensions and tiny chunks that are put up with
)

// readChunks hands out what is there, and waits only if that is nothing.
func (b *body) readChunks(p []byte) (int, error) {
	total := 0
	for {
		if b.state != atData {
			done, err := b.step(total == 0)
			switch {
			case err == errPiece:
				return total, nil
			case err != nil:
				return total, b.fail(err)
			case done:
				return total, b.end()
			}
			continue
		}
		if total == len(p) {
			return total, nil
		}
		c := b.conn
		if len(c.buffered()) == 0 {
			if total > 0 {
				return total, nil
			}
			if b.left < bufferSize/2 { // more than the chunk may be there: its end, and the next one
				if err := c.fill(bufferSize, c.t.now()); err != nil {
					return 0, b.fail(err)
				}
			}
		}
		room := p[total:]
		if int64(len(room)) > b.left {
			room = room[:b.left]
		}
		n, err := b.take(room)
		if err != nil {
			return 0, b.fail(err)
		}
		total += n
		if b.left -= int64(n); b.left == 0 {
			b.state = atDataEnd
		}
	}
}

// step passes one piece of framing. It says whether the body has ended, and fails with errPiece if the piece is not there
// and it must not wait.
func (b *body) step(wait bool) (done bool, err error) {
	c := b.conn
	if b.state == atDataEnd {
		for len(c.buffered()) < 2 {
			if err := b.more(wait, 2); err != nil {
				return false, err
			}
		}
		if got := c.buffered(); got[0] != '\r' || got[1] != '\n' {
			return false, malformed("a chunk is longer than it says")
		}
		c.use(2)
		b.state = atSize
		return false, nil
	}
	if b.state == atTrailer {
		return b.trailer(wait)
	}
	line, err := b.line(wait)
	if err != nil {
		return false, err
	}
	if b.left, err = chunkSize(line); err != nil {
		return false, err
	}
	// Each chunk may have its line and be small, but not all of them.
	size := int64(len(line)) + 2
	b.excess = max(0, b.excess+size-16-2*b.left)
	if b.excess > maxExcess {
		return false, malformed("it has more framing than content")
	}
	c.use(int(size))
	if b.state = atData; b.left == 0 {
		b.state = atTrailer
	}
	return false, nil
}

// more reads until there is more in the buffer.
func (b *body) more(wait bool, most int) error {
	if !wait {
		return errPiece
	}
	c := b.conn
	return c.fill(max(most, bufferSize), c.t.now())
}

// line finds a line without its end.
func (b *body) line(wait bool) ([]byte, error) {
	c := b.conn
	for {
		got := c.buffered()
		if i := bytes.IndexByte(got, '\n'); i >= 0 {
			if i == 0 || got[i-1] != '\r' {
				return nil, malformed("a line ends without a carriage return")
			}
			return got[:i-1], nil
		}
		if len(got) > maxChunkLine {
			return nil, malformed("the line before a chunk is too long")
		}
		if err := b.more(wait, 0); err != nil {
			return nil, err
		}
	}
}

// chunkSize reads the line before a chunk. Extensions mean nothing to us and are passed over.
func chunkSize(line []byte) (int64, error) {
	n, digits := int64(0), 0
	for digits < len(line) {
		c := line[digits]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			c = 16
		}
		if c == 16 {
			break
		}
		if digits == 15 { // more than any length there is
			return 0, malformed("a chunk's size is too large")
		}
		n = n<<4 | int64(c)
		digits++
	}
	rest := bytes.TrimLeft(line[digits:], " \t") // RFC 9112 section 7.1.1; some servers pad sizes with blanks
	if digits == 0 || len(rest) > 0 && rest[0] != ';' || !isText(rest) {
		return 0, malformed("a chunk's size is not a number")
	}
	return n, nil
}

// trailer reads what follows the last chunk (RFC 9112 section 7.1.2).
func (b *body) trailer(wait bool) (done bool, err error) {
	c := b.conn
	for {
		got := c.buffered()
		if len(got) >= 2 && got[0] == '\r' && got[1] == '\n' {
			c.use(2)
			return true, nil
		}
		if i := bytes.Index(got, []byte("\r\n\r\n")); i >= 0 {
			if err := b.keepTrailer(got[:i+4]); err != nil {
				return false, err
			}
			c.use(i + 4)
			return true, nil
		}
		if err := bareLF(got, 0); err != nil {
			return false, err
		}
		if len(got) >= c.t.maxHeader {
			return false, malformed("its trailers are too long")
		}
		if err := b.more(wait, c.t.maxHeader); err != nil {
			return false, err
		}
	}
}

func (b *body) keepTrailer(text []byte) error {
	h := &b.conn.head
	*h = head{fields: h.fields[:0], length: -1}
	if err := h.parseFields(text, 0); err != nil {
		return err
	}
	if h.length >= 0 || h.chunked || h.trailer {
		// RFC 9110 section 6.5.1: such fields are needed before the content.
		return malformed("it has a trailer that frames the message")
	}
	if b.res.Trailer == nil {
		b.res.Trailer = make(http.Header, len(h.fields))
	}
	h.header(string(text), b.res.Trailer, nil)
	return nil
}

// skipChunks passes over the rest of the body if all of it is there.
func (b *body) skipChunks() bool {
	for {
		if b.state != atData {
			done, err := b.step(false)
			if done || err != nil {
				return done
			}
			continue
		}
		n := min(int64(len(b.conn.buffered())), b.left)
		if n == 0 {
			return false
		}
		b.conn.use(int(n))
		if b.left -= n; b.left == 0 {
			b.state = atDataEnd
		}
	}
}

var _ io.WriterTo = (*body)(nil)
