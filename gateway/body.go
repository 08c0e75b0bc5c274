package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"sallyport/oauth"
	"sallyport/policy"
)

// body is the body of a call's request. Policies may look into it before it is sent; what they have read goes upstream all
// the same. The engine reads it through senders, as a rule in a goroutine of its own.
type body struct {
	call   *call
	from   io.ReadCloser // nil: there is none
	length int64         // -1: unknown
	idle   time.Duration // between two pieces

	mu      sync.Mutex
	kept    []byte // all of it, if whole
	whole   bool   // kept is all of it
	touched bool   // some of it was sent and is not kept
	ended   bool   // the caller has sent all of it
	reading bool   // somebody waits for the caller
	fault   error  // why it could not be read to its end
	armed   time.Time
	opened  int // senders that the engine has not closed
	first   sender
	last    *sender // the one that may read; nil: there has been none
}

// begin makes the body of a call ready.
func (b *body) begin(c *call) {
	b.call, b.length, b.ended = c, 0, true
	if r := c.r; r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		b.from, b.length, b.ended = r.Body, r.ContentLength, false
	}
}

// Length implements policy.Body.
func (b *body) Length() int64 { return b.length }

// Read implements policy.Body. How long the caller may take is what the server grants a request.
func (b *body) Read(most int64) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.from == nil:
		return nil, nil
	case b.length > most, b.whole && int64(len(b.kept)) > most:
		return nil, tooLarge(most)
	case b.whole:
		return b.kept, nil
	case b.fault != nil || b.touched:
		return nil, b.refusal()
	}
	var all bytes.Buffer
	if b.length > 0 {
		all.Grow(int(b.length) + bytes.MinRead)
	}
	_, err := all.ReadFrom(io.LimitReader(b.from, most+1))
	switch {
	case err != nil:
		b.fault = err
		return nil, b.refusal()
	case int64(all.Len()) > most:
		b.touched = true // what was read is gone
		return nil, tooLarge(most)
	}
	b.kept, b.whole, b.ended, b.length = all.Bytes(), true, true, int64(all.Len())
	return b.kept, nil
}

func tooLarge(most int64) *policy.Refusal {
	return &policy.Refusal{Status: http.StatusRequestEntityTooLarge, Reason: oauth.RequestTooLarge, Detail: "The body of this request is too large here.",
		Facts: []policy.Fact{{Name: "bytes at most", Value: strconv.FormatInt(most, 10), Public: true}}, Fix: "Send less in one request."}
}

// refusal says what is wrong with a body that could not be read. The caller holds mu, or nobody reads any more.
func (b *body) refusal() *policy.Refusal {
	var large *http.MaxBytesError
	switch {
	case errors.As(b.fault, &large):
		return tooLarge(large.Limit)
	case errors.Is(b.fault, os.ErrDeadlineExceeded):
		// RFC 9110 section 15.5.9.
		return &policy.Refusal{Status: http.StatusRequestTimeout, Reason: oauth.RequestMalformed, Detail: "The body of this request did not come in time.", Fix: "Send the request again."}
	}
	return &policy.Refusal{Status: 400, Reason: oauth.RequestMalformed, Detail: oauth.Fail(oauth.RequestMalformed, "").Description}
}

// failed returns the refusal for a body that could not be read, nil if it is not the body that failed.
func (b *body) failed() *policy.Refusal {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault == nil && b.reading && !b.armed.IsZero() && time.Since(b.armed) >= b.idle {
		b.fault = os.ErrDeadlineExceeded // net/http ends the request's context before it says so
	}
	if b.fault == nil {
		return nil
	}
	return b.refusal()
}

// send returns a reader for the engine, from the beginning of the body, nil if there is none. Only the last is good.
func (b *body) send() io.ReadCloser {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.from == nil || b.whole && len(b.kept) == 0 {
		return nil
	}
	s := &b.first
	if b.last != nil { // whoever has it must not read any more
		b.call.keep = true
		b.last.dead = true
		s = &sender{}
	}
	b.opened++
	*s = sender{body: b}
	b.last = s
	if b.whole {
		b.call.takeTrailers()
	}
	return s
}

// spent reports whether some of the body is gone, so that it cannot be sent again.
func (b *body) spent() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.touched
}

// complete reports whether the caller has nothing more to send.
func (b *body) complete() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

// held reports whether an engine may still come for the body.
func (b *body) held() bool {
	if b.from == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened > 0
}

// linger is how long the rest of a request may still come in when the answer is complete. A connection that is closed
// before takes with it what the caller has not read yet of the answer.
const linger = 100 * time.Millisecond

// stop ends all reading: the request is about to be over, and the connection the server's again. Somebody who waits for
// the caller is woken soon, since the server would wait for him.
func (b *body) stop() {
	if b.from == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last != nil {
		b.last.dead = true
	}
	if !b.ended && b.fault == nil {
		b.deadline(time.Now().Add(linger))
	}
}

// arm gives the caller time for the next piece. Deadlines are moved only when a good part of the time is over: each move
// costs as much as a small read. mu is held.
func (b *body) arm() {
	if b.idle <= 0 {
		return
	}
	if now := time.Now(); now.Sub(b.armed) > b.idle/4 {
		b.armed = now
		b.deadline(now.Add(b.idle))
	}
}

// disarm lets the connection be quiet for as long as the answer takes. mu is held.
func (b *body) disarm() {
	if !b.armed.IsZero() {
		b.armed = time.Time{}
		b.deadline(time.Time{})
	}
}

func (b *body) deadline(t time.Time) {
	_ = http.NewResponseController(b.call.w).SetReadDeadline(t) // not every ResponseWriter has a connection
}

// A sender is a body for one attempt to send it.
type sender struct {
	body   *body
	at     int  // in what is kept
	dead   bool // somebody else has the body, or the call is over
	closed bool
}

var errOver = errors.New("gateway: the body was read when the call was over")

// Read implements io.Reader.
func (s *sender) Read(p []byte) (int, error) {
	b := s.body
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case s.dead || s.closed:
		return 0, errOver
	case b.whole:
		n := copy(p, b.kept[s.at:])
		if s.at += n; s.at == len(b.kept) {
			return n, io.EOF
		}
		return n, nil
	case b.fault != nil:
		return 0, b.fault
	}
	b.touched, b.reading = true, true
	b.arm()
	b.mu.Unlock()
	n, err := b.from.Read(p)
	b.mu.Lock()
	b.reading = false
	if err == nil {
		return n, nil
	}
	if err == io.EOF {
		b.ended = true
		if !s.dead {
			b.disarm()
			b.call.takeTrailers()
		}
	} else {
		b.fault = err
	}
	return n, err
}

// Close implements io.Closer. The body itself is the server's to close.
func (s *sender) Close() error {
	s.body.mu.Lock()
	defer s.body.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.body.opened--
	}
	return nil
}
