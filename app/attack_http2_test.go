package app_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// An h2conn speaks HTTP/2 frame by frame, so that it can say what no client would.
type h2conn struct {
	net.Conn
	framer *http2.Framer
}

// dialHTTP2 connects to a listener, by TLS or with prior knowledge (RFC 9113 section 3.3).
func dialHTTP2(t *testing.T, addr string, secure bool) *h2conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if secure {
		conn, err = tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	c := &h2conn{conn, http2.NewFramer(conn, conn)}
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := c.framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return c
}

// request sends a head, fields in turn name and value, and a body if there is one.
func (c *h2conn) request(t *testing.T, stream uint32, body string, fields ...string) {
	t.Helper()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	if err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndStream: body == "", EndHeaders: true}); err != nil {
		t.Fatal(err)
	}
	if body != "" {
		_ = c.framer.WriteData(stream, true, []byte(body))
	}
}

// outcome waits for what becomes of a stream: a status, or "reset", or "gone" if the connection is.
func (c *h2conn) outcome(t *testing.T, stream uint32) string {
	t.Helper()
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				t.Fatal("nothing comes back")
			}
			return "gone"
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			if f.StreamID == stream && f.PseudoValue("status") != "100" {
				return f.PseudoValue("status")
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				return "reset"
			}
		case *http2.GoAwayFrame:
			if f.ErrCode != http2.ErrCodeNo {
				return "gone"
			}
		}
	}
}

