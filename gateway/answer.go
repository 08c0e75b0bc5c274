package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"time"

	"sallyport/policy"
	"sallyport/problem"
)

// deliver gives the upstream's answer to the caller.
func (c *call) deliver(res *http.Response) {
	defer res.Body.Close()
	keepOffPages(res.Header)
	if c.route.looks {
		removeHops(res.Header) // otherwise merge passes by them
	}
	c.response = policy.Response{
		Status: res.StatusCode, Header: textproto.MIMEHeader(res.Header), Body: res.Body, Length: res.ContentLength,
		Cut: res.ContentLength < 0 && res.ProtoMajor == 1 && len(res.TransferEncoding) == 0 && c.hasBody(res.StatusCode),
	}
	c.respond(res)
}

// removeHops removes from an answer what belongs to the connection that it came by.
func removeHops(h http.Header) {
	if connection := h["Connection"]; connection != nil {
		removeNamed(h, connection)
	}
	for name := range h {
		if isHop(name) {
			delete(h, name)
		}
	}
}

// respond shows c.response to the policies and writes it. res is the upstream's answer, nil if there is none.
func (c *call) respond(res *http.Response) {
	r := &c.response
	if c.route.looks {
		length, body := r.Length, r.Body
		err := c.route.chain.Response(c.Context, &c.Call, r)
		if r.Body != body { // a policy has put its own in front, or instead
			defer r.Body.Close()
		}
		switch {
		case err != nil:
			c.refuse(c.refusalOf(err))
			return
		case r.Failure != nil:
			c.refuse(r.Failure)
			return
		case r.Length != length && r.Length >= 0:
			r.Header["Content-Length"] = []string{strconv.FormatInt(r.Length, 10)}
		case r.Length != length:
			delete(r.Header, "Content-Length")
		}
	}
	if r.Answered || res == nil {
		c.setLength()
	}
	c.write(res)
}

// setLength says how long an answer is that did not come from an upstream.
func (c *call) setLength() {
	r := &c.response
	delete(r.Header, "Transfer-Encoding")
	delete(r.Header, "Content-Length")
	// RFC 9110 section 8.6: not in answers that have no body by their status.
	if r.Length >= 0 && r.Status >= 200 && r.Status != http.StatusNoContent && r.Status != http.StatusNotModified {
		r.Header["Content-Length"] = []string{strconv.FormatInt(r.Length, 10)}
	}
}

