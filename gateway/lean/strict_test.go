package lean_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/gateway/lean"
)

// TestStrict: what two servers could read differently is nobody's answer, and its connection is not used again.
func TestStrict(t *testing.T) {
	const ok, chunked = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	for name, answer := range map[string]string{
		"bare LF after the status":      "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok",
		"bare LF after a field":         ok + "X-A: b\nX-C: d\r\n\r\nok",
		"bare LF at the end":            "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		"bare CR in a value":            ok + "X-A: b\rX-C: d\r\n\r\nok",
		"a folded line":                 ok + "X-A: b\r\n c\r\n\r\nok",
		"a folded line, first":          "HTTP/1.1 200 OK\r\n X-A: b\r\nContent-Length: 2\r\n\r\nok",
		"space before the colon":        ok + "X-A : b\r\n\r\nok",
		"tab before the colon":          ok + "X-A\t: b\r\n\r\nok",
		"space in a name":               ok + "X A: b\r\n\r\nok",
		"no name":                       ok + ": b\r\n\r\nok",
		"NUL in a value":                ok + "X-A: b\x00c\r\n\r\nok",
		"escape in a long value":        ok + "X-A: 0123456789\x1babcdef\r\n\r\nok",
		"DEL in a value":                ok + "X-A: b\x7f\r\n\r\nok",
		"umlaut in a name":              ok + "X-\xc3\x84: b\r\n\r\nok",
		"control in the reason":         "HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nok",
		"two equal lengths":             ok + "Content-Length: 2\r\n\r\nok",
		"a list of lengths":             "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
		"length in hexadecimal":         "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok",
		"length without digits":         "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nok",
		"length beyond all":             "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
		"length and chunks":             ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"chunks and length":             chunked + "Content-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"identity coding":               "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok",
		"chunked with a vertical tab":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
		"chunked, gzip":                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
		"HTTP/1.0 in chunks":            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/2.0":                      "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.10":                     "HTTP/1.10 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"lower case":                    "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"an empty line first":           "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"status 099":                    "HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok",
		"four digits":                   "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
		"a switch nobody asked for":     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
		"endless interim answers":       strings.Repeat("HTTP/1.1 102 Processing\r\nX-A: 0123456789\r\n\r\n", 10_000),
		"too many fields":               ok + strings.Repeat("A:\r\n", 2000) + "\r\nok",
		"an endless head":               ok + "X-A: " + strings.Repeat("a", 200<<10),
		"TLS":                           "\x15\x03\x01\x00\x02\x02\x16",
		"chunk: space before the size":  chunked + "\r\n 2\r\nok\r\n0\r\n\r\n",
		"chunk: bare LF":                chunked + "\r\n2\nok\r\n0\r\n\r\n",
		"chunk: bare LF after the data": chunked + "\r\n2\r\nok\n0\r\n\r\n",
		"chunk: bare LF in extension":   chunked + "\r\n2;a\nb\r\nok\r\n0\r\n\r\n",
		"chunk: bare CR in extension":   chunked + "\r\n2;a\rb\r\nok\r\n0\r\n\r\n",
		"chunk: 0x":                     chunked + "\r\n0x2\r\nok\r\n0\r\n\r\n",
		"chunk: negative":               chunked + "\r\n-2\r\nok\r\n0\r\n\r\n",
		"chunk: too large":              chunked + "\r\nffffffffffffffff\r\nok\r\n0\r\n\r\n",
		"chunk: no size":                chunked + "\r\n\r\nok\r\n0\r\n\r\n",
		"chunk: junk after the size":    chunked + "\r\n2 ok\r\nok\r\n0\r\n\r\n",
		"chunk: a line without end":     chunked + "\r\n2;" + strings.Repeat("x", 100<<10),
		"trailer: space before colon":   chunked + "\r\n2\r\nok\r\n0\r\nX-A : b\r\n\r\n",
		"trailer: bare LF":              chunked + "\r\n2\r\nok\r\n0\r\nX-A: b\nX-C: d\r\n\r\n",
		"trailer: bare LF first":        chunked + "\r\n2\r\nok\r\n0\r\n\nX-A: b\r\n\r\n",
		"trailer: a length":             chunked + "\r\n2\r\nok\r\n0\r\nContent-Length: 7\r\n\r\n",
		"trailer: a coding":             chunked + "\r\n2\r\nok\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
		"trailer: without end":          chunked + "\r\n2\r\nok\r\n0\r\nX-A: " + strings.Repeat("a", 200<<10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := upstream(t, func(w *wire) {
				if w.whole() == nil {
					return
				}
				if w.number > 0 {
					w.say(okAnswer)
					return
				}
				w.say(answer)
				w.whole() // stays open: whoever waits for an end waits in vain
			})
			tr := newTransport(t, lean.Options{Answer: 20 * time.Second, Idle: 20 * time.Second})
			if o := seen(tr, request(t, "GET", s.URL, nil)); o.Class != "malformed" {
				t.Errorf("not refused: %+v", o)
			}
			if got := fetch(t, tr, s.URL); got != "ok" {
				t.Errorf("the next call got %q", got)
			}
			if n := s.accepted(); n != 2 {
				t.Errorf("%d connections, want 2: the first is not to be used again", n)
			}
		})
	}
}

