package lean

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// errShort is a body that ends too early.
var errShort = errors.New("it is shorter than its Content-Length")

// bodyLength is the length of a request's body; -1 if it is not known.
func bodyLength(r *http.Request) int64 {
	switch {
	case r.Body == nil || r.Body == http.NoBody:
		return 0
	case r.ContentLength != 0:
		return r.ContentLength
	}
	return -1
}

// compose writes a request into a buffer, with its body if that fits. Otherwise it returns an upload for the body.
func (t *Transport) compose(r *http.Request, extra []Field, body io.ReadCloser, out *buffer) (*upload, error) {
	length := bodyLength(r)
	b, err := appendHead(out.b[:0], r, extra, length)
	out.b = b
	switch {
	case err != nil:
		return nil, err
	case length == 0:
		return nil, nil
	case length < 0 || length > int64(cap(b)-len(b)):
		return &upload{body: body, length: length}, nil
	}
	n, err := readAll(body, b[len(b):len(b)+int(length)])
	out.b = b[:len(b)+n]
	if err != nil {
		return nil, &Error{Kind: ErrBody, Err: err}
	}
	body.Close()
	return nil, nil
}

// readAll fills p. It does not read on to see whether there is more: that might wait.
func readAll(from io.Reader, p []byte) (int, error) {
	n := 0
	for n < len(p) {
		m, err := from.Read(p[n:])
		if n += m; n == len(p) {
			break
		}
		if err == io.EOF {
			return n, errShort
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// appendHead writes the request line and the header (RFC 9112 section 3), and refuses what an upstream could read as
// something else. Host and framing are the transport's own; other fields go as they are.
func appendHead(b []byte, r *http.Request, extra []Field, length int64) ([]byte, error) {
	b, err := appendLine(b, r)
	if err != nil {
		return b, err
	}
	for name, values := range r.Header {
		switch meaning(name) {
		case ownField:
			continue
		case foreignField:
			return b, refused("the field " + strconv.Quote(name) + " is for another transport")
		}
		for _, value := range values {
			if b, err = appendField(b, name, value); err != nil {
				return b, err
			}
		}
	}
	for _, f := range extra {
		if meaning(f.Name) != plainField {
			return b, refused("the field " + strconv.Quote(f.Name) + " is not the caller's")
		}
		if b, err = appendField(b, f.Name, f.Value); err != nil {
			return b, err
		}
	}
	if r.Close {
		b = append(b, "Connection: close\r\n"...)
	}
	switch {
	case length > 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, length, 10)
		b = append(b, "\r\n"...)
	case length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch:
		b = append(b, "Content-Length: 0\r\n"...) // RFC 9110 section 8.6
	}
	return append(b, "\r\n"...), nil
}

func appendField(b []byte, name, value string) ([]byte, error) {
	from := len(b)
	b = append(b, name...)
	if name == "" || !consistsOf(b[from:], inToken) {
		return b, refused("a field's name is not a token")
	}
	b = append(b, ": "...)
	from = len(b)
	b = append(b, value...)
	if !isText(b[from:]) {
		return b, refused("the field " + strconv.Quote(name) + " has control characters in its value")
	}
	return append(b, "\r\n"...), nil
}

// appendLine writes the request line, and the Host field, which comes first (RFC 9110 section 7.2).
func appendLine(b []byte, r *http.Request) ([]byte, error) {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	b = append(b, method...)
	if !consistsOf(b, inToken) {
		return b, refused("its method is not a token")
	}
	b = append(b, ' ')
	from := len(b)
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.EscapedPath()
	}
	if path == "" {
		path = "/"
	}
	b = append(b, path...)
	if path[0] != '/' || !consistsOf(b[from:], inTarget) || strings.IndexByte(path, '?') >= 0 {
		return b, refused("its path cannot be written into a request")
	}
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		b = append(b, '?')
		from = len(b)
		b = append(b, r.URL.RawQuery...)
		if !consistsOf(b[from:], inTarget) {
			return b, refused("its query cannot be written into a request")
		}
	}
	b = append(b, " HTTP/1.1\r\nHost: "...)
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	if strings.IndexByte(host, '%') >= 0 {
		host = withoutZone(host)
	}
	from = len(b)
	b = append(b, host...)
	if host == "" || !consistsOf(b[from:], inHost) {
		return b, refused("its host cannot be written into a request")
	}
	return append(b, "\r\n"...), nil
}

// withoutZone removes the zone of an IPv6 address, which means nothing elsewhere (RFC 6874 section 4).
func withoutZone(host string) string {
	end := strings.LastIndexByte(host, ']')
	if host[0] != '[' || end < 0 {
		return host
	}
	zone := strings.LastIndexByte(host[:end], '%')
	if zone < 0 {
		return host
	}
	return host[:zone] + host[end:]
}

// What a field of a request is to the transport.
const (
	plainField   = iota
	ownField     // the transport writes it if it is needed
	foreignField // Can refuses it
)

func meaning(name string) int {
	if name == "" {
		return plainField
	}
	switch name[0] | 0x20 {
	case 'h':
		if equalFold(name, "host") {
			return ownField
		}
	case 'c':
		if equalFold(name, "content-length") {
			return ownField
		}
	case 't':
		if equalFold(name, "transfer-encoding") {
			return ownField
		}
		if equalFold(name, "trailer") {
			return foreignField
		}
	case 'u':
		if equalFold(name, "upgrade") {
			return foreignField
		}
	case 'e':
		if equalFold(name, "expect") {
			return foreignField
		}
	}
	return plainField
}

// idempotent: RFC 9110 section 9.2.2, and requests that say it of themselves.
func idempotent(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil
}
