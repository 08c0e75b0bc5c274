package lean_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/gateway/lean"
)

// TestExtraBytes: what an upstream sends beyond its answer is never the answer of the next call, whether it comes at once or
// while the connection is idle.
func TestExtraBytes(t *testing.T) {
	const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
	answers := map[string]string{
		"length": okAnswer, "chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"empty": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "204": "HTTP/1.1 204 No Content\r\n\r\n", "304": "HTTP/1.1 304 Not Modified\r\n\r\n",
		"204 with a length": "HTTP/1.1 204 No Content\r\nContent-Length: 44\r\n\r\n",
	}
	for name, answer := range answers {
		for _, extra := range []string{poison, "\r\n", "x"} {
			for _, pause := range []time.Duration{0, 20 * time.Millisecond} {
				for _, method := range []string{"GET", "HEAD"} {
					if method == "HEAD" && name == "chunked" {
						continue // its body would be extra as well
					}
					t.Run(fmt.Sprintf("%s %s %d %v", method, name, len(extra), pause), func(t *testing.T) {
						t.Parallel()
						answer := answer
						if method == "HEAD" {
							answer = answer[:strings.Index(answer, "\r\n\r\n")+4]
						}
						sent := make(chan struct{}, 2)
						s := upstream(t, func(w *wire) {
							for w.whole() != nil {
								if w.number > 0 {
									w.say(okAnswer)
									continue
								}
								if pause == 0 {
									w.say(answer + extra)
								} else {
									w.say(answer)
									time.Sleep(pause)
									w.say(extra)
								}
								sent <- struct{}{}
							}
						})
						tr := newTransport(t, lean.Options{})
						read(t)(tr.RoundTrip(request(t, method, s.URL, nil)))
						<-sent
						time.Sleep(10 * time.Millisecond) // it is here now
						if got := fetch(t, tr, s.URL); got != "ok" {
							t.Errorf("the next call got %q", got)
						}
						if n := s.accepted(); n != 2 {
							t.Errorf("%d connections", n)
						}
					})
				}
			}
		}
	}
}

// TestDeadConnections: connections that upstreams have closed in the meantime cost nobody a call, not even a POST: nothing
// was sent over them.
func TestDeadConnections(t *testing.T) {
	var kill atomic.Bool
	s := upstream(t, func(w *wire) {
		for {
			r := w.whole()
			if r == nil {
				return
			}
			b, _ := io.ReadAll(r.Body)
			w.say("HTTP/1.1 200 OK\r\nContent-Length: ", fmt.Sprint(len(b)), "\r\n\r\n", string(b))
			if kill.Load() {
				return
			}
		}
	})
	tr := newTransport(t, lean.Options{})
	kill.Store(true)
	var wg sync.WaitGroup
	for range 8 { // eight idle connections, all of them closed
		wg.Go(func() { fetch(t, tr, s.URL) })
	}
	wg.Wait()
	kill.Store(false)
	time.Sleep(20 * time.Millisecond)
	for _, body := range []string{"a=b", big} {
		if got := read(t)(tr.RoundTrip(request(t, "POST", s.URL, io.MultiReader(strings.NewReader(body))))); got != body {
			t.Errorf("got %d bytes, want %d", len(got), len(body))
		}
		known := request(t, "POST", s.URL, io.MultiReader(strings.NewReader(body)))
		known.ContentLength = int64(len(body))
		if got := read(t)(tr.RoundTrip(known)); got != body {
			t.Errorf("known length: got %d bytes, want %d", len(got), len(body))
		}
	}
}

