package app_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A switcher is an upstream that answers upgrades as its path says and then says back what it hears. It remembers every
// byte.
type switcher struct {
	url string

	mu    sync.Mutex
	heard bytes.Buffer
}

func newSwitcher(t *testing.T) *switcher {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &switcher{url: "http://" + l.Addr().String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func (s *switcher) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(io.TeeReader(c, lockedWriter{s}))
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/other"):
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
			return
		case strings.HasSuffix(r.URL.Path, "/bare"):
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
			return
		case strings.HasSuffix(r.URL.Path, "/old"):
			_, _ = io.WriteString(c, "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nold")
		case r.Header.Get("Upgrade") == "":
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
		default:
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Request-Id: forged\r\nContent-Length: 6\r\n\r\nhello ")
			_, _ = io.Copy(c, in)
			return
		}
	}
}

type lockedWriter struct{ s *switcher }

func (w lockedWriter) Write(p []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.s.heard.Write(p)
}

func (s *switcher) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.heard.Reset()
	return s.heard.String()
}

const upgradeFields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// WebSocket: a switch of protocols is one that was asked for, allowed and answered as such. In no other case do bytes pass
// that nobody decided on, in either direction.
func TestAttackWebSocket(t *testing.T) {
	up := newSwitcher(t)
	s := guarded(t, callersYAML+"  - {name: open, path: /open, auth: [none], upstream: '"+up.url+"'}\n  - {name: shut, path: /shut, upstream: '"+up.url+"'}\n"+
		"  - {name: pages, path: /pages, auth: [none], upstream: '"+up.url+"', policies: [{cors: {origins: ['https://app.example.org'], refuse: true}}]}\n"+
		"  - {name: cached, path: /cached, auth: [none], upstream: '"+up.url+"', policies: [cache, {headers: {response: {set: {X-A: b}}}}]}\n")
	const next = "GET /open/hidden HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	for _, tt := range []struct {
		name, text string
		want       string // the answer begins with
		has, not   string // the answer has, and has not
		heard      int    // requests that the upstream got
		never      string // and what it did not get
	}{
		{"as it should be", "GET /open HTTP/1.1\r\nHost: a\r\n" + upgradeFields + "\r\nearly", "HTTP/1.1 101 ", "\r\n\r\nhello early", "forged", 1, ""},
		{"through policies", "GET /cached HTTP/1.1\r\nHost: a\r\n" + upgradeFields + "\r\nearly", "HTTP/1.1 101 ", "\r\n\r\nhello early", "forged", 1, ""},
		{"without a length", "GET /open HTTP/1.1\r\nHost: a\r\n" + upgradeFields + "\r\nearly", "HTTP/1.1 101 ", "", "Content-Length", 1, ""},
		{"without a credential", "GET /shut HTTP/1.1\r\nHost: a\r\n" + upgradeFields + "\r\n" + next, "HTTP/1.1 401 ", "", "hello", 1, "/shut"},
		{"by a page of another origin", "GET /pages HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n" + upgradeFields + "\r\n", "HTTP/1.1 403 ", "", "hello", 0, ""},
		{"refused for its version", "GET /open/old HTTP/1.1\r\nHost: a\r\n" + strings.Replace(upgradeFields, "13", "777", 1) + "\r\n" + next, "HTTP/1.1 426 ", "plain", "hello", 2, ""},
		{"answered with another protocol", "GET /open/other HTTP/1.1\r\nHost: a\r\n" + upgradeFields + "\r\n", "HTTP/1.1 502 ", "", "poison", 1, ""},
		{"answered with no protocol", "GET /open/bare HTTP/1.1\r\nHost: a\r\n" + upgradeFields + "\r\n", "HTTP/1.1 502 ", "", "poison", 1, ""},
		{"with a body", "GET /open HTTP/1.1\r\nHost: a\r\n" + upgradeFields + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(next), next), "HTTP/1.1 ", "", "poison", 1, "\r\nGET /open/hidden HTTP/1.1\r\nVia"},
		{"with chunks", "GET /open HTTP/1.1\r\nHost: a\r\n" + upgradeFields + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, "HTTP/1.1 ", "", "poison", 1, ""},
		{"another protocol", "GET /open HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n", "HTTP/1.1 200 ", "plain", "hello", 1, "h2c"},
		{"a list of protocols", "GET /open HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c, websocket\r\n\r\n", "HTTP/1.1 200 ", "plain", "hello", 1, "Upgrade"},
		{"two protocols", "GET /open HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n", "HTTP/1.1 200 ", "plain", "hello", 1, "Upgrade"},
		{"not named in Connection", "GET /open HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 200 ", "plain", "hello", 1, "Upgrade"},
		{"by POST", "POST /open HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 ", "plain", "hello", 1, "Upgrade"},
		{"by HTTP/1.0", "GET /open HTTP/1.0\r\nHost: a\r\n" + upgradeFields + "\r\n", "HTTP/1.0 200 ", "plain", "hello", 1, "Upgrade"},
	} {
		up.take()
		got := untilQuiet(t, s.addr, tt.text)
		heard := up.take()
		if tt.want == "HTTP/1.0 200 " {
			got = strings.Replace(got, "HTTP/1.1", "HTTP/1.0", 1)
		}
		if !strings.HasPrefix(got, tt.want) || !strings.Contains(got, tt.has) || tt.not != "" && strings.Contains(got, tt.not) {
			t.Errorf("%s: answered %q", tt.name, got)
		}
		if n := strings.Count(heard, "Via: "); n != tt.heard || tt.never != "" && strings.Contains(heard, tt.never) {
			t.Errorf("%s: the upstream got %d requests, want %d: %q", tt.name, n, tt.heard, heard)
		}
	}
}

// untilQuiet sends bytes and returns what comes back until nothing does for a while, as from a tunnel that stays open.
func untilQuiet(t *testing.T, addr, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, text)
	var all []byte
	buf := make([]byte, 4096)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		n, err := conn.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			return string(all)
		}
	}
}

// A caller's identity holds for the tunnel it opened and for nothing else: the upstream is told of it once, and the
// connection carries no other call when the tunnel is over.
func TestAttackWebSocketIdentity(t *testing.T) {
	up := newSwitcher(t)
	s := guarded(t, callersYAML+"  - {name: shut, path: /shut, upstream: '"+up.url+"'}\n")
	token := tokenOf(t, s.addr, "shop", "shop-secret-1")
	got := untilQuiet(t, s.addr, "GET /shut HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "+token+"\r\nX-Sallyport-User: root\r\n"+upgradeFields+"\r\nGET /shut/again HTTP/1.1\r\nHost: a\r\n\r\n")
	heard := up.take()
	if !strings.HasPrefix(got, "HTTP/1.1 101 ") || strings.Count(got, "HTTP/1.1 ") != 1 || strings.Count(heard, "X-Sallyport-Client: shop\r\n") != 1 || strings.Contains(heard, token) || strings.Contains(heard, "root") {
		t.Errorf("answered %q; the upstream got %q", got, heard)
	}
}
