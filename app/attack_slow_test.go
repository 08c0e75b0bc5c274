package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Bad days: whoever is slow, leaves, or stops in the middle, on either side, holds nothing for longer than the limits say, and
// leaves nothing behind. Those who come meanwhile are served.
func TestAttackSlowness(t *testing.T) {
	up := newWitness(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/large") {
			_, _ = w.Write(make([]byte, 64<<20))
		}
	})
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	go func() {
		for held := []net.Conn{}; ; {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			held = append(held, c)
		}
	}()
	s := guarded(t, keysYAML+strings.TrimPrefix(twice(up.URL, "auth: [none], timeouts: {idle: 500ms, answer: 500ms}"), "\n")+
		"  - {name: token, path: /token-only, upstream: '"+up.URL+"'}\n  - {name: signed, path: /signed, auth: [signature], upstream: '"+up.URL+"'}\n"+
		"  - {name: silent, path: /silent, auth: [none], timeouts: {answer: 500ms}, upstream: 'http://"+silent.Addr().String()+"'}\n")
	goroutines := runtime.NumGoroutine()
	for name, tt := range map[string]struct {
		text string
		drip string // sent byte by byte behind it
		want string // the answer begins with; "": the connection ends
	}{
		"a head that does not end":                        {"GET /lean HTTP/1.1\r\nHost: a\r\n", "X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", ""},
		"a first line that does not end":                  {"GE", "TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT", ""},
		"nothing":                                         {"", "", ""},
		"a body that does not come":                       {"POST /lean HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", "", "HTTP/1.1 408 "},
		"a body that does not come, by the other":         {"POST /std HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", "", "HTTP/1.1 408 "},
		"chunks that do not come":                         {"POST /lean HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "", "HTTP/1.1 408 "},
		"chunks that do not come, by the other":           {"POST /std HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "", "HTTP/1.1 408 "},
		"a body that nobody is let in for":                {"POST /token-only HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "HTTP/1.1 401 "},
		"a signed body that does not come":                {"POST /signed HTTP/1.1\r\nHost: a\r\nAuthorization: DGRK desk.AAAA\r\nContent-Length: 1000\r\n\r\n", "", "HTTP/1.1 408 "},
		"a signed body that comes slowly":                 {"POST /signed HTTP/1.1\r\nHost: a\r\nAuthorization: DGRK desk.AAAA\r\nContent-Length: 1000\r\n\r\n", strings.Repeat("a", 40), "HTTP/1.1 408 "},
		"an upstream that says nothing":                   {"GET /silent HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "", "HTTP/1.1 504 "},
		"an answer that nobody reads":                     {"GET /lean/large HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 200 "},
		"an answer that nobody reads, by the other":       {"GET /std/large HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 200 "},
		"a permission to go on that is not waited for":    {"POST /token-only HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "", "HTTP/1.1 401 "},
		"a permission to go on that nobody makes use of":  {"POST /lean HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "", "HTTP/1.1 100 "},
		"a length that is never met, and another request": {"POST /lean HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n" + hidden, "", "HTTP/1.1 408 "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			begin := time.Now()
			_, _ = io.WriteString(conn, tt.text)
			if strings.HasPrefix(name, "an answer that nobody reads") {
				time.Sleep(3 * time.Second)
			}
			go func() {
				for i := range len(tt.drip) {
					if _, err := conn.Write([]byte{tt.drip[i]}); err != nil {
						return
					}
					time.Sleep(200 * time.Millisecond)
				}
			}()
			_ = conn.SetReadDeadline(begin.Add(15 * time.Second))
			got, err := io.ReadAll(conn)
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Fatalf("after %v the connection is still there: %.300q", time.Since(begin), got)
			}
			if tt.want == "" && len(got) > 0 && !strings.HasPrefix(string(got), "HTTP/1.1 40") || !strings.HasPrefix(string(got), tt.want) {
				t.Errorf("%.300q, want %s", got, tt.want)
			}
			if strings.Contains(name, "nobody reads") && len(got) > 60<<20 {
				t.Error("it was read after all")
			}
		})
	}
	t.Cleanup(func() { // runs when those are over
		for range 100 {
			if runtime.NumGoroutine() <= goroutines+10 {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
	})
}

// A caller that leaves ends what was begun for it: the upstream's call, and the place it had in a limit of calls at one time.
func TestAttackLeaving(t *testing.T) {
	left, arrived := make(chan struct{}, 100), make(chan struct{}, 100)
	up := newWitness(t, func(_ http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "wait") {
			arrived <- struct{}{}
			<-r.Context().Done()
			left <- struct{}{}
		}
	})
	s := guarded(t, "realm: default\napis:"+twice(up.URL, "auth: [none], policies: [{concurrency: {most: 2, by: api}}]"))
	for _, prefix := range both {
		for round := range 5 {
			var conns []net.Conn
			for range 2 {
				conns = append(conns, holding(t, s.addr, prefix+"/wait", arrived))
			}
			if st := statuses(t, say(t, s.addr, "GET "+prefix+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))[0]; st != 429 {
				t.Fatalf("%s, round %d: a third call is answered %d", prefix, round, st)
			}
			for _, c := range conns {
				if round%2 == 0 {
					_ = c.(*net.TCPConn).SetLinger(0)
				}
				_ = c.Close()
			}
			for range conns {
				select {
				case <-left:
				case <-time.After(10 * time.Second):
					t.Fatal("the upstream is still at work")
				}
			}
			st := 0
			for range 100 {
				if st = statuses(t, say(t, s.addr, "GET "+prefix+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))[0]; st == 200 {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			if st != 200 {
				t.Fatalf("%s, round %d: their places are still taken: %d", prefix, round, st)
			}
		}
	}
}

// holding makes a call that is held at the upstream. Places of calls before may become free a moment late.
func holding(t *testing.T, addr, path string, arrived <-chan struct{}) net.Conn {
	t.Helper()
	for range 100 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
		answered := make(chan struct{})
		go func() {
			_, _ = c.Read(make([]byte, 1))
			close(answered)
		}()
		select {
		case <-arrived:
			return c
		case <-answered:
			_ = c.Close()
			time.Sleep(20 * time.Millisecond)
		}
	}
	t.Fatal("there is never a place")
	return nil
}

// Trailers of an upstream: what frames messages, belongs to a connection or is ours to say does not come back in them.
func TestAttackUpstreamTrailers(t *testing.T) {
	const trailers = "Grpc-Status: 0\r\nX-Request-Id: forged\r\nKeep-Alive: forged\r\nProxy-Authenticate: forged\r\nX-Later: unannounced\r\n"
	s := guarded(t, "realm: default\napis:"+twice(evil(t, []string{
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Status, X-Request-Id, Keep-Alive\r\n\r\n4\r\ngood\r\n0\r\n" + trailers + "\r\n",
	}), "auth: [none], strip: true"))
	for _, prefix := range both {
		text := say(t, s.addr, fmt.Sprintf("GET %s/evil/0 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n", prefix))
		res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != "good" {
			t.Errorf("%q %v", body, err)
		}
		if res.Trailer.Get("Grpc-Status") != "0" || res.Trailer.Get("X-Later") != "unannounced" || strings.Contains(text, "forged") || strings.Contains(text, "Keep-Alive") {
			t.Errorf("%s: %q", prefix, text)
		}
	}
}

// A mirror that says nothing costs a bounded number of copies, and no call waits for it.
func TestAttackSilentMirror(t *testing.T) {
	up := newWitness(t, nil)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	s := guarded(t, "realm: default\napis: [{name: a, path: /a, auth: [none], upstream: '"+up.URL+"', mirror: {url: 'http://"+silent.Addr().String()+"'}, timeouts: {connect: 2s, answer: 2s}}]")
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before, most := runtime.NumGoroutine(), 0
	in := bufio.NewReader(conn)
	for range 4000 {
		_, _ = io.WriteString(conn, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ndata")
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%v %v", res, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		most = max(most, runtime.NumGoroutine())
	}
	if most-before > 800 || most-before < 100 {
		t.Errorf("%d goroutines at most, %d before", most, before)
	}
}