// TestLenient: what is odd but means one thing only is put up with.
func TestLenient(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, answer := range map[string]string{
		"blanks after a chunk's size":       chunked + "2  \r\nok\r\n0\r\n\r\n",
		"blanks around a chunk's extension": chunked + "02 ; a = b\r\nok\r\n0;c\r\n\r\n",
		"no reason":                         "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
		"Latin-1 in the reason":             "HTTP/1.1 200 \xfc\r\nContent-Length: 2\r\n\r\nok",
		"a tab in a value":                  "HTTP/1.1 200 OK\r\nX-Long-Enough: 0123\t56789\r\nContent-Length: 2\r\n\r\nok",
	} {
		tr := newTransport(t, lean.Options{})
		s := upstream(t, always(answer))
		for range 2 {
			if got := fetch(t, tr, s.URL); got != "ok" {
				t.Errorf("%s: got %q", name, got)
			}
		}
		if n := s.accepted(); n != 1 {
			t.Errorf("%s: %d connections", name, n)
		}
	}
}

// TestInterim: a trace in the context sees interim answers, and may end the call.
func TestInterim(t *testing.T) {
	s := upstream(t, always("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nlink: </b>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"+okAnswer))
	tr := newTransport(t, lean.Options{})
	var hints []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, http.StatusText(code)+" "+strings.Join(h["Link"], ","))
		return nil
	}}
	r := request(t, "GET", s.URL, nil)
	if got := read(t)(tr.RoundTrip(r.WithContext(httptrace.WithClientTrace(t.Context(), trace)))); got != "ok" {
		t.Errorf("got %q", got)
	}
	if diff := cmp.Diff([]string{"Early Hints </a>,</b>", "Continue "}, hints); diff != "" {
		t.Error(diff)
	}
	enough := errors.New("enough")
	trace.Got1xxResponse = func(int, textproto.MIMEHeader) error { return enough }
	if _, err := tr.RoundTrip(r.WithContext(httptrace.WithClientTrace(t.Context(), trace))); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

