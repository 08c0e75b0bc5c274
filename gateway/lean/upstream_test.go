package lean_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sallyport/gateway/lean"
)

// A wire is the upstream's side of a connection.
type wire struct {
	net.Conn
	*bufio.Reader
	number int // of the connection, from 0
}

func (w *wire) Read(p []byte) (int, error) { return w.Reader.Read(p) }

// request reads the head of a request; nil at the end of the connection.
func (w *wire) request() *http.Request {
	r, err := http.ReadRequest(w.Reader)
	if err != nil {
		return nil
	}
	return r
}

// whole reads a request and its body.
func (w *wire) whole() *http.Request {
	r := w.request()
	if r == nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return r
}

func (w *wire) say(parts ...string) {
	for _, s := range parts {
		if _, err := io.WriteString(w.Conn, s); err != nil {
			return
		}
	}
}

// slowly sends one byte at a time.
func (w *wire) slowly(s string) {
	for i := range len(s) {
		w.say(s[i : i+1])
		time.Sleep(50 * time.Microsecond)
	}
}

// reset ends the connection with a TCP reset.
func (w *wire) reset() {
	_ = w.Conn.(*net.TCPConn).SetLinger(0)
	w.Conn.Close()
}

// An upstreamServer runs a function for each connection.
type upstreamServer struct {
	listener net.Listener
	URL      string
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func upstream(t testing.TB, serve func(*wire)) *upstreamServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &upstreamServer{listener: l, URL: "http://" + l.Addr().String()}
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			w := &wire{Conn: c, Reader: bufio.NewReader(c), number: len(s.conns)}
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			s.wg.Go(func() {
				defer c.Close()
				serve(w)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.wg.Wait()
	})
	return s
}

// accepted is how many connections were made.
func (s *upstreamServer) accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// always answers every request in the same way.
func always(answer string) func(*wire) {
	return func(w *wire) {
		for w.whole() != nil {
			w.say(answer)
		}
	}
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func newTransport(t testing.TB, o lean.Options) *lean.Transport {
	t.Helper()
	tr := lean.New(o)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func request(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fetch makes a GET call and returns the body.
func fetch(t testing.TB, tr http.RoundTripper, url string) string {
	t.Helper()
	return read(t)(tr.RoundTrip(request(t, "GET", url, nil)))
}

// read reads an answer to its end.
func read(t testing.TB) func(*http.Response, error) string {
	return func(res *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatalf("after %d bytes: %v", len(b), err)
		}
		return string(b)
	}
}

// class is the kind of an error of either transport.
func class(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, lean.ErrRequest):
		return "request"
	case errors.Is(err, lean.ErrBody), errors.Is(err, errTestBody):
		return "body"
	case errors.Is(err, lean.ErrConnect):
		return "connect"
	case errors.Is(err, lean.ErrMalformed):
		return "malformed"
	}
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return "connect"
	case errors.Is(err, lean.ErrBroken), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), strings.Contains(err.Error(), "unexpected EOF"):
		return "broken"
	}
	return "malformed"
}

var errTestBody = errors.New("the test's body failed")
