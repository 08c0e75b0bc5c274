package lean

import (
	"net/http"
	"strings"
)

// An Answer is the memory of an answer. It can be used for one call after another, but not for two at once; see SendInto.
type Answer struct {
	// Extra are fields to send besides those of the request's header, which need not be filled with what is the same for
	// every request. They do not replace any.
	Extra []Field

	res    http.Response
	body   body
	values [12]string  // of as many fields
	header http.Header // nil: not used yet
}

// A Field is a header field.
type Field struct{ Name, Value string }

// most is how many fields a header may have had that is used again. Emptying a map takes as long as it once was large.
const most = 64

// build makes the response from the parsed head, which it takes out of the connection's buffer.
func (a *Answer) build(r *http.Request, c *conn) *http.Response {
	h := &c.head
	end := c.r + h.end
	text := string(c.in.b[c.r:end])
	if c.r = end; c.r == c.w {
		c.r, c.w = 0, 0
	}
	if a.header == nil || len(a.header) > most {
		a.header = make(http.Header, len(h.fields))
	} else {
		clear(a.header)
	}
	h.header(text, a.header, a.values[:])
	status := text[9:h.line]
	a.res = http.Response{
		Status: status, StatusCode: h.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: h.minor,
		Header: a.header, ContentLength: h.length, Request: r,
		Close: h.close || h.minor == 0 && !h.alive,
	}
	if h.minor == 0 {
		a.res.Proto = "HTTP/1.0"
	}
	a.frame(r.Method, c)
	return &a.res
}

// frame finds out where the answer ends (RFC 9112 section 6.3).
func (a *Answer) frame(method string, c *conn) {
	h, res := &c.head, &a.res
	if h.chunked {
		delete(res.Header, "Transfer-Encoding")
		res.TransferEncoding = chunkedCoding
		if h.trailer {
			res.Trailer = announced(res.Header["Trailer"])
			delete(res.Header, "Trailer")
		}
	}
	none := method == http.MethodHead || h.status == http.StatusNoContent || h.status == http.StatusNotModified
	// A 204 has no length and no coding (RFC 9110 section 8.6, RFC 9112 section 6.1). Who sends one may send a body as well.
	odd := h.status == http.StatusNoContent && (h.length > 0 || h.chunked)
	switch {
	case none:
		if method != http.MethodHead {
			res.ContentLength = 0
		}
	case h.length == 0:
	case h.length > 0:
		a.body = body{conn: c, res: res, form: byLength, left: h.length}
	case h.chunked:
		a.body = body{conn: c, res: res, form: byChunks, state: atSize}
	default:
		res.Close = true
		a.body = body{conn: c, res: res, form: byClose}
	}
	if a.body.conn == nil {
		res.Body = http.NoBody
		c.release(!res.Close && !res.Request.Close && !odd)
		return
	}
	res.Body = &a.body
}

// chunkedCoding is shared; nobody writes into it.
var chunkedCoding = []string{"chunked"}

// announced reads the names of trailers to come. Names that frame a message are no trailers (RFC 9110 section 6.5.1).
func announced(values []string) http.Header {
	names := http.Header{}
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			switch name = http.CanonicalHeaderKey(strings.Trim(name, " \t")); name {
			case "", "Transfer-Encoding", "Content-Length", "Trailer":
			default:
				names[name] = nil
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return names
}

// header puts the fields of a head, given as a string, into a header. The values' slices are made from the memory given as
// long as it lasts.
func (h *head) header(text string, into http.Header, values []string) {
	if len(values) < len(h.fields) {
		values = make([]string, len(h.fields))
	}
	for i, f := range h.fields {
		name := text[f.name:f.nameEnd]
		values[i] = text[f.value:f.valueEnd]
		if i < few && twice(text, h.fields[:i], name) || i >= few && into[name] != nil {
			into[name] = append(into[name], values[i])
			continue
		}
		into[name] = values[i : i+1 : i+1]
	}
}

// few is for how many fields it is cheaper to compare their names than to ask the map.
const few = 16

// twice says whether one of the fields has this name.
func twice(text string, fields []field, name string) bool {
	for _, f := range fields {
		if int(f.nameEnd-f.name) == len(name) && text[f.name:f.nameEnd] == name {
			return true
		}
	}
	return false
}
