package lean_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/gateway/lean"
)

// A closeCounter is a body that says how often it was closed.
type closeCounter struct {
	io.Reader
	closed atomic.Int32
}

func (c *closeCounter) Close() error { c.closed.Add(1); return nil }

// failing is a body that fails after some bytes.
func failing(n int) io.Reader {
	return io.MultiReader(strings.NewReader(big[:n]), errReader{})
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errTestBody }

// TestBodyFails: when the body of a request cannot be read the caller is to blame, and the upstream never takes what it got
// for the whole.
func TestBodyFails(t *testing.T) {
	for name, test := range map[string]struct {
		body   io.Reader
		length int64
	}{
		"small":          {failing(10), 20},
		"large":          {failing(300_000), 400_000},
		"unknown length": {failing(300_000), -1},
		"at once":        {failing(0), -1},
		"short":          {strings.NewReader("abc"), 4},
		"large, short":   {strings.NewReader(big[:300_000]), 300_001},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := make(chan error, 1)
			s := upstream(t, func(w *wire) {
				r := w.request()
				if r == nil {
					got <- io.ErrUnexpectedEOF
					return
				}
				_, err := io.Copy(io.Discard, r.Body)
				got <- err
			})
			body := &closeCounter{Reader: test.body}
			r := request(t, "POST", s.URL, body)
			r.ContentLength = test.length
			_, err := newTransport(t, lean.Options{}).RoundTrip(r)
			if !errors.Is(err, lean.ErrBody) || errors.Is(err, lean.ErrBroken) || class(err) != "body" {
				t.Errorf("got %v", err)
			}
			if s.accepted() > 0 {
				if err := <-got; err == nil {
					t.Error("the upstream got a whole request")
				}
			}
			for range 100 {
				if body.closed.Load() > 0 {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Error("the body was not closed")
		})
	}
}

// TestEarlyAnswer: an answer that comes while the body is on its way is the caller's at once; the rest of the body is given
// up when the answer is read.
func TestEarlyAnswer(t *testing.T) {
	for name, end := range map[string]func(*wire){
		"reads on": func(w *wire) { _, _ = io.Copy(io.Discard, w) },
		"stops":    func(w *wire) { time.Sleep(time.Second) },
		"closes":   func(*wire) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := upstream(t, func(w *wire) {
				if w.request() == nil {
					return
				}
				w.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
				end(w)
			})
			pr, pw := io.Pipe()
			defer pw.Close()
			go func() {
				for {
					if _, err := pw.Write([]byte(big)); err != nil {
						return
					}
				}
			}()
			r := request(t, "POST", s.URL, pr)
			res, err := newTransport(t, lean.Options{}).RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t)(res, nil); got != "big" || res.StatusCode != 413 {
				t.Errorf("got %d %q", res.StatusCode, got)
			}
			for {
				if _, err := pw.Write([]byte("x")); err == io.ErrClosedPipe { // the transport closed its end
					break
				}
			}
		})
	}
}

// TestStreamingBothWays: what is sent piece by piece arrives piece by piece.
func TestStreamingBothWays(t *testing.T) {
	s := upstream(t, func(w *wire) {
		r := w.request()
		w.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		buf := make([]byte, 100)
		for {
			n, err := r.Body.Read(buf)
			if n > 0 {
				w.say(hex(n), "\r\n", strings.ToUpper(string(buf[:n])), "\r\n")
			}
			if err != nil {
				w.say("0\r\n\r\n")
				w.whole()
				return
			}
		}
	})
	tr := newTransport(t, lean.Options{})
	pr, pw := io.Pipe()
	res, err := tr.RoundTrip(request(t, "POST", s.URL, pr))
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	for _, word := range []string{"one", "two", "three"} {
		if _, err := io.WriteString(pw, word); err != nil {
			t.Fatal(err)
		}
		if n, err := res.Body.Read(buf); string(buf[:n]) != strings.ToUpper(word) || err != nil {
			t.Errorf("got %q, %v", buf[:n], err)
		}
	}
	pw.Close()
	if n, err := res.Body.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

// TestUploadStalls: an upstream that takes nothing more ends the call after the idle time, not the time for an answer.
func TestUploadStalls(t *testing.T) {
	release := make(chan struct{})
	s := upstream(t, func(w *wire) { w.request(); <-release })
	defer close(release)
	tr := newTransport(t, lean.Options{Answer: 300 * time.Millisecond, Idle: 300 * time.Millisecond})
	body := &closeCounter{Reader: neverEnding{}}
	_, err := tr.RoundTrip(request(t, "POST", s.URL, body))
	if !errors.Is(err, lean.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }

// TestSlowUpload: the time for an answer begins when the request is sent.
func TestSlowUpload(t *testing.T) {
	s := upstream(t, echo)
	tr := newTransport(t, lean.Options{Answer: 300 * time.Millisecond})
	pr, pw := io.Pipe()
	go func() {
		for range 8 {
			time.Sleep(100 * time.Millisecond)
			_, _ = io.WriteString(pw, "x")
		}
		pw.Close()
	}()
	if got := read(t)(tr.RoundTrip(request(t, "POST", s.URL, pr))); got != "xxxxxxxx" {
		t.Errorf("got %q", got)
	}
}

// TestUploadKeepsConnection: one body after another goes over one connection.
func TestUploadKeepsConnection(t *testing.T) {
	s := upstream(t, echo)
	tr := newTransport(t, lean.Options{})
	for i := range 20 {
		for _, n := range []int{1, 4000, 16 << 10, 17 << 10, 100_000} {
			r := request(t, "POST", s.URL, io.MultiReader(strings.NewReader(big[:n])))
			if i%2 == 0 {
				r.ContentLength = int64(n)
			}
			if got := read(t)(tr.RoundTrip(r)); got != big[:n] {
				t.Errorf("%d bytes: got %d", n, len(got))
			}
		}
	}
	// The answer may have been read a moment before the goroutine that sent the body knows that it is done.
	if n := s.accepted(); n > 20 {
		t.Errorf("%d connections for 100 calls", n)
	}
}

// TestWriteTo: io.Copy gets the same bytes, and errors of the other side are its own.
func TestWriteTo(t *testing.T) {
	for name, answer := range map[string]string{
		"length": "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + big, "small": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + big[:9],
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" + big + "\r\n3\r\nabc\r\n0\r\n\r\n",
		"close":   "HTTP/1.0 200 OK\r\n\r\n" + big,
	} {
		s := upstream(t, func(w *wire) {
			w.whole()
			w.say(answer)
			if name != "close" {
				w.whole()
			}
		})
		tr := newTransport(t, lean.Options{})
		res, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		n, err := res.Body.(io.WriterTo).WriteTo(&got)
		if err != nil || n != int64(got.Len()) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		want := map[string]string{"small": big[:9], "chunked": big + "abc"}[name]
		if want == "" {
			want = big
		}
		if got.String() != want {
			t.Errorf("%s: got %d bytes, want %d", name, got.Len(), len(want))
		}
		res.Body.Close()
	}
	s := upstream(t, always("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n"+big))
	res, err := newTransport(t, lean.Options{}).RoundTrip(request(t, "GET", s.URL, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(failingWriter{}, res.Body); !errors.Is(err, errTestBody) || errors.Is(err, lean.ErrBroken) {
		t.Errorf("got %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errTestBody }

var _ http.RoundTripper = (*lean.Transport)(nil)