// TestSentAgain: a request over a connection that was used before and fails before anything of an answer is sent again only
// if that is safe.
func TestSentAgain(t *testing.T) {
	for name, test := range map[string]struct {
		method, body string
		again        bool
		header       string
		answer       string // what comes before the end
	}{
		"GET":                   {method: "GET", again: true},
		"PUT":                   {method: "PUT", again: true, body: "a"},
		"DELETE":                {method: "DELETE", again: true},
		"PUT, large":            {method: "PUT", again: true, body: big},
		"POST":                  {method: "POST", body: "a"},
		"POST, empty":           {method: "POST"},
		"POST with a key":       {method: "POST", body: "a", header: "Idempotency-Key", again: true},
		"after a byte":          {method: "GET", answer: "H"},
		"after interim answers": {method: "GET", answer: "HTTP/1.1 102 Processing\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var served atomic.Int32
			s := upstream(t, func(w *wire) {
				for i := 0; w.whole() != nil; i++ {
					served.Add(1)
					if w.number == 0 && i == 1 {
						w.say(test.answer)
						return
					}
					w.say(okAnswer)
				}
			})
			tr := newTransport(t, lean.Options{})
			fetch(t, tr, s.URL)
			r := request(t, test.method, s.URL, strings.NewReader(test.body)) // has GetBody
			if test.header != "" {
				r.Header.Set(test.header, "k")
			}
			res, err := tr.RoundTrip(r)
			if again := err == nil; again != test.again {
				t.Errorf("sent again: %t (%v), want %t", again, err, test.again)
			}
			want := int32(2)
			if err == nil {
				want = 3
				res.Body.Close()
			} else if class(err) != "broken" {
				t.Errorf("got %v", err)
			}
			if n := served.Load(); n != want {
				t.Errorf("%d requests served, want %d", n, want)
			}
		})
	}
	t.Run("not forever", func(t *testing.T) {
		var served atomic.Int32
		s := upstream(t, func(w *wire) {
			for i := 0; w.whole() != nil; i++ {
				if served.Add(1); w.number > 0 || i > 0 {
					return
				}
				w.say(okAnswer)
			}
		})
		tr := newTransport(t, lean.Options{})
		fetch(t, tr, s.URL)
		if _, err := tr.RoundTrip(request(t, "GET", s.URL, nil)); !errors.Is(err, lean.ErrBroken) {
			t.Errorf("got %v", err)
		}
		if n := served.Load(); n != 3 {
			t.Errorf("%d requests served, want 3", n)
		}
	})
}

// TestIdle: connections are kept up to a number and for a time.
func TestIdle(t *testing.T) {
	closed := make(chan struct{}, 16)
	s := upstream(t, func(w *wire) {
		for w.whole() != nil {
			time.Sleep(20 * time.Millisecond) // so that all are under way at once
			w.say(okAnswer)
		}
		closed <- struct{}{}
	})
	tr := newTransport(t, lean.Options{MaxIdlePerHost: 2, IdleConnTimeout: 300 * time.Millisecond})
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() { fetch(t, tr, s.URL) })
	}
	wg.Wait()
	for range 3 { // at once
		<-closed
	}
	for range 2 { // when they have been idle for long enough
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			t.Fatal("idle connections are kept for good")
		}
	}
	fetch(t, tr, s.URL)
	tr.CloseIdleConnections()
	<-closed
	if got := fetch(t, tr, s.URL); got != "ok" {
		t.Errorf("got %q", got)
	}
}

// TestCloseEarly: an answer that nobody reads to its end costs its connection, unless the rest is there already.
func TestCloseEarly(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		read   int
		conns  int
	}{
		"rest is there":             {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", 3, 1},
		"rest is there, in chunks":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\nA: b\r\n\r\n", 3, 1},
		"all read but the end":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n", 5, 1},
		"rest is long":              {"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + big, 3, 2},
		"rest is long, in chunks":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" + big + "\r\n0\r\n\r\n", 3, 2},
		"rest is there, malformed":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\nx\r\n", 3, 2},
		"extra bytes behind a rest": {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n0123456789", 3, 2},
		"nothing read of nothing":   {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := upstream(t, always(test.answer))
			tr := newTransport(t, lean.Options{})
			for range 2 {
				res, err := tr.RoundTrip(request(t, "GET", s.URL, nil))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(res.Body, make([]byte, test.read)); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if err := res.Body.Close(); err != nil {
						t.Error(err)
					}
				}
				if n, err := res.Body.Read(make([]byte, 1)); n != 0 || err == nil || res.Body != http.NoBody && err == io.EOF {
					t.Errorf("read after close: %d, %v", n, err)
				}
			}
			if n := s.accepted(); n != test.conns {
				t.Errorf("%d connections, want %d", n, test.conns)
			}
		})
	}
}

// TestManyCallers: nobody gets another's answer.
func TestManyCallers(t *testing.T) {
	s := upstream(t, echo)
	tr := newTransport(t, lean.Options{MaxIdlePerHost: 4})
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			var a lean.Answer
			for j := range 50 {
				want := strings.Repeat(fmt.Sprintf("%d.%d;", i, j), 1+(i*j)%997)
				r := request(t, "POST", s.URL, strings.NewReader(want))
				res, err := tr.SendInto(&a, r, lean.Limits{})
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := io.ReadAll(res.Body); err != nil || string(got) != want {
					t.Errorf("call %d.%d got %.40q, %v", i, j, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
