package lean_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/gateway/lean"
)

// An outcome is what a caller sees of a call.
type outcome struct {
	Class    string // of the error, of the call or of its body
	Status   string
	Proto    string
	Header   http.Header
	Body     string
	Length   int64
	Coding   []string
	Announce http.Header // trailers before the body
	Trailer  http.Header // and after
	Close    bool
}

// seen makes a call.
func seen(tr http.RoundTripper, r *http.Request) outcome {
	res, err := tr.RoundTrip(r)
	if err != nil {
		return outcome{Class: class(err)}
	}
	defer res.Body.Close()
	o := outcome{
		Status: res.Status, Proto: res.Proto, Header: res.Header.Clone(), Length: res.ContentLength,
		Coding: res.TransferEncoding, Announce: res.Trailer.Clone(), Close: res.Close,
	}
	o.Header.Del("Connection") // net/http removes it in some cases; the gateway does so in all
	b, err := io.ReadAll(res.Body)
	o.Body, o.Class, o.Trailer = string(b), class(err), res.Trailer.Clone()
	return o
}

var big = strings.Repeat("0123456789abcdef", 64<<10) // 1 MiB

// A behaviour is one way in which an upstream treats a call. Both transports must make the same of it.
type behaviour struct {
	name   string
	method string // "": GET
	send   string // the body of the call
	chunks bool   // its length is not told
	serve  func(*wire)
	calls  int // one after another; 0: 1
}

