package web_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sallyport/web"
)

// front returns a Front with a log of its own. Its clock moves on by a second each time it is asked.
func front(t *testing.T, next http.HandlerFunc, proxies ...string) (*web.Front, *bytes.Buffer) {
	t.Helper()
	p, err := web.ParseProxies(proxies)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	now := time.Unix(1e9, 0)
	return &web.Front{
		Next: next, IDs: web.NewIDs(), Proxies: p, Access: web.LogAccess(logger), Faults: logger,
		Now: func() time.Time { now = now.Add(time.Second); return now },
	}, &log
}

func request(peer string, header ...string) *http.Request {
	r := httptest.NewRequest("GET", "/a/b?access_token=hush", nil)
	r.RemoteAddr = peer
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestSource(t *testing.T) {
	const xff = "X-Forwarded-For"
	tests := []struct {
		name    string
		peer    string
		headers []string
		want    string
	}{
		{"a peer that nobody trusts", "192.0.2.1:1", []string{xff, "203.0.113.9"}, "192.0.2.1"},
		{"a trusted proxy without a header", "10.0.0.1:1", nil, "10.0.0.1"},
		{"a trusted proxy", "10.0.0.1:1", []string{xff, "203.0.113.9"}, "203.0.113.9"},
		{"the client lies", "10.0.0.1:1", []string{xff, "127.0.0.1, 198.51.100.7, 203.0.113.9"}, "203.0.113.9"},
		{"a chain of proxies", "10.0.0.1:1", []string{xff, "6.6.6.6, 203.0.113.9, 10.0.0.3,10.0.0.2"}, "203.0.113.9"},
		{"several header lines", "10.0.0.1:1", []string{xff, "6.6.6.6", xff, "203.0.113.9", xff, "10.0.0.2"}, "203.0.113.9"},
		{"proxies alone", "10.0.0.1:1", []string{xff, "10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"nonsense at the right end", "10.0.0.1:1", []string{xff, "203.0.113.9, unknown"}, "10.0.0.1"},
		{"nonsense behind a proxy", "10.0.0.1:1", []string{xff, "203.0.113.9, , 10.0.0.2"}, "10.0.0.2"},
		{"with a port", "10.0.0.1:1", []string{xff, "203.0.113.9:4711"}, "203.0.113.9"},
		{"IPv6 with a port", "10.0.0.1:1", []string{xff, "[2001:db8::9]:4711"}, "2001:db8::9"},
		{"IPv6 in brackets", "10.0.0.1:1", []string{xff, "[2001:db8::9]"}, "2001:db8::9"},
		{"an IPv6 proxy", "[2001:db8::1]:1", []string{xff, "203.0.113.9"}, "203.0.113.9"},
		{"IPv4 written as IPv6", "[::ffff:10.0.0.1]:1", []string{xff, "::ffff:203.0.113.9"}, "203.0.113.9"},
		{"Forwarded is not read", "10.0.0.1:1", []string{"Forwarded", "for=6.6.6.6"}, "10.0.0.1"},
		{"other headers are not read", "10.0.0.1:1", []string{"X-Real-Ip", "6.6.6.6", "X_forwarded_for", "6.6.6.6"}, "10.0.0.1"},
		{"a peer without address", "@", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got netip.Addr
			f, _ := front(t, func(_ http.ResponseWriter, r *http.Request) { got = web.Source(r) }, "10.0.0.0/8", "2001:db8::1")
			f.ServeHTTP(httptest.NewRecorder(), request(tt.peer, tt.headers...))
			want, _ := netip.ParseAddr(tt.want)
			if got != want {
				t.Errorf("source %v, want %v", got, want)
			}
		})
	}
}

func TestParseProxies(t *testing.T) {
	p, err := web.ParseProxies([]string{"::ffff:10.0.0.0/104", "192.0.2.77/24", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{"10.255.0.1": true, "11.0.0.1": false, "192.0.2.1": true, "::1": true, "::2": false} {
		if got := p.Trust(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: trusted %v", addr, got)
		}
	}
	for _, bad := range []string{"", "example.org", "10.0.0.0/33", "10.0.0.1:80", "fe80::1%eth0", "::ffff:0:0/90"} {
		if _, err := web.ParseProxies([]string{bad}); err == nil || !strings.Contains(err.Error(), "write it like") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestRequestID(t *testing.T) {
	tests := []struct {
		name, peer, sent string
		kept             bool
	}{
		{"from a proxy", "10.0.0.1:1", "abc-DEF_1.2", true},
		{"from a stranger", "192.0.2.1:1", "abc", false},
		{"too long", "10.0.0.1:1", strings.Repeat("a", 65), false},
		{"unfit for a log", "10.0.0.1:1", "a\"b", false},
		{"empty", "10.0.0.1:1", "", false},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var inside string
			f, _ := front(t, func(_ http.ResponseWriter, r *http.Request) { inside = web.RequestID(r.Context()) }, "10.0.0.0/8")
			w := httptest.NewRecorder()
			f.ServeHTTP(w, request(tt.peer, "X-Request-Id", tt.sent))
			if inside == "" || inside != w.Header().Get("X-Request-Id") || seen[inside] {
				t.Errorf("id %q inside, %q outside, used before: %v", inside, w.Header().Get("X-Request-Id"), seen[inside])
			}
			if kept := inside == tt.sent; kept != tt.kept {
				t.Errorf("sent %q, got %q", tt.sent, inside)
			}
			seen[inside] = true
		})
	}
}

func TestSecure(t *testing.T) {
	tests := []struct {
		peer, proto string
		tls         bool
		want        bool
	}{
		{"192.0.2.1:1", "https", false, false},
		{"192.0.2.1:1", "http", true, true},
		{"10.0.0.1:1", "HTTPS", false, true},
		{"10.0.0.1:1", "http", true, false},
		{"10.0.0.1:1", "https, http", false, false},
		{"10.0.0.1:1", "", true, true},
	}
	for _, tt := range tests {
		var got bool
		f, _ := front(t, func(_ http.ResponseWriter, r *http.Request) { got = web.VisitOf(r.Context()).Secure }, "10.0.0.0/8")
		r := request(tt.peer, "X-Forwarded-Proto", tt.proto)
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		f.ServeHTTP(httptest.NewRecorder(), r)
		if got != tt.want {
			t.Errorf("%+v: secure %v", tt, got)
		}
	}
}

func TestAccessLog(t *testing.T) {
	f, log := front(t, func(w http.ResponseWriter, r *http.Request) {
		v := web.VisitOf(r.Context())
		v.Face, v.API, v.Client, v.Reason = "gateway", "orders", "c1", "scope_missing"
		r.URL.Path = "/rewritten"
		w.WriteHeader(403)
		_, _ = io.WriteString(w, "12345")
	})
	f.ServeHTTP(httptest.NewRecorder(), request("192.0.2.1:1", "Authorization", "Bearer hush", "Cookie", "hush"))
	if strings.Contains(log.String(), "hush") {
		t.Errorf("a credential in the log: %s", log)
	}
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"level": "INFO", "msg": "request", "method": "GET", "path": "/a/b", "status": 403.0, "bytes": 5.0, "took": 1e9, "source": "192.0.2.1",
		"face": "gateway", "api": "orders", "client": "c1", "reason": "scope_missing",
	} {
		if line[name] != want {
			t.Errorf("%s: %v, want %v", name, line[name], want)
		}
	}
	if line["id"] == nil || line["id"] == "" {
		t.Error("no id")
	}
}

func TestAccessLogCanBeOff(t *testing.T) {
	f, log := front(t, func(http.ResponseWriter, *http.Request) {})
	f.Access = nil
	f.ServeHTTP(httptest.NewRecorder(), request("192.0.2.1:1"))
	if log.Len() > 0 {
		t.Errorf("logged: %s", log)
	}
}

func TestObserve(t *testing.T) {
	tests := []struct {
		name   string
		next   http.HandlerFunc
		status int
		bytes  int64
	}{
		{"nothing said", func(http.ResponseWriter, *http.Request) {}, 200, 0},
		{"only a body", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "abc") }, 200, 3},
		{"a stream", func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			_, _ = io.Copy(w, strings.NewReader("abcd"))
		}, 200, 4},
		{"a panic", func(http.ResponseWriter, *http.Request) { panic("x") }, 500, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, _ := front(t, tt.next)
			calls := 0
			f.Observe = func(v *web.Visit) {
				calls++
				if v.Status() != tt.status || tt.bytes > 0 && v.Bytes() != tt.bytes || v.Method() != "GET" || v.Path() != "/a/b" {
					t.Errorf("%d, %d bytes, %s %s", v.Status(), v.Bytes(), v.Method(), v.Path())
				}
			}
			f.ServeHTTP(httptest.NewRecorder(), request("192.0.2.1:1"))
			if calls != 1 {
				t.Errorf("%d calls", calls)
			}
		})
	}
}

