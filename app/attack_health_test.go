package app_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Poisoned health: nothing that a caller does makes a healthy target look like a failing one, so nobody can have a server
// taken out for all the others.
func TestAttackHealth(t *testing.T) {
	up := newWitness(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "wait"):
			<-r.Context().Done()
		case strings.Contains(r.URL.Path, "large"):
			_, _ = w.Write(make([]byte, 8<<20))
		}
	})
	s := guarded(t, "realm: default\napis:"+twice(up.URL, "auth: [none], upstream_host: caller, timeouts: {idle: 300ms}, eject: {fails: 1, for: 1m, most: 100}"))
	for _, prefix := range both {
		for name, attack := range map[string]func(){
			"a trailer that has no name": func() {
				for _, trailer := range []string{"foo bar", "foo:bar", `"x"`, "a(b", "X-\xff", ", ,"} {
					say(t, s.addr, "POST "+prefix+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: "+trailer+"\r\n\r\n1\r\nx\r\n0\r\n\r\n")
					c := dialHTTP2(t, s.addr, false)
					c.request(t, 1, "x", ":method", "POST", ":scheme", "http", ":authority", "a", ":path", prefix, "trailer", trailer)
					c.outcome(t, 1)
				}
			},
			"what HTTP/2 lets through": func() {
				for _, fields := range [][]string{
					{":method", "GET /x", ":scheme", "http", ":authority", "a", ":path", prefix}, {":method", "GET", ":scheme", "http", ":authority", "a", ":path", prefix + "?a b"}, {":method", "GET", ":scheme", "http", ":authority", "a", ":path", prefix + "?\xff\"<"},
					{":method", "GET", ":scheme", "http", ":authority", "a;b", ":path", prefix}, {":method", "GET", ":scheme", "http", ":authority", "[::1%25x]", ":path", prefix}, {":method", "GET", ":scheme", "http", ":authority", "a", ":path", prefix, "expect", "x"},
					{":method", "GET", ":scheme", "http", ":authority", "a", ":path", prefix, "x", "\xff\xfe"}, {":method", "POST", ":scheme", "http", ":authority", "a", ":path", prefix, "content-length", "100"}, {":method", "GET", ":scheme", "http", ":authority", "a", ":path", prefix, "content-length", "x"},
				} {
					c := dialHTTP2(t, s.addr, false)
					c.request(t, 1, "ab", fields...)
					c.outcome(t, 1)
				}
			},
			"leaving with half a body": func() { leave(t, s.addr, "POST "+prefix+" HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc") },
			"leaving with half a chunk": func() {
				leave(t, s.addr, "POST "+prefix+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc")
			},
			"leaving while it waits": func() { leave(t, s.addr, "GET "+prefix+"/wait HTTP/1.1\r\nHost: a\r\n\r\n") },
			"leaving in the answer":  func() { leave(t, s.addr, "GET "+prefix+"/large HTTP/1.1\r\nHost: a\r\n\r\n") },
			"chunks that are none": func() {
				say(t, s.addr, "POST "+prefix+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
			},
			"a body that does not come": func() { say(t, s.addr, "POST "+prefix+" HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc") },
			"chunks that do not come": func() {
				say(t, s.addr, "POST "+prefix+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
			},
			"a switch that is refused": func() {
				say(t, s.addr, "GET "+prefix+" HTTP/1.1\r\nHost: a\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n\r\n")
			},
			"a fragment": func() { say(t, s.addr, "GET "+prefix+"?a#b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") },
			"an answer that nobody reads": func() {
				c, err := net.Dial("tcp", s.addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_, _ = io.WriteString(c, "GET "+prefix+"/large HTTP/1.1\r\nHost: a\r\n\r\n")
				time.Sleep(time.Second)
			},
		} {
			attack()
			time.Sleep(50 * time.Millisecond) // what was begun comes to its end
			if text := say(t, s.addr, "GET "+prefix+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); statuses(t, text)[0] != 200 {
				t.Fatalf("%s: after %s the target is taken for broken: %q", prefix, name, text)
			}
		}
	}
}

// leave sends bytes and goes, in both ways in which one can.
func leave(t *testing.T, addr, text string) {
	t.Helper()
	for _, hard := range []bool{false, true} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, text)
		time.Sleep(50 * time.Millisecond)
		if hard {
			_ = c.(*net.TCPConn).SetLinger(0)
		}
		if err := c.Close(); err != nil {
			t.Fatal(fmt.Errorf("close: %w", err))
		}
	}
}
