package lean

import (
	"context"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A host is where connections go to, and those that wait for the next call.
type host struct {
	addr string // with the port

	mu   sync.Mutex
	idle []*conn   // the one used last at the end; by mu
	used time.Time // a connection was last asked for; by mu
	gone bool      // no longer in the transport's map; by mu
}

// host finds the host of a URL.
func (t *Transport) host(name string) *host {
	if h, ok := t.hosts.Load(name); ok {
		return h.(*host)
	}
	h, _ := t.hosts.LoadOrStore(strings.Clone(name), &host{addr: withPort(name), used: t.now()})
	return h.(*host)
}

func withPort(name string) string {
	bare, port, err := net.SplitHostPort(name)
	if err != nil { // no port
		bare, port = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"), "80"
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(bare, port)
}

// take returns an idle connection of the host; nil if there is none. Those used last come first: they are least likely to
// have been closed, and the others may grow old and be closed.
func (t *Transport) take(h *host, now time.Time) *conn {
	h.mu.Lock()
	h.used = now
	var c *conn
	if n := len(h.idle); n > 0 {
		c = h.idle[n-1]
		h.idle[n-1] = nil
		h.idle = h.idle[:n-1]
	}
	h.mu.Unlock()
	if c != nil && now.Sub(c.clock) > t.keep {
		c.net.Close() // the others are older still: the timer has them
		return nil
	}
	return c
}

// put keeps a connection for the next call, or closes it.
func (t *Transport) put(c *conn) {
	h := c.host
	c.reused = true
	h.mu.Lock()
	ok := !h.gone && len(h.idle) < t.maxIdle
	if ok {
		h.idle = append(h.idle, c)
	}
	h.mu.Unlock()
	if !ok {
		c.net.Close()
		return
	}
	if !t.sweeping.Load() && t.sweeping.CompareAndSwap(false, true) {
		t.sweepLater()
	}
}

// dial makes a connection.
func (t *Transport) dial(ctx context.Context, h *host, limit time.Duration) (*conn, error) {
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	nc, err := t.dialer(within, "tcp", h.addr)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, &Error{Kind: ErrConnect, Addr: h.addr, Err: err}
	}
	c := &conn{t: t, host: h, net: nc}
	if sc, ok := nc.(syscall.Conn); ok && canLook {
		if c.raw, err = sc.SyscallConn(); err != nil {
			nc.Close()
			return nil, &Error{Kind: ErrConnect, Addr: h.addr, Err: err}
		}
		c.ready = c.onReady
	}
	return c, nil
}

// sweepLater sets the timer that closes what has been idle for too long. It is set again for as long as there are hosts, so
// it ends by itself some time after the last call.
func (t *Transport) sweepLater() {
	time.AfterFunc(t.keep/2+time.Millisecond, func() {
		if t.sweep(t.now()) {
			t.sweepLater()
			return
		}
		t.sweeping.Store(false)
		t.hosts.Range(func(any, any) bool { // one that came just now, and saw the timer still set
			if t.sweeping.CompareAndSwap(false, true) {
				t.sweepLater()
			}
			return false
		})
	})
}

// sweep closes connections that have been idle for too long, and forgets hosts that nobody calls. It says whether hosts are left.
func (t *Transport) sweep(now time.Time) bool {
	left := false
	t.hosts.Range(func(name, value any) bool {
		h := value.(*host)
		h.mu.Lock()
		old := 0
		for old < len(h.idle) && now.Sub(h.idle[old].clock) > t.keep {
			h.idle[old].net.Close()
			old++
		}
		n := copy(h.idle, h.idle[old:])
		clear(h.idle[n:])
		h.idle = h.idle[:n]
		h.gone = n == 0 && now.Sub(h.used) > t.keep
		gone := h.gone
		h.mu.Unlock()
		if gone {
			t.hosts.CompareAndDelete(name, h)
		} else {
			left = true
		}
		return true
	})
	return left
}

// CloseIdleConnections closes what no call uses at the moment.
func (t *Transport) CloseIdleConnections() {
	t.hosts.Range(func(_, value any) bool {
		h := value.(*host)
		h.mu.Lock()
		idle := h.idle
		h.idle = nil
		h.mu.Unlock()
		for _, c := range idle {
			c.net.Close()
		}
		return true
	})
}
