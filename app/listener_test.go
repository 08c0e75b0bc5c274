package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"

	"sallyport/realm"
)

// say sends bytes to a server and returns all that it answers until it closes the connection.
func say(t *testing.T, addr, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, text) }() // it may stop reading before the end
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, _ := io.ReadAll(conn) // a reset comes behind the answer, where there is more that it has not read
	return string(answer)
}

// neutral takes out of an answer what is another each time.
func neutral(answer string) string {
	answer = regexp.MustCompile(`(Date|X-Request-Id): [^\r]*\r\n`).ReplaceAllString(answer, "")
	answer = regexp.MustCompile(`"id":"[^"]*"`).ReplaceAllString(answer, `"id":"ID"`)
	return strings.ReplaceAll(answer, "\r\n", "\n")
}

// TestHeaderFloods: each kind has its exact answer, and the connection ends.
func TestHeaderFloods(t *testing.T) {
	served := new(atomic.Int32)
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
	t.Cleanup(upstream.Close)
	c := quiet(t)
	c.MaxHeaderBytes = 8 << 10
	s := serve(t, c, "realm: default\napis: [{name: open, path: /open, auth: [none], upstream: '"+upstream.URL+"'}]")
	fields := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	const (
		tooLarge = "HTTP/1.1 431 Request Header Fields Too Large\nContent-Type: text/plain; charset=utf-8\nConnection: close\n\n431 Request Header Fields Too Large"
		tooMany  = "HTTP/1.1 431 Request Header Fields Too Large\nCache-Control: no-store\nConnection: close\nContent-Length: 181\n" +
			"Content-Type: application/problem+json\nX-Content-Type-Options: nosniff\n\n" +
			`{"title":"Request Header Fields Too Large","status":431,"detail":"The request has too many header fields. Send at most 256 different ones.","reason":"fields_too_many","id":"ID"}`
	)
	for _, tt := range []struct{ name, text, want string }{
		{"one large field", "GET /open HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 1<<20), tooLarge},
		{"a large target", "GET /open?" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\n", tooLarge},
		{"a large method", strings.Repeat("A", 1<<20), tooLarge},
		{"fields without end", "GET /open HTTP/1.1\r\nHost: x\r\n" + fields(100_000, "a%d: b\r\n"), tooLarge},
		{"one field without end", "GET /open HTTP/1.1\r\nHost: x\r\n" + fields(100_000, "a: %d\r\n"), tooLarge},
		{"a large name", "GET /open HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("a", 1<<20), tooLarge},
		{"many small fields", "GET /open HTTP/1.1\r\nHost: x\r\n" + fields(300, "a%d: b\r\n") + "\r\n", tooMany},
	} {
		got := neutral(say(t, s.addr, tt.text))
		if diff := cmp.Diff(tt.want, regexp.MustCompile(`Content-Length: \d+`).ReplaceAllString(got, "Content-Length: 181")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if n := served.Load(); n != 0 {
		t.Errorf("%d requests came through", n)
	}
	if got := say(t, s.addr, "GET /open HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+fields(200, "a%d: b\r\n")+"\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
		t.Errorf("a request with many fields that is in order: %s", got)
	}
}

// drip sends a text a byte at a time for as long as the server listens, and returns what it answers.
func drip(t *testing.T, addr, text string, endless byte) (answer string, took time.Duration) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return "", 0
	}
	defer conn.Close()
	start := time.Now()
	_, _ = io.WriteString(conn, text)
	go func() {
		for {
			time.Sleep(20 * time.Millisecond)
			if _, err := conn.Write([]byte{endless}); err != nil {
				return
			}
		}
	}()
	_ = conn.SetReadDeadline(start.Add(20 * time.Second))
	all, _ := io.ReadAll(conn) // a reset comes behind the answer
	return string(all), time.Since(start)
}

// TestSlowClients: a limit is on the whole of a head or body, so it is no use to send a byte now and then; and those who
// do keep nobody from being served.
func TestSlowClients(t *testing.T) {
	c := quiet(t)
	c.ReadHeaderTimeout, c.ReadTimeout = realm.Duration(300*time.Millisecond), realm.Duration(600*time.Millisecond)
	s := serve(t, c, "realm: default\ndialects: [digirunner, ddi, kustvakt]")
	const form = "HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\ngrant_type="
	var all sync.WaitGroup
	for _, tt := range []struct {
		name, text string
		endless    byte
		want       string // the start of the answer
		least      time.Duration
	}{
		{"a head", "GET /jwks HTTP/1.1\r\nHost: x\r\nA: ", 'a', "", 300 * time.Millisecond},
		{"a target", "GET /", 'a', "HTTP/1.1 400 Bad Request\r\n", 300 * time.Millisecond},
		{"nothing but empty lines", "", '\n', "HTTP/1.1 400 Bad Request\r\n", 0},
		{"a body", "POST /token " + form, 'a', "HTTP/1.1 400 Bad Request\r\n", 600 * time.Millisecond},
		{"a body for digiRunner's door", "POST /oauth/token " + form, 'a', "HTTP/1.1 400 ", 600 * time.Millisecond},
		{"a body for DDI Central's door", "POST /oauth2/token/ " + form, 'a', "HTTP/1.1 400 ", 600 * time.Millisecond},
		{"a body for Kustvakt's door", "POST /api/oauth2/token " + form, 'a', "HTTP/1.1 400 ", 600 * time.Millisecond},
		{"a body that nobody reads", "POST /nothing " + form, 'a', "HTTP/1.1 404 ", 0},
	} {
		for range 25 {
			all.Go(func() {
				answer, took := drip(t, s.addr, tt.text, tt.endless)
				if !strings.HasPrefix(answer, tt.want) || tt.want == "" && answer != "" {
					t.Errorf("%s: %.200q", tt.name, answer)
				}
				// On a busy machine the server's clock runs for a while before the client's begins.
				if took < tt.least/2 || took > 15*time.Second {
					t.Errorf("%s: closed after %v", tt.name, took)
				}
			})
		}
	}
	stop := make(chan struct{})
	go func() { all.Wait(); close(stop) }()
	for n := 0; ; n++ {
		if status, _ := get(t, "http://"+s.addr+"/jwks"); status != http.StatusOK {
			t.Errorf("others are answered %d", status)
		}
		select {
		case <-stop:
			t.Logf("%d others were served meanwhile", n)
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// A handshake has the time of a head, no more.
func TestSlowHandshakes(t *testing.T) {
	c := quiet(t)
	c.ReadHeaderTimeout = realm.Duration(300 * time.Millisecond)
	c.TLSCert, c.TLSKey = filepath.Join(c.Data, "cert.pem"), filepath.Join(c.Data, "key.pem")
	writeCertificate(t, c, 1)
	s := serve(t, c, "realm: default")
	var all sync.WaitGroup
	for _, tt := range []struct {
		text string
		want string
	}{
		{"", ""},
		{"\x16\x03\x01\x02\x00\x01", ""}, // the start of a ClientHello
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"},
	} {
		all.Go(func() {
			start := time.Now()
			if got := say(t, s.addr, tt.text); got != tt.want {
				t.Errorf("%.20q: %q", tt.text, got)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%.20q: open for %v", tt.text, took)
			}
		})
	}
	all.Wait()
}

// http2Conn opens an HTTP/2 connection without TLS, to speak frames on.
func http2Conn(t *testing.T, addr string) (net.Conn, *http2.Framer) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	return conn, http2.NewFramer(conn, bufio.NewReader(conn))
}

// A head in HTTP/2 may come in any number of frames (RFC 9113 section 6.10). One without end is not gathered.
func TestContinuationsWithoutEnd(t *testing.T) {
	s := serve(t, quiet(t), "realm: default")
	_, framer := http2Conn(t, s.addr)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	// A literal field without indexing, name and value of 100 bytes: RFC 7541 section 6.2.2.
	field := append(append([]byte{0x00, 100}, strings.Repeat("a", 100)...), append([]byte{100}, strings.Repeat("b", 100)...)...)
	block := []byte(strings.Repeat(string(field), 70))
	closed := make(chan string, 1)
	go func() {
		for {
			f, err := framer.ReadFrame()
			if err != nil {
				closed <- "closed"
				return
			}
			if g, ok := f.(*http2.GoAwayFrame); ok {
				closed <- g.ErrCode.String()
				return
			}
		}
	}()
	sent := 0
	err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block})
	for ; err == nil && sent < 64<<20; sent += len(block) {
		err = framer.WriteContinuation(1, false, block)
	}
	if sent >= 64<<20 {
		t.Errorf("the server took %d MiB", sent>>20)
	}
	select {
	case why := <-closed:
		t.Logf("after %d KiB: %s", sent>>10, why)
	case <-time.After(10 * time.Second):
		t.Error("the connection stays open")
	}
}

// Who opens an HTTP/2 connection and says no more is not waited for.
func TestHTTP2ConnectionsThatSayNothing(t *testing.T) {
	t.Parallel()
	c := quiet(t)
	c.IdleTimeout, c.ReadHeaderTimeout = realm.Duration(300*time.Millisecond), realm.Duration(300*time.Millisecond)
	s := serve(t, c, "realm: default")
	for name, after := range map[string]func(*http2.Framer) error{
		"nothing":  func(*http2.Framer) error { return nil },
		"settings": func(f *http2.Framer) error { return f.WriteSettings() },
		"half a head": func(f *http2.Framer) error {
			if err := f.WriteSettings(); err != nil {
				return err
			}
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}})
		},
	} {
		conn, framer := http2Conn(t, s.addr)
		if err := after(framer); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for {
			if _, err := framer.ReadFrame(); err != nil {
				break
			}
		}
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("%s: open for %v", name, took)
		} else {
			t.Logf("%s: closed after %v", name, took)
		}
		conn.Close()
	}
}