// Class 31, smuggling by HTTP/2: what has another meaning in HTTP/1.1 does not get there.
func TestAttackHTTP2(t *testing.T) {
	up := newWitness(t, nil)
	yaml := "realm: default\napis:" + twice(up.URL, "auth: [none]") +
		"  - {name: inner, path: /lean, host: inner.example, auth: [bearer], upstream: '" + up.URL + "/inner'}\n"
	plain, secure := guarded(t, yaml), guarded(t, yaml, secured(t))
	type request struct {
		name string
		with []string // fields, in place of the usual ones or besides
		body string
		want []string
		asks bool // the upstream is asked, once
		// maybe is for what is found out when the body comes: the upstream may have been asked by then, without that body.
		maybe bool
	}
	tests := []request{
		{name: "as it should be", want: []string{"200"}, asks: true},
		{name: "a length that is right", with: []string{"content-length", "2"}, body: "ab", want: []string{"200"}, asks: true},
		{name: "a length that is short", with: []string{"content-length", "1"}, body: "ab" + hidden, want: []string{"400", "reset"}, maybe: true},
		{name: "a length that is long", with: []string{"content-length", "100"}, body: "ab", want: []string{"400", "reset"}, maybe: true},
		{name: "a length of nothing", with: []string{"content-length", "0"}, body: hidden, want: []string{"200", "400", "reset"}, maybe: true},
		{name: "two lengths", with: []string{"content-length", "2", "content-length", "3"}, body: "ab", want: []string{"400", "reset"}},
		{name: "a length with a plus", with: []string{"content-length", "+2"}, body: "ab", want: []string{"200", "400", "reset"}, maybe: true},
		{name: "a coding", with: []string{"transfer-encoding", "chunked"}, body: "0\r\n\r\n" + hidden, want: []string{"400", "reset"}},
		{name: "a connection", with: []string{"connection", "x-forwarded-for"}, want: []string{"400", "reset"}},
		{name: "an upgrade", with: []string{"upgrade", "websocket"}, want: []string{"400", "reset"}},
		{name: "keep-alive", with: []string{"keep-alive", "1"}, want: []string{"400", "reset"}},
		{name: "te", with: []string{"te", "chunked"}, want: []string{"400", "reset"}},
		{name: "a line in a value", with: []string{"x", "a\r\nTransfer-Encoding: chunked"}, want: []string{"400", "reset"}},
		{name: "a line feed in a value", with: []string{"x", "a\nb: c"}, want: []string{"400", "reset"}},
		{name: "a NUL in a value", with: []string{"x", "a\x00b"}, want: []string{"400", "reset"}},
		{name: "a line in a name", with: []string{"x: a\r\nhost", "b"}, want: []string{"400", "reset"}},
		{name: "a colon in a name", with: []string{"x:y", "b"}, want: []string{"400", "reset"}},
		{name: "a space in a name", with: []string{"transfer-encoding ", "chunked"}, want: []string{"400", "reset"}},
		{name: "capitals in a name", with: []string{"X", "b"}, want: []string{"400", "reset"}},
		{name: "no name", with: []string{"", "b"}, want: []string{"400", "reset"}},
		{name: "another pseudo-field", with: []string{":status", "200"}, want: []string{"400", "reset"}},
		{name: "two paths", with: []string{":path", "PREFIX/a", ":path", "PREFIX/b"}, want: []string{"400", "reset"}},
		{name: "a line in the path", with: []string{":path", "PREFIX HTTP/1.1\r\nHost: b\r\n\r\n"}, want: []string{"400", "reset"}},
		{name: "a space in the path", with: []string{":path", "PREFIX/a b"}, want: []string{"400", "reset"}},
		{name: "a space in the query", with: []string{":path", "PREFIX?a HTTP/1.1"}, want: []string{"400", "reset"}},
		{name: "a tab in the query", with: []string{":path", "PREFIX?a\tb"}, want: []string{"400", "reset"}},
		{name: "a fragment", with: []string{":path", "PREFIX?a#b"}, want: []string{"400", "reset"}},
		{name: "a whole URL for a path", with: []string{":path", "http://inner.example/PREFIX"}, want: []string{"400", "reset"}},
		{name: "a path without a slash", with: []string{":path", "PREFIX"[1:]}, want: []string{"400", "404", "reset"}},
		{name: "an empty path", with: []string{":path", ""}, want: []string{"400", "reset"}},
		{name: "a line in the method", with: []string{":method", "GET / HTTP/1.1\r\nX: y"}, want: []string{"400", "reset"}},
		{name: "a space in the method", with: []string{":method", "GET /hidden"}, want: []string{"400", "reset"}},
		{name: "a line in the host", with: []string{":authority", "a\r\nX: y"}, want: []string{"400", "reset"}},
		{name: "a space in the host", with: []string{":authority", "a b"}, want: []string{"400", "reset"}},
		{name: "a user in the host", with: []string{":authority", "me@inner.example"}, want: []string{"400", "reset"}},
		{name: "a path in the host", with: []string{":authority", "a/b"}, want: []string{"400", "reset"}},
		{name: "a host besides, the same", with: []string{"host", "a"}, want: []string{"200"}, asks: true},
		{name: "a host besides, another", with: []string{"host", "inner.example"}, want: []string{"400", "reset"}},
		{name: "a guarded host", with: []string{":authority", "inner.example", ":path", "/lean"}, want: []string{"401"}},
		{name: "a scheme that is a URL", with: []string{":scheme", "http://inner.example/x?"}, want: []string{"400", "reset"}},
		{name: "another scheme", with: []string{":scheme", "ftp"}, want: []string{"400", "reset"}},
		{name: "CONNECT", with: []string{":method", "CONNECT"}, want: []string{"400", "501", "reset"}},
		{name: "CONNECT for WebSocket", with: []string{":method", "CONNECT", ":protocol", "websocket"}, want: []string{"400", "501", "reset"}},
		{name: "TRACE", with: []string{":method", "TRACE"}, want: []string{"501"}},
	}
	for listener, s := range map[string]*serving{"h2c": plain, "TLS": secure} {
		for _, prefix := range both {
			for i, tt := range tests {
				place := fmt.Sprint(prefix, "/", i) // so that what comes late is not taken for another's
				t.Run(listener+" "+prefix[1:]+" "+tt.name, func(t *testing.T) {
					fields := []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "PREFIX"}
					for i := 0; i < len(tt.with); i += 2 {
						at := slices.Index(fields, tt.with[i])
						if at >= 0 && at%2 == 0 && strings.HasPrefix(tt.with[i], ":") && !(tt.name == "two paths" && i > 0) {
							fields[at+1] = tt.with[i+1]
						} else if strings.HasPrefix(tt.with[i], ":") {
							fields = append([]string{tt.with[i], tt.with[i+1]}, fields...)
						} else {
							fields = append(fields, tt.with[i], tt.with[i+1])
						}
					}
					for i := range fields {
						fields[i] = strings.ReplaceAll(strings.ReplaceAll(fields[i], "/PREFIX", place), "PREFIX", place)
					}
					if tt.name == "a path without a slash" {
						fields[slices.Index(fields, ":path")+1] = place[1:]
					}
					c := dialHTTP2(t, s.addr, listener == "TLS")
					c.request(t, 1, tt.body, fields...)
					got := c.outcome(t, 1)
					_ = c.Close()
					asked, text := up.take()
					asked = slices.DeleteFunc(asked, func(a seen) bool { return !strings.HasPrefix(a.URI, place) })
					if !slices.Contains(tt.want, got) && !(got == "gone" && slices.Contains(tt.want, "reset")) || len(asked) > 1 || tt.asks && len(asked) == 0 || !tt.asks && !tt.maybe && len(asked) != 0 {
						t.Errorf("%q: %s, want one of %v; the upstream was asked %q", fields, got, tt.want, lines(asked))
					}
					if strings.Contains(text, "hidden") || strings.Contains(text, "inner.example") {
						t.Errorf("the upstream was told %q", text)
					}
				})
			}
		}
	}
}