// hasBody reports whether an answer of this status has a body (RFC 9112 section 6.3).
func (c *call) hasBody(status int) bool {
	return c.r.Method != http.MethodHead && status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// write writes c.response. When it cannot be written to its end the connection is cut: half an answer must not look like a
// whole one.
func (c *call) write(res *http.Response) {
	r := &c.response
	h := c.w.Header()
	merge(h, r.Header)
	if _, known := h["Content-Type"]; !known {
		h["Content-Type"] = nil // or net/http would guess
	}
	if res != nil && len(res.Trailer) > 0 {
		names := make([]string, 0, len(res.Trailer))
		for name := range res.Trailer {
			if isTrailer(name) {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			h["Trailer"] = []string{strings.Join(names, ", ")}
		}
	}
	if !c.body.complete() {
		// The answer comes before the request is at its end. What is left of it must neither hold up the answer nor be
		// taken for the next request.
		_ = http.NewResponseController(c.w).EnableFullDuplex() // HTTP/2 has it anyway
		if c.r.ProtoMajor == 1 {
			h["Connection"] = []string{"close"}
		}
	}
	c.status = r.Status
	c.w.WriteHeader(r.Status)
	if !c.hasBody(r.Status) {
		return
	}
	if err := c.pass(); err != nil {
		c.cut(err)
	}
	if res != nil {
		c.writeTrailers(res)
	}
}

// cut ends the call where it is.
func (c *call) cut(err error) {
	var writing *writeError
	if c.Context.Err() == nil && !errors.As(err, &writing) {
		c.broke, c.answered = c.blame(err), 0
		c.reason, c.cause = policy.UpstreamFailed, err
		if c.visit != nil {
			c.visit.Refused = c.record(&policy.Refusal{Reason: c.reason, Detail: "The API's server broke off in the middle of its answer."})
		}
		c.log("an answer broke off", c.reason, err)
	}
	panic(http.ErrAbortHandler)
}

// merge adds the upstream's fields to those that are there already. What a policy has set in the reply counts, but of
// fields that are lists both are said.
func merge(to http.Header, from textproto.MIMEHeader) {
	if connection := from["Connection"]; connection != nil {
		removeNamed(http.Header(from), connection)
	}
	for name, values := range from {
		had := to[name]
		switch {
		case name == problem.IDHeader || isHop(name): // ours is there already
		case had == nil:
			to[name] = values
		case name == "Vary" || name == "Set-Cookie" || name == "Link" || name == "Www-Authenticate" || name == "Via" || name == "Cache-Status" || name == "Server-Timing":
			to[name] = append(had[:len(had):len(had)], values...)
		}
	}
}

// isTrailer reports whether an upstream may say a field behind its answer: what belongs to a connection or frames a message
// may not, nor what is ours to say.
func isTrailer(name string) bool { return !isHop(name) && !isFraming(name) && name != problem.IDHeader }

// writeTrailers passes on the trailer fields. Those that were not announced are sent too.
func (c *call) writeTrailers(res *http.Response) {
	if len(res.Trailer) == 0 {
		return
	}
	_ = http.NewResponseController(c.w).Flush() // or net/http would send a short body without chunks, which have none
	h := c.w.Header()
	announced := h.Get("Trailer")
	for name, values := range res.Trailer {
		if !isTrailer(name) {
			continue
		}
		if !hasToken([]string{announced}, name) {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// A writeError says that the caller does not take the answer.
type writeError struct{ error }

// buffers are what bodies are copied through.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

const bufferSize = 32 << 10

// pass copies the body of the answer. Pieces of one that is made as it is sent are passed on as they come.
func (c *call) pass() error {
	r := &c.response
	if r.Length == 0 {
		return nil
	}
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	out := http.NewResponseController(c.w)
	live := r.Length < 0 || strings.HasPrefix(textproto.MIMEHeader(c.w.Header()).Get("Content-Type"), "text/event-stream")
	if some, ok := r.Body.(interface{ Buffered() int }); live && !(ok && some.Buffered() > 0) {
		if err := flush(out); err != nil { // the head does not wait for the body
			return err
		}
	}
	var armed time.Time // when the caller was given time to take a piece
	for left := r.Length; ; {
		n, err := readSome(r.Body, buf[:], left)
		if n > 0 {
			if left > 0 {
				left -= int64(n)
			}
			if live || n == len(buf) || !armed.IsZero() {
				armed = c.armWrite(out, armed)
			}
			if _, failed := c.w.Write(buf[:n]); failed != nil {
				return &writeError{failed}
			}
			if live && err == nil {
				if err := flush(out); err != nil {
					return err
				}
			}
		}
		switch {
		case err == io.EOF:
			return c.disarmWrite(out, armed)
		case err != nil:
			return err
		}
	}
}

// readSome reads a piece of a body. Of one whose length is known it reads as much as there is room for, so that short
// answers are one piece.
func readSome(body io.Reader, buf []byte, left int64) (int, error) {
	if left < 0 {
		return body.Read(buf)
	}
	n := 0
	for n < len(buf) {
		m, err := body.Read(buf[n:])
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// armWrite bounds how long the caller may take for a piece. Deadlines are moved only when a good part of the time is over.
func (c *call) armWrite(out *http.ResponseController, armed time.Time) time.Time {
	idle := c.body.idle
	now := time.Now()
	if idle <= 0 || now.Sub(armed) < idle/4 {
		return armed
	}
	_ = out.SetWriteDeadline(now.Add(idle))
	return now
}

// disarmWrite sends what is left in buffers and gives the connection back without a limit.
func (c *call) disarmWrite(out *http.ResponseController, armed time.Time) error {
	if armed.IsZero() {
		return nil
	}
	if err := flush(out); err != nil {
		return err
	}
	_ = out.SetWriteDeadline(time.Time{})
	return nil
}

func flush(out *http.ResponseController) error {
	if err := out.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return &writeError{err}
	}
	return nil
}

// bytesBody is a body that is there already.
func bytesBody(b []byte) io.ReadCloser {
	if len(b) == 0 {
		return http.NoBody
	}
	return io.NopCloser(bytes.NewReader(b))
}
