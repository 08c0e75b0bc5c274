package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/realm"
)

// impatient is an API whose bodies may pause for a moment only.
func impatient(upstream string) *api.API {
	a := open(upstream)
	a.Timeouts.Idle = realm.Duration(150 * time.Millisecond)
	return a
}

func dial(t *testing.T, b *bench) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", b.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// A caller who stops in the middle of a body is told so, and the upstream is not kept waiting.
func TestSilentCaller(t *testing.T) { eachEngine(t, testSilentCaller) }

func testSilentCaller(t *testing.T) {
	left := make(chan struct{}, 2)
	b := start(t, nil, impatient(upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		left <- struct{}{}
	})))
	for _, framing := range []string{"Content-Length: 100000\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"} {
		conn := dial(t, b)
		_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\n"+framing)
		answer, err := io.ReadAll(conn) // to the end: what comes later must not be taken for a request
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") || !strings.Contains(string(answer), "request_malformed") {
			t.Errorf("%q, %v", answer, err)
		}
		<-left
	}
}

// Slow is not silent.
func TestSlowCaller(t *testing.T) { eachEngine(t, testSlowCaller) }

func testSlowCaller(t *testing.T) {
	var got seen
	b := start(t, nil, impatient(upstream(t, record(&got))))
	conn := dial(t, b)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range 8 {
		time.Sleep(40 * time.Millisecond)
		_, _ = io.WriteString(conn, "1\r\nx\r\n")
	}
	_, _ = io.WriteString(conn, "0\r\n\r\n")
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") || got.Body != "xxxxxxxx" {
		t.Errorf("%q, %v, upstream got %q", answer, err, got.Body)
	}
}

// An upstream that stops in the middle of a body is given up, and the caller can see that the answer is not whole.
func TestSilentUpstream(t *testing.T) { eachEngine(t, testSilentUpstream) }

func testSilentUpstream(t *testing.T) {
	b := start(t, nil, impatient(upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "100")
		}
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})))
	for _, path := range []string{"/length", "/chunks"} {
		res, err := http.Get(b.URL + path)
		if err != nil {
			if path == "/chunks" {
				t.Errorf("%s: %v", path, err)
			}
			continue // nothing had been sent
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err == nil || len(body) > 4 {
			t.Errorf("%s: %q looks like a whole answer", path, body)
		}
	}
	b.Server.Close()
	if !strings.Contains(b.log.String(), "upstream_failed") {
		t.Errorf("log: %s", b.log)
	}
}

// A caller who does not take the answer cannot hold the upstream for ever.
func TestCallerTakesNothing(t *testing.T) { eachEngine(t, testCallerTakesNothing) }

func testCallerTakesNothing(t *testing.T) {
	left := make(chan error, 1)
	b := start(t, nil, impatient(upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		piece := make([]byte, 1<<20)
		for {
			if _, err := w.Write(piece); err != nil {
				left <- err
				return
			}
		}
	})))
	conn := dial(t, b)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	select {
	case <-left:
	case <-time.After(20 * time.Second):
		t.Error("the upstream still writes")
	}
}

// A reset is not the end of an answer, however the answer is framed.
func TestUpstreamResets(t *testing.T) { eachEngine(t, testUpstreamResets) }

