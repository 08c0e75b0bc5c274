package lean

import "bytes"

// A head is what the head of an answer says, and where its fields are in it.
type head struct {
	status  int
	minor   int   // of HTTP/1
	line    int   // where the status line ends
	end     int   // where the head ends
	length  int64 // Content-Length; -1: there is none
	chunked bool
	close   bool // Connection: close
	alive   bool // Connection: keep-alive
	trailer bool // it announces trailers
	fields  []field
}

// A field is where a name and its value are.
type field struct{ name, nameEnd, value, valueEnd int32 }

// maxFields is how many fields a head may have; each costs more memory than the bytes it came in.
const maxFields = 1000

// headEnd returns the size of the head that b begins with, and 0 if its end is not there yet. seen bytes have been looked at
// before. What cannot become a head any more is an error, so that nobody waits for its end.
func headEnd(b []byte, seen int) (int, error) {
	from := max(seen-3, 0)
	if i := bytes.Index(b[from:], []byte("\r\n\r\n")); i >= 0 {
		return from + i + 4, nil
	}
	const version = "HTTP/1."
	if n := min(len(b), len(version)); string(b[:n]) != version[:n] {
		return 0, malformed("it is not HTTP/1.1")
	}
	return 0, bareLF(b, seen)
}

// bareLF is an error if a line feed at this place or behind it has no carriage return before it. RFC 9112 section 2.2 lets recipients accept those; two
// servers that disagree about where a line ends disagree about everything behind it.
func bareLF(b []byte, at int) error {
	for {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return nil
		}
		if at += i; at == 0 || b[at-1] != '\r' {
			return malformed("a line ends without a carriage return")
		}
		at++
	}
}

// parse reads a whole head (RFC 9112 section 4 and 5), whose field names it writes in their canonical form.
func (h *head) parse(b []byte) error {
	*h = head{fields: h.fields[:0], length: -1, end: len(b)}
	line := bytes.IndexByte(b, '\n')
	if line < 1 || b[line-1] != '\r' {
		return malformed("a line ends without a carriage return")
	}
	h.line = line - 1
	if err := h.parseStatus(b[:h.line]); err != nil {
		return err
	}
	if err := h.parseFields(b, line+1); err != nil {
		return err
	}
	switch {
	case !h.chunked:
	case h.length >= 0:
		// RFC 9112 section 6.3: "ought to be handled as an error".
		return malformed("it has a Content-Length and a Transfer-Encoding")
	case h.minor == 0:
		// RFC 9112 section 6.1: such framing is faulty.
		return malformed("it is HTTP/1.0 with a Transfer-Encoding")
	}
	return nil
}

// parseStatus reads the status line (RFC 9112 section 4). The blank before an empty reason is often left out.
func (h *head) parseStatus(line []byte) error {
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' {
		return malformed("it is not HTTP/1.1")
	}
	h.minor = int(line[7] - '0')
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return malformed("its status is not a number")
		}
		h.status = 10*h.status + int(c-'0')
	}
	if h.status < 100 || len(line) > 12 && line[12] != ' ' || !isText(line[12:]) {
		return malformed("its status line has no form")
	}
	return nil
}

// parseFields reads fields from a place in b, which ends with an empty line.
func (h *head) parseFields(b []byte, at int) error {
	for {
		end := bytes.IndexByte(b[at:], '\n') + at
		if end <= at || b[end-1] != '\r' {
			return malformed("a line ends without a carriage return")
		}
		if end == at+1 {
			return nil
		}
		f := field{name: int32(at), valueEnd: int32(end - 1)}
		i, table := at, &initial
		for {
			c := table[b[i]]
			if c == 0 {
				break
			}
			b[i] = c
			table = &within
			if c == '-' {
				table = &initial
			}
			i++
		}
		// RFC 9112 section 5.1: no space before the colon; section 5.2: a line that begins with one is no continuation.
		if b[i] != ':' || i == at {
			return malformed("a field's name is not a token")
		}
		f.nameEnd, f.value = int32(i), int32(i+1)
		for f.value < f.valueEnd && isBlank(b[f.value]) {
			f.value++
		}
		for f.value < f.valueEnd && isBlank(b[f.valueEnd-1]) {
			f.valueEnd--
		}
		value := b[f.value:f.valueEnd]
		if !isText(value) {
			return malformed("a field has control characters in its value")
		}
		if len(h.fields) == maxFields {
			return malformed("it has too many fields")
		}
		h.fields = append(h.fields, f)
		if err := h.framing(b[at:i], value); err != nil {
			return err
		}
		at = end + 1
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// framing looks at the fields that say where the answer ends and what becomes of the connection.
func (h *head) framing(name, value []byte) error {
	switch len(name) {
	case 7:
		h.trailer = h.trailer || string(name) == "Trailer"
	case 10:
		if string(name) == "Connection" {
			h.connection(value)
		}
	case 14:
		if string(name) == "Content-Length" {
			if h.length >= 0 {
				return malformed("it has more than one Content-Length")
			}
			var ok bool
			if h.length, ok = parseLength(value); !ok {
				return malformed("its Content-Length is not a number")
			}
		}
	case 17:
		if string(name) == "Transfer-Encoding" {
			if h.chunked || len(value) != 7 || !bytes.EqualFold(value, []byte("chunked")) {
				return malformed("it has a Transfer-Encoding other than chunked")
			}
			h.chunked = true
		}
	}
	return nil
}

// connection reads the options of a Connection field (RFC 9110 section 7.6.1).
func (h *head) connection(value []byte) {
	for len(value) > 0 {
		option, rest, _ := bytes.Cut(value, []byte(","))
		option = bytes.Trim(option, " \t")
		h.close = h.close || bytes.EqualFold(option, []byte("close"))
		h.alive = h.alive || bytes.EqualFold(option, []byte("keep-alive"))
		value = rest
	}
}

// parseLength reads a Content-Length: digits and nothing else (RFC 9110 section 8.6).
func parseLength(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return -1, false
	}
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}