func behaviours() []behaviour {
	after := func(do func(w *wire)) func(*wire) {
		return func(w *wire) {
			for w.whole() != nil {
				do(w)
			}
		}
	}
	once := func(do func(w *wire)) func(*wire) {
		return func(w *wire) {
			if w.whole() != nil {
				do(w)
			}
		}
	}
	says := func(s string) func(*wire) { return after(func(w *wire) { w.say(s) }) }
	return []behaviour{
		{name: "plain", serve: says(okAnswer), calls: 3},
		{name: "no reason", serve: says("HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n")},
		{name: "no blank before no reason", serve: says("HTTP/1.1 299\r\nContent-Length: 0\r\n\r\n")},
		{name: "fields", serve: says("HTTP/1.1 200 Fine, thanks\r\ncontent-type: text/plain\r\nX-A: 1\r\nx-a:2\r\nX-A:\t 3 \t\r\nEmpty:\r\nX-UTF: \xc3\xa4\r\nContent-Length: 2\r\n\r\nok")},
		{name: "thirty fields", serve: says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + strings.Repeat("A: 1\r\nB: 2\r\nC: 3\r\nD-e: 4\r\nD-f: 5\r\n", 6) + "\r\nok")},

		{name: "HEAD", method: "HEAD", serve: says("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), calls: 3},
		{name: "HEAD, no length", method: "HEAD", serve: says("HTTP/1.1 200 OK\r\n\r\n"), calls: 3},
		{name: "HEAD, chunked", method: "HEAD", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), calls: 3},
		{name: "HEAD, with a body all the same", method: "HEAD", serve: says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")},
		{name: "204", serve: says("HTTP/1.1 204 No Content\r\n\r\n"), calls: 3},
		{name: "204, length 0", serve: says("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"), calls: 3},
		{name: "304", serve: says("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: \"a\"\r\n\r\n"), calls: 3},

		{name: "no length, closed", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\n\r\n", "up to ", "the end") })},
		{name: "HTTP/1.0, closed", serve: once(func(w *wire) { w.say("HTTP/1.0 200 OK\r\n\r\nup to the end") })},
		{name: "HTTP/1.0, length", serve: once(func(w *wire) { w.say("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok") }), calls: 2},
		{name: "HTTP/1.0, kept", serve: says("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok"), calls: 2},
		{name: "Connection: close", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok") }), calls: 2},
		{name: "Connection: a list", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\nConnection: foo , CLOSE\r\nContent-Length: 2\r\n\r\nok") }), calls: 2},

		{name: "chunked", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), calls: 3},
		{name: "chunked, capitals", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n00b;x=\"y\"\r\n01234567890\r\n0\r\n\r\n"), calls: 2},
		{name: "chunked, empty", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), calls: 2},
		{name: "chunked, trailers", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, x-other\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nX-New: a\r\n\r\n"), calls: 2},
		{name: "chunked, large", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" + big + "\r\n0\r\n\r\n"), calls: 2},
		{name: "chunked, one-byte chunks", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\nx\r\n", 5000) + "0\r\n\r\n"), calls: 2},
		{name: "chunked, cut off in a chunk", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel") })},
		{name: "chunked, cut off between chunks", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n") })},
		{name: "chunked, no last line", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n") })},
		{name: "chunk size is no number", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n") })},
		{name: "chunk size has a bare LF", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n") })},
		{name: "chunk longer than it says", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n0\r\n\r\n") })},
		{name: "chunk size overflows", serve: once(func(w *wire) {
			w.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n")
		})},
		{name: "chunk extensions without end", serve: once(func(w *wire) {
			w.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\na\r\n", 1000))
		})},

		{name: "interim answers", serve: says("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + okAnswer), calls: 2},
		{name: "one byte at a time", serve: after(func(w *wire) { w.slowly(okAnswer) }), calls: 2},
		{name: "chunks, one byte at a time", serve: after(func(w *wire) {
			w.slowly("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n")
		}), calls: 2},
		{name: "a large answer", serve: says("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + big), calls: 2},
		{name: "a large head", serve: says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Large: " + big[:40<<10] + "\r\n\r\nok"), calls: 2},
		{name: "a head beyond the limit", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\nX-Large: ", big, big, "\r\n\r\n") })},
		{name: "cut off in the body", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello") })},
		{name: "cut off in the head", serve: once(func(w *wire) { w.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n") })},
		{name: "no answer", serve: once(func(w *wire) {})},
		{name: "reset instead of an answer", serve: once(func(w *wire) { w.reset() })},
		{name: "reset in the body", serve: once(func(w *wire) {
			w.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
			time.Sleep(50 * time.Millisecond) // so that what came before is read
			w.reset()
		})},
		{name: "closed after each answer, unannounced", serve: once(func(w *wire) { w.say(okAnswer) }), calls: 4},
		{name: "another protocol", serve: once(func(w *wire) { w.say("SSH-2.0-OpenSSH_9.9\r\n") })},
		{name: "no answer at all but text", serve: once(func(w *wire) { w.say("hello, this is not HTTP at all\r\n\r\n") })},

		{name: "status is no number", serve: says("HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n")},
		{name: "status of two digits", serve: says("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n")},
		{name: "no colon", serve: says("HTTP/1.1 200 OK\r\nContent-Length 0\r\n\r\n")},
		{name: "no name", serve: says("HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n")},
		{name: "different lengths", serve: says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!")},
		{name: "length is no number", serve: says("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok")},
		{name: "length is a list", serve: says("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok")},
		{name: "length is negative", serve: says("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok")},
		{name: "unknown coding", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")},
		{name: "chunked twice", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},

		{name: "POST", method: "POST", send: "a=b", serve: echo, calls: 3},
		{name: "POST, empty", method: "POST", serve: echo, calls: 2},
		{name: "POST, large", method: "POST", send: big, serve: echo, calls: 2},
		{name: "POST, in chunks", method: "POST", send: "a=b", chunks: true, serve: echo, calls: 3},
		{name: "POST, large, in chunks", method: "POST", send: big, chunks: true, serve: echo, calls: 2},
		{name: "GET with a body", send: "a=b", serve: echo},
		{name: "early answer, then the rest is read", method: "POST", send: big, serve: func(w *wire) {
			if r := w.request(); r != nil {
				w.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
				_, _ = io.Copy(io.Discard, w)
			}
		}},
	}
}

// echo answers with what it got.
func echo(w *wire) {
	for {
		r := w.whole()
		if r == nil {
			return
		}
		b, _ := io.ReadAll(r.Body)
		w.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Method: " + r.Method + "\r\nX-Coding: " + strings.Join(r.TransferEncoding, ",") + "\r\n\r\n")
		if len(b) > 0 {
			w.say(hex(len(b)), "\r\n", string(b), "\r\n")
		}
		w.say("0\r\n\r\n")
	}
}

func hex(n int) string {
	const digits = "0123456789abcdef"
	s := ""
	for ; n > 0; n >>= 4 {
		s = digits[n&15:n&15+1] + s
	}
	return s
}

// TestSameAsStandard: whatever an upstream does, the caller sees the same with this transport and with net/http's.
func TestSameAsStandard(t *testing.T) {
	for _, b := range behaviours() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			want := b.run(t, &http.Transport{
				DialContext: (&net.Dialer{Timeout: time.Second}).DialContext, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
			})
			got := b.run(t, newTransport(t, lean.Options{}))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("net/http -, lean +\n%.4000s", diff)
			}
		})
	}
}

func (b behaviour) run(t *testing.T, tr http.RoundTripper) []outcome {
	s := upstream(t, b.serve)
	var all []outcome
	for range max(b.calls, 1) {
		method := b.method
		if method == "" {
			method = "GET"
		}
		var body io.Reader
		if b.send != "" {
			body = strings.NewReader(b.send)
		}
		if b.chunks {
			body = io.MultiReader(body) // of a kind whose length nobody knows
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		all = append(all, seen(tr, request(t, method, s.URL+"/a?b", body).WithContext(ctx)))
		cancel()
	}
	if c, ok := tr.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return all
}