func testUpstreamResets(t *testing.T) {
	for _, framing := range []string{"Content-Length: 100", "Transfer-Encoding: chunked", "Connection: close"} {
		t.Run(framing, func(t *testing.T) {
			b := start(t, nil, open(wire(t, func(in *bufio.Reader, conn *net.TCPConn) {
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\n%s\r\n\r\n5\r\nhello\r\n", framing)
				time.Sleep(50 * time.Millisecond) // or the reset would overtake it
				_ = conn.SetLinger(0)
			})))
			res, err := http.Get(b.URL)
			if err == nil {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if err == nil {
				t.Error("half an answer looks like a whole one")
			}
		})
	}
}

// webSocket is an upstream that switches and then does what it is told.
func webSocket(t *testing.T, serve func(in *bufio.Reader, conn *net.TCPConn)) string {
	return wire(t, func(in *bufio.Reader, conn *net.TCPConn) {
		if r, err := http.ReadRequest(in); err != nil || r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" {
			t.Errorf("%+v, %v", r, err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: x\r\n\r\nwelcome\n")
		serve(in, conn)
	})
}

const switchRequest = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: y\r\n\r\n"

// What either side sends before the switch is answered is not lost.
func TestWebSocketSentEarly(t *testing.T) { eachEngine(t, testWebSocketSentEarly) }

func testWebSocketSentEarly(t *testing.T) {
	b := start(t, nil, open(webSocket(t, func(in *bufio.Reader, conn *net.TCPConn) { _, _ = io.Copy(conn, in) })))
	conn := dial(t, b)
	_, _ = io.WriteString(conn, switchRequest+"early\n")
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Sec-WebSocket-Accept") != "x" || res.Header.Get("X-Request-Id") == "" {
		t.Fatalf("%+v, %v", res, err)
	}
	_, _ = io.WriteString(conn, "late\n")
	for _, want := range []string{"welcome\n", "early\n", "late\n"} {
		if line, err := in.ReadString('\n'); line != want {
			t.Errorf("%q, %v; want %q", line, err, want)
		}
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	b.Server.Close()
}

// When one side is gone, so is the other.
func TestWebSocketEnds(t *testing.T) { eachEngine(t, testWebSocketEnds) }

func testWebSocketEnds(t *testing.T) {
	left := make(chan error, 1)
	b := start(t, nil, open(webSocket(t, func(in *bufio.Reader, _ *net.TCPConn) {
		_, err := in.ReadString('\n')
		left <- err
	})))
	conn := dial(t, b)
	_, _ = io.WriteString(conn, switchRequest)
	if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 101 ") {
		t.Fatalf("%q, %v", line, err)
	}
	conn.Close()
	if err := <-left; err == nil { // hangs if nobody tells it
		t.Error("the upstream got something")
	}
}

func TestSilentWebSocket(t *testing.T) { eachEngine(t, testSilentWebSocket) }

func testSilentWebSocket(t *testing.T) {
	b := start(t, nil, impatient(webSocket(t, func(in *bufio.Reader, _ *net.TCPConn) { _, _ = in.ReadString('\n') })))
	conn := dial(t, b)
	_, _ = io.WriteString(conn, switchRequest)
	if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("it is still open")
	}
}

// A switch that nobody asked for, or to something else, is no answer.
func TestOtherSwitchOfAnUpstream(t *testing.T) { eachEngine(t, testOtherSwitchOfAnUpstream) }

func testOtherSwitchOfAnUpstream(t *testing.T) {
	b := start(t, nil, open(wire(t, func(in *bufio.Reader, conn *net.TCPConn) {
		if _, err := http.ReadRequest(in); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")
			_, _ = in.ReadByte()
		}
	})))
	for _, request := range []string{strings.Replace(switchRequest, "keep-alive", "close", 1), "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"} {
		if answer := raw(t, b, request); !strings.HasPrefix(answer, "HTTP/1.1 502 ") || !strings.Contains(answer, "upstream_failed") {
			t.Errorf("%q", answer)
		}
	}
}

// An upstream that does not want to switch says so.
func TestSwitchRefused(t *testing.T) { eachEngine(t, testSwitchRefused) }

func testSwitchRefused(t *testing.T) {
	b := start(t, nil, open(upstream(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUpgradeRequired) })))
	if answer := raw(t, b, strings.Replace(switchRequest, "keep-alive", "close", 1)); !strings.HasPrefix(answer, "HTTP/1.1 426 ") || !strings.HasSuffix(answer, "no\n") {
		t.Errorf("%q", answer)
	}
}