// TestCan pins what is left to http.Transport, and that Send refuses what would go wrong rather than trying.
func TestCan(t *testing.T) {
	s := upstream(t, always(okAnswer))
	tr := newTransport(t, lean.Options{})
	for name, change := range map[string]func(*http.Request){
		"https":     func(r *http.Request) { r.URL.Scheme = "https" },
		"CONNECT":   func(r *http.Request) { r.Method = "CONNECT" },
		"WebSocket": func(r *http.Request) { r.Header.Set("Upgrade", "websocket") },
		"Expect":    func(r *http.Request) { r.Header.Set("Expect", "100-continue") },
		"Trailer":   func(r *http.Request) { r.Header.Set("Trailer", "A") },
	} {
		r := request(t, "POST", s.URL, strings.NewReader("a"))
		change(r)
		if lean.Can(r) {
			t.Errorf("%s: Can", name)
		}
		if _, err := tr.RoundTrip(r); !errors.Is(err, lean.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := request(t, "GET", s.URL, nil)
	r.Header["uPGRADE"] = []string{"websocket"}
	if _, err := tr.RoundTrip(r); !errors.Is(err, lean.ErrRequest) {
		t.Errorf("Upgrade in another case: %v", err)
	}
	r = request(t, "POST", s.URL, strings.NewReader("a"))
	if r.Trailer = (http.Header{"A": nil}); lean.Can(r) {
		t.Error("trailers: Can")
	}
	if n := s.accepted(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	if r := request(t, "GET", s.URL, nil); !lean.Can(r) {
		t.Error("a plain call: cannot")
	}
}

// TestTimeouts: each phase has its own limit, and its own error.
func TestTimeouts(t *testing.T) {
	const short, long = 100 * time.Millisecond, time.Minute
	silent := func(w *wire) { w.whole(); w.whole() }
	for name, test := range map[string]struct {
		limits lean.Limits
		serve  func(*wire)
	}{
		"no answer":           {lean.Limits{Answer: short, Idle: long}, silent},
		"no answer, longer":   {lean.Limits{Answer: 3 * short, Idle: long}, silent},
		"a head that crawls":  {lean.Limits{Answer: 3 * short, Idle: long}, crawl("HTTP/1.1 200 OK\r\nX-A: ", "a")},
		"interim answers":     {lean.Limits{Answer: 3 * short, Idle: long}, crawl("", "HTTP/1.1 102 Processing\r\n\r\n")},
		"a body that stops":   {lean.Limits{Answer: long, Idle: short}, stopAfter("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")},
		"a chunk that stops":  {lean.Limits{Answer: long, Idle: 3 * short}, stopAfter("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")},
		"no end, and no more": {lean.Limits{Answer: long, Idle: short}, stopAfter("HTTP/1.1 200 OK\r\n\r\nhello")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := upstream(t, test.serve)
			tr := newTransport(t, lean.Options{})
			start := time.Now()
			res, err := tr.Send(request(t, "GET", s.URL, nil), test.limits)
			if err == nil {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if class(err) != "timeout" || !errors.Is(err, lean.ErrTimeout) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took < min(test.limits.Answer, test.limits.Idle) {
				t.Errorf("gave up after %v", took)
			}
		})
	}
	t.Run("a slow body is no timeout", func(t *testing.T) {
		t.Parallel()
		s := upstream(t, func(w *wire) {
			w.whole()
			w.say("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
			for range 8 {
				time.Sleep(2 * short)
				w.say("x")
			}
		})
		tr := newTransport(t, lean.Options{Idle: 12 * short})
		if got := fetch(t, tr, s.URL); got != "xxxxxxxx" {
			t.Errorf("got %q", got)
		}
	})
}

func crawl(first, piece string) func(*wire) {
	return func(w *wire) {
		w.whole()
		w.say(first)
		for {
			if _, err := io.WriteString(w.Conn, piece); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func stopAfter(s string) func(*wire) {
	return func(w *wire) { w.whole(); w.say(s); w.whole() }
}

// TestCancel: a caller who leaves ends the call wherever it is, soon, and its connection with it.
func TestCancel(t *testing.T) {
	why := errors.New("the caller left")
	for name, answer := range map[string]string{
		"before the answer": "", "in the head": "HTTP/1.1 200 OK\r\n", "in the body": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
		"in a chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "in a stream": "HTTP/1.1 200 OK\r\n\r\nhello",
	} {
		for _, after := range []time.Duration{20 * time.Millisecond, 350 * time.Millisecond} { // before and after the watch is set up
			t.Run(name+" "+after.String(), func(t *testing.T) {
				t.Parallel()
				gone := make(chan struct{})
				s := upstream(t, func(w *wire) { w.whole(); w.say(answer); w.whole(); close(gone) })
				tr := newTransport(t, lean.Options{})
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(after, func() { cancel(why) })
				res, err := tr.RoundTrip(request(t, "GET", s.URL, nil).WithContext(ctx))
				if err == nil {
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
				}
				if !errors.Is(err, why) {
					t.Errorf("got %v", err)
				}
				select {
				case <-gone:
				case <-time.After(10 * time.Second):
					t.Error("the upstream was not told")
				}
			})
		}
	}
	t.Run("before the call", func(t *testing.T) {
		s := upstream(t, always(okAnswer))
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		_, err := newTransport(t, lean.Options{}).RoundTrip(request(t, "GET", s.URL, nil).WithContext(ctx))
		if !errors.Is(err, why) || s.accepted() != 0 {
			t.Errorf("got %v, %d connections", err, s.accepted())
		}
	})
	t.Run("a slow call that ends well keeps its connection", func(t *testing.T) {
		s := upstream(t, func(w *wire) {
			for w.whole() != nil {
				time.Sleep(500 * time.Millisecond)
				w.say(okAnswer)
			}
		})
		tr := newTransport(t, lean.Options{})
		for range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			if got := read(t)(tr.RoundTrip(request(t, "GET", s.URL, nil).WithContext(ctx))); got != "ok" {
				t.Errorf("got %q", got)
			}
			cancel()
		}
		if n := s.accepted(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// TestDenied: the guard decides on the address, whatever the name.
func TestDenied(t *testing.T) {
	tr := newTransport(t, lean.Options{})
	for _, host := range []string{"169.254.169.254", "[fe80::1%25lo]", "0.0.0.0:80", "[::]:80", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a9fe:a9fe]", "[::169.254.169.254]", "100.100.100.200", "224.0.0.1"} {
		_, err := tr.RoundTrip(request(t, "GET", "http://"+host+"/", nil))
		if !errors.Is(err, lean.ErrDenied) || !errors.Is(err, lean.ErrConnect) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// TestConnectFails: an upstream that is not there is ErrConnect, so that the caller may go elsewhere.
func TestConnectFails(t *testing.T) {
	s := upstream(t, always(okAnswer))
	s.listener.Close()
	body := &closeCounter{Reader: strings.NewReader(big)}
	_, err := newTransport(t, lean.Options{}).RoundTrip(request(t, "POST", s.URL, body))
	if !errors.Is(err, lean.ErrConnect) || class(err) != "connect" {
		t.Errorf("got %v", err)
	}
	if n := body.closed.Load(); n != 1 {
		t.Errorf("the body was closed %d times", n)
	}
	names := []string{}
	for _, kind := range []error{lean.ErrConnect, lean.ErrBroken, lean.ErrTimeout, lean.ErrMalformed, lean.ErrBody, lean.ErrRequest} {
		if errors.Is(err, kind) {
			names = append(names, kind.Error())
		}
	}
	if !slices.Equal(names, []string{lean.ErrConnect.Error()}) {
		t.Errorf("it is %q", names)
	}
}
