package cache

import (
	"bytes"
	"io"
	"slices"
)

// A capture copies a body while it passes to the caller, and stores it when all of it has come. A body that breaks off,
// that is not as long as announced, or that gets too large is not stored (RFC 9111 section 3.3).
type capture struct {
	io.ReadCloser
	p        *cache
	f        *flight
	entry    *entry
	to       key
	length   int64 // announced; -1: not
	buf      []byte
	reserved int64
	over     bool // stored, or given up
}

// Read implements io.Reader.
func (c *capture) Read(into []byte) (int, error) {
	n, err := c.ReadCloser.Read(into)
	if c.over {
		return n, err
	}
	if !c.take(into[:n]) {
		c.giveUp()
		return n, err
	}
	switch all := int64(len(c.buf)) == c.length; {
	case all, err == io.EOF && c.length < 0:
		c.store()
	case err != nil:
		c.giveUp()
	}
	return n, err
}

// Close implements io.Closer.
func (c *capture) Close() error {
	c.giveUp()
	return c.ReadCloser.Close()
}

func (c *capture) take(part []byte) bool {
	need := len(c.buf) + len(part)
	if int64(need) > c.p.Largest || c.length >= 0 && int64(need) > c.length {
		return false
	}
	if need > cap(c.buf) {
		size := int64(min(max(2*cap(c.buf), need, 4096), int(c.p.Largest)))
		if c.length >= 0 {
			size = c.length
		}
		if !c.p.store.reserve(size - c.reserved) {
			return false
		}
		c.reserved = size
		c.buf = slices.Grow(c.buf, int(size)-len(c.buf))
	}
	c.buf = append(c.buf, part...)
	return true
}

func (c *capture) store() {
	c.over = true
	c.entry.body = c.buf
	if cap(c.buf)-len(c.buf) > len(c.buf)/4 {
		c.entry.body = bytes.Clone(c.buf)
	}
	c.p.store.put(c.to, c.f.uri, c.entry, c.f.old, c.reserved)
	c.buf, c.reserved = nil, 0
}

// giveUp does nothing once the body is stored.
func (c *capture) giveUp() {
	if c.over {
		return
	}
	c.over = true
	c.p.store.giveBack(c.reserved)
	c.buf, c.reserved = nil, 0
}
