package lean

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"time"
)

// SendInto is Send with memory of the caller's: the answer it returns, its header and its body are a's, and are gone when a
// is used again.
func (t *Transport) SendInto(a *Answer, r *http.Request, l Limits) (*http.Response, error) {
	l = l.or(t.limits)
	if r.URL == nil || r.URL.Scheme != "http" || r.URL.Host == "" || r.Method == http.MethodConnect {
		closeBody(r.Body)
		return nil, refused("it is not for an http URL")
	}
	ctx := r.Context()
	if ctx.Err() != nil {
		closeBody(r.Body)
		return nil, context.Cause(ctx)
	}
	out := t.buffer()
	up, err := t.compose(r, a.Extra, r.Body, out)
	if err != nil {
		t.free(out)
		closeBody(r.Body)
		return nil, err
	}
	h, now := t.host(r.URL.Host), t.now()
	fresh := false // wanted, and nothing else
	for {
		var c *conn
		if !fresh {
			c = t.take(h, now)
		}
		if c == nil {
			if c, err = t.dial(ctx, h, l.Connect); err != nil {
				break
			}
			now = t.now()
		}
		c.begin(ctx, l, out, up, now)
		if err = c.await(r); err == nil {
			return a.build(r, c), nil
		}
		reused, untouched, heard := c.reused, c.asking || isStale(err), c.heard
		err = c.broken(err)
		if untouched {
			c.out = nil // it stays here
		} else {
			out = nil
		}
		if !untouched && up != nil && up.begun {
			up = nil // it closes the body
		}
		again := reused && ctx.Err() == nil && (untouched || !heard && errors.Is(err, ErrBroken))
		c.release(false)
		switch {
		case !again:
		case untouched:
			continue // what was idle as well may still be alive
		case idempotent(r) && bodyLength(r) == 0, idempotent(r) && r.GetBody != nil:
			fresh = true
			if out, up, err = t.recompose(r, a.Extra); err == nil {
				continue
			}
		}
		break
	}
	if out != nil {
		t.free(out)
	}
	if up != nil {
		closeBody(up.body)
	}
	return nil, err
}

// recompose makes the request again whose buffer is gone.
func (t *Transport) recompose(r *http.Request, extra []Field) (*buffer, *upload, error) {
	body := r.Body
	if bodyLength(r) != 0 {
		var err error
		if body, err = r.GetBody(); err != nil {
			return nil, nil, &Error{Kind: ErrBody, Err: err}
		}
	}
	out := t.buffer()
	up, err := t.compose(r, extra, body, out)
	if err != nil {
		t.free(out)
		closeBody(body)
		return nil, nil, err
	}
	return out, up, nil
}

func closeBody(body io.ReadCloser) {
	if body != nil {
		body.Close()
	}
}

func isStale(err error) bool {
	var stale *staleError
	return errors.As(err, &stale)
}

// await sends the request and reads until the head of its answer is parsed. Interim answers are passed by (RFC 9110 section
// 15.2).
func (c *conn) await(r *http.Request) error {
	now, total := c.began, 0
	for {
		size, err := c.readHead(now, c.t.maxHeader-total)
		if err != nil {
			return err
		}
		if err := c.head.parse(c.in.b[c.r : c.r+size]); err != nil {
			return err
		}
		if c.head.status >= 200 {
			c.answered = true
			return nil
		}
		if c.head.status == http.StatusSwitchingProtocols {
			return malformed("it switches protocols, which nobody asked for")
		}
		total += size
		if err := c.interim(r, size); err != nil {
			return err
		}
		now = c.t.now()
	}
}

// readHead reads until a whole head is in the buffer and returns its size.
func (c *conn) readHead(now time.Time, most int) (int, error) {
	seen := 0
	for {
		got := c.buffered()
		if size, err := headEnd(got, seen); size > 0 || err != nil {
			return size, err
		}
		if seen = len(got); seen >= most {
			return 0, malformed("its head is too long")
		}
		if seen > 0 {
			now = c.t.now()
		}
		if err := c.fill(max(most, bufferSize), now); err != nil {
			return 0, err
		}
	}
}

// interim passes an interim answer to the request's trace, if there is one, and forgets it.
func (c *conn) interim(r *http.Request, size int) error {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.Got1xxResponse != nil {
		h := http.Header{}
		c.head.header(string(c.in.b[c.r:c.r+size]), h, nil)
		if err := trace.Got1xxResponse(c.head.status, textproto.MIMEHeader(h)); err != nil {
			if known := (*Error)(nil); errors.As(err, &known) { // who listens may say who is to blame
				return err
			}
			return &Error{Kind: ErrRequest, Err: err}
		}
	}
	c.r += size
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	return nil
}
