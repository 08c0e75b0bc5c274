package gateway

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync/atomic"
	"time"

	"sallyport/policy"
	"sallyport/problem"
)

var errSwitch = errors.New("the upstream switched to another protocol than it was asked for")

// switchProtocols makes caller and upstream speak WebSocket to each other (RFC 6455): from here on bytes pass as they are.
func (c *call) switchProtocols(res *http.Response) {
	back, ok := res.Body.(io.ReadWriteCloser)
	defer res.Body.Close()
	if up := res.Header["Upgrade"]; !ok || len(up) != 1 || !strings.EqualFold(up[0], websocket[0]) {
		c.broke, c.answered = errSwitch, 0
		c.failed(errSwitch)
		return
	}
	removeHops(res.Header)
	keepOffPages(res.Header)
	delete(res.Header, problem.IDHeader)
	if c.route.looks {
		c.response = policy.Response{Status: res.StatusCode, Header: textproto.MIMEHeader(res.Header), Body: http.NoBody}
		if err := c.route.chain.Response(c.Context, &c.Call, &c.response); err != nil {
			c.refuse(c.refusalOf(err))
			return
		}
	}
	h := c.w.Header().Clone()
	merge(h, textproto.MIMEHeader(res.Header))
	delete(h, "Content-Length") // RFC 9110 section 8.6
	h["Connection"], h["Upgrade"] = upgrade, websocket
	conn, rw, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		c.failed(err)
		return
	}
	defer conn.Close()
	c.status = http.StatusSwitchingProtocols
	if err := writeSwitch(rw.Writer, h); err != nil {
		return // the caller is gone
	}
	t := &tunnel{caller: conn, early: rw.Reader, upstream: back, idle: c.route.link.limits.Idle}
	t.run(c.Context.Done())
}

func writeSwitch(w *bufio.Writer, h http.Header) error {
	_, _ = w.WriteString("HTTP/1.1 101 Switching Protocols\r\n") // the writer remembers an error
	_ = h.Write(w)
	_, _ = w.WriteString("\r\n")
	return w.Flush()
}

// A tunnel copies bytes both ways, until one side has ended or nothing has passed for too long.
type tunnel struct {
	caller   net.Conn
	early    *bufio.Reader // has what the caller sent before the switch was answered
	upstream io.ReadWriteCloser
	idle     time.Duration
	passed   atomic.Int64 // pieces, in both directions
}

// run returns when both copies have ended.
func (t *tunnel) run(gone <-chan struct{}) {
	ended := make(chan struct{}, 2)
	go func() {
		t.copy(t.upstream, io.MultiReader(io.LimitReader(t.early, int64(t.early.Buffered())), t.caller))
		ended <- struct{}{}
	}()
	go func() {
		t.copy(t.caller, t.upstream)
		ended <- struct{}{}
	}()
	tick := time.NewTicker(t.idle)
	defer tick.Stop()
	open, seen := 2, int64(-1)
	for open > 0 {
		select {
		case <-ended:
			if open--; open == 1 {
				// A side that has closed its half may still be told something, but not for ever.
				tick.Reset(min(t.idle, lastWords))
				seen = t.passed.Load()
			}
			continue
		case <-gone:
			gone = nil
		case <-tick.C:
			if now := t.passed.Load(); now != seen {
				seen = now
				continue
			}
		}
		_ = t.caller.Close() // wakes both
		_ = t.upstream.Close()
	}
}

// lastWords is how long the other side may be silent when one has ended.
const lastWords = 10 * time.Second

// copy copies one way, and hands on the end of what it copies.
func (t *tunnel) copy(to io.Writer, from io.Reader) {
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	for {
		n, err := from.Read(buf[:])
		if n > 0 {
			t.passed.Add(1)
			if _, err := to.Write(buf[:n]); err != nil {
				_ = t.caller.Close() // there is nobody to talk to
				_ = t.upstream.Close()
				return
			}
		}
		if err == nil {
			continue
		}
		half, ok := to.(interface{ CloseWrite() error })
		if err != io.EOF || !ok || half.CloseWrite() != nil {
			_ = t.caller.Close()
			_ = t.upstream.Close()
		}
		return
	}
}