func TestPanicAnswers500(t *testing.T) {
	for name, fault := range map[string]any{"text": "no such luck", "error": errors.New("no such luck"), "value": struct{ body string }{"hush"}} {
		f, log := front(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "7")
			panic(fault)
		})
		w := httptest.NewRecorder()
		f.ServeHTTP(w, request("192.0.2.1:1"))
		if w.Code != 500 || w.Header().Get("Content-Type") != "application/problem+json" || strings.Contains(w.Body.String(), "luck") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if !strings.Contains(w.Body.String(), `"id":"`+w.Header().Get("X-Request-Id")+`"`) {
			t.Errorf("%s: no id in %s", name, w.Body)
		}
		if !strings.Contains(log.String(), "front_test.go") || strings.Contains(log.String(), "hush") {
			t.Errorf("%s: log %s", name, log)
		}
	}
}

func TestPanicBehindHalfAnAnswerCutsTheConnection(t *testing.T) {
	for _, fault := range []any{"text", http.ErrAbortHandler} {
		f, log := front(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 10000))
			panic(fault)
		})
		server := httptest.NewServer(f)
		res, err := http.Get(server.URL)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		if err == nil {
			t.Errorf("%v: the answer looks complete", fault)
		}
		server.Close()
		if got, want := strings.Contains(log.String(), "panicked"), fault != http.ErrAbortHandler; got != want {
			t.Errorf("%v: panic logged: %v", fault, got)
		}
	}
}

