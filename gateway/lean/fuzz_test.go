package lean_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/gateway/lean"
)

// A tape is a connection that takes everything and plays what it is given, some bytes at a time.
type tape struct {
	play  []byte
	piece int
	after chan struct{} // if there is one, it plays once this is closed: when the last chunk of a request has come

	mu    sync.Mutex
	taken bytes.Buffer
}

func (c *tape) Read(p []byte) (int, error) {
	if c.after != nil {
		<-c.after
	}
	if len(c.play) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.play[:min(c.piece, len(c.play))])
	c.play = c.play[n:]
	return n, nil
}

func (c *tape) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if string(p) == "0\r\n\r\n" && c.after != nil {
		defer close(c.after)
	}
	return c.taken.Write(p)
}

func (c *tape) Close() error                     { return nil }
func (c *tape) LocalAddr() net.Addr              { return nil }
func (c *tape) RemoteAddr() net.Addr             { return nil }
func (c *tape) SetDeadline(time.Time) error      { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }

func (c *tape) transport() *lean.Transport {
	return lean.New(lean.Options{Dial: func(context.Context, string, string) (net.Conn, error) { return c, nil }})
}

// FuzzAnswer: what the transport accepts, net/http accepts and reads in the same way.
func FuzzAnswer(f *testing.F) {
	for _, b := range []string{
		okAnswer, "HTTP/1.0 200 OK\r\n\r\nall", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 103 Early\r\nA: b\r\n\r\n" + okAnswer,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n2;a=b\r\nok\r\n0\r\na: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-a: 1\r\nx-A: 2\r\nConnection: close, x\r\nContent-Length: 2\r\n\r\nokok", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\nA: b\r\n\tc\r\n\r\n",
	} {
		f.Add([]byte(b), uint16(1), false)
		f.Add([]byte(b), uint16(5), true)
		f.Add([]byte(b), uint16(9999), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, piece uint16, isHead bool) {
		r := request(t, "GET", "http://upstream/", nil)
		if isHead {
			r.Method = "HEAD"
		}
		got := seen((&tape{play: bytes.Clone(text), piece: int(piece) + 1}).transport(), r)
		if got.Class != "" {
			return
		}
		want := seen(standard(text), r)
		want.Coding, got.Coding = nil, nil // of answers without a body
		if r.Method == "HEAD" || strings.HasPrefix(got.Status, "204") || strings.HasPrefix(got.Status, "304") {
			want.Length, got.Length = 0, 0
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q\nnet/http -, lean +\n%s", text, diff)
		}
	})
}

// standard reads an answer with net/http's parser.
type standard []byte

func (s standard) RoundTrip(r *http.Request) (*http.Response, error) {
	b := bufio.NewReaderSize(bytes.NewReader(s), 64<<10)
	for {
		res, err := http.ReadResponse(b, r)
		if err != nil || res.StatusCode >= 200 {
			return res, err
		}
	}
}

// FuzzRequest: a request that is sent is one request, and the one that was meant.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/a/b", "c=d", "api.example.org", "X-A", "b", "", false)
	f.Add("POST", "/%2f", "", "[fe80::1%25eth0]:80", "Content-Length", "7", "body", true)
	f.Add("G T", "/a b", "a b", "a b", "A b", "a\r\nb: c", "body", false)
	f.Add("PUT", "/?", "#", "", "Transfer-Encoding", "chunked", "body", false)
	f.Fuzz(func(t *testing.T, method, path, query, host, name, value, body string, chunked bool) {
		r := &http.Request{
			Method: method, URL: &url.URL{Scheme: "http", Host: "upstream", Path: "/", RawPath: path, RawQuery: query}, Host: host,
			Header: http.Header{name: {value}},
		}
		if body != "" {
			r.Body = io.NopCloser(strings.NewReader(body))
			if !chunked {
				r.ContentLength = int64(len(body))
			}
		}
		c := &tape{play: []byte(okAnswer), piece: 99}
		if chunked && body != "" {
			c.after = make(chan struct{})
		}
		if res, err := c.transport().RoundTrip(r); class(err) == "request" {
			return
		} else if err != nil {
			t.Fatal(err)
		} else {
			res.Body.Close()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		b := bufio.NewReader(&c.taken)
		text := c.taken.String()
		target := path
		if path == "" {
			target = "/"
		}
		if query != "" {
			target += "?" + query
		}
		if _, err := url.ParseRequestURI(target); err != nil {
			return // what is in a path is for the gateway to judge; it is still one line
		}
		got, err := http.ReadRequest(b)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		content, err := io.ReadAll(got.Body)
		if err != nil || string(content) != body {
			t.Errorf("%q: body %q, %v", text, content, err)
		}
		if rest, _ := io.ReadAll(b); len(rest) > 0 {
			t.Errorf("%q: there is more: %q", text, rest)
		}
		if got.RequestURI != target || got.Method != method && method != "" {
			t.Errorf("%q: %s %s", text, got.Method, got.RequestURI)
		}
		for n, values := range got.Header {
			if n != "Content-Length" && (n != http.CanonicalHeaderKey(name) || values[0] != strings.Trim(value, " \t") || len(values) > 1) {
				t.Errorf("%q: %s: %q", text, n, values)
			}
		}
	})
}