// A server that reads on behind a CONNECT would take what was meant for the tunnel for requests.
func TestConnectIsRefusedAndTheConnectionClosed(t *testing.T) {
	served := 0
	f, _ := front(t, func(http.ResponseWriter, *http.Request) { served++ })
	server := httptest.NewServer(f)
	defer server.Close()
	for _, target := range []string{"example.org:443", "127.0.0.1:80"} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n")
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, &http.Request{Method: "GET"})
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != 501 || !res.Close {
			t.Errorf("%s: %d, closed: %v", target, res.StatusCode, res.Close)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		if rest, _ := io.ReadAll(in); len(rest) > 0 {
			t.Errorf("%s: answered on: %q", target, rest)
		}
	}
	if served != 0 {
		t.Errorf("%d requests were served", served)
	}
}

func TestHijackIsSwitchingProtocols(t *testing.T) {
	status := make(chan int, 1)
	f, _ := front(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		conn.Close()
	})
	f.Observe = func(v *web.Visit) { status <- v.Status() }
	server := httptest.NewServer(f)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if got := <-status; got != 101 {
		t.Errorf("status %d", got)
	}
}

func TestEarlyHintsAreNotTheAnswer(t *testing.T) {
	status := make(chan int, 1)
	f, _ := front(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusTeapot)
	})
	f.Observe = func(v *web.Visit) { status <- v.Status() }
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // "superfluous response.WriteHeader call"
	server.Start()
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := <-status; got != 202 || res.StatusCode != 202 {
		t.Errorf("status %d, answered %d", got, res.StatusCode)
	}
}

type marker struct{}

func TestVisitIsAContext(t *testing.T) {
	outer, cancel := context.WithCancelCause(context.WithValue(context.Background(), marker{}, 1))
	f, _ := front(t, func(_ http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if ctx.Value(marker{}) != 1 {
			t.Error("the outer value is lost")
		}
		v := web.VisitOf(ctx)
		v.Context = context.WithValue(v.Context, marker{}, 2)
		if r.Context().Value(marker{}) != 2 {
			t.Error("the added value is not seen")
		}
		derived, stop := context.WithTimeout(ctx, time.Hour)
		defer stop()
		if web.VisitOf(derived) != v {
			t.Error("the visit is lost below")
		}
		cancel(io.EOF)
		<-derived.Done()
		if !errors.Is(context.Cause(derived), io.EOF) {
			t.Errorf("cause %v", context.Cause(derived))
		}
	})
	f.ServeHTTP(httptest.NewRecorder(), request("192.0.2.1:1").WithContext(outer))

	alone := web.WithSource(context.Background(), netip.MustParseAddr("192.0.2.5"))
	if got := web.Source(request("192.0.2.1:1").WithContext(alone)); got.String() != "192.0.2.5" {
		t.Errorf("source %v", got)
	}
	if web.VisitOf(context.Background()) != nil || web.RequestID(context.Background()) != "" {
		t.Error("a visit out of nowhere")
	}
}

func TestFrontAllocatesLittle(t *testing.T) {
	f, _ := front(t, func(http.ResponseWriter, *http.Request) {})
	f.Access = nil
	w, r := httptest.NewRecorder(), request("192.0.2.1:1")
	// The visit, the copy of the request, the id.
	if n := testing.AllocsPerRun(100, func() { f.ServeHTTP(w, r) }); n > 3 {
		t.Errorf("%v allocations", n)
	}
}
