package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/gateway"
	"sallyport/gateway/demo"
)

// seen is what an upstream got, but for what differs from run to run.
type seen struct {
	URI, Host, Body string
	Header          http.Header
	Trailer         http.Header
}

func record(out *seen) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*out = seen{URI: r.RequestURI, Host: r.Host, Body: string(body), Header: r.Header, Trailer: r.Trailer}
	}
}

func TestForward(t *testing.T) { eachEngine(t, testForward) }

func testForward(t *testing.T) {
	var got seen
	up := upstream(t, record(&got))
	b := start(t, nil,
		&api.API{Name: "orders", Path: "/orders", Upstream: up + "/v1", Scopes: []string{"read"}, Strip: true},
		&api.API{Name: "open", Path: "/open", Upstream: up, Auth: named("none")},
		&api.API{Name: "both", Path: "/both", Upstream: up, Auth: named("bearer", "none")},
	)
	b.call(t, "POST", "/orders/%6d/a%20b;c=d/?q=%zz;&access_token=x&a=1&a=2", strings.NewReader("body"),
		"Authorization", "Bearer good", "Content-Type", "text/plain", "User-Agent", "ua", "Cookie", "a=b",
		"X-Sallyport-User", "evil", "X_Sallyport_User", "evil", "X-Forwarded-For", "6.6.6.6", "x_forwarded_for", "6.6.6.6", "Forwarded", "for=6.6.6.6",
		"X-Request-Id", "evil", "X-Original-URL", "/admin",
		"Connection", "x-hop, X-Sallyport-Client", "Connection", "via,x-forwarded-for", "X-Hop", "1", "Keep-Alive", "x", "Proxy-Authorization", "x", "TE", "trailers", "Upgrade", "h2c",
	)
	id := got.Header.Get("X-Request-Id")
	if id == "" || id == "evil" {
		t.Errorf("id %q", id)
	}
	delete(got.Header, "X-Request-Id")
	want := seen{
		URI: "/v1/m/a%20b;c=d/?q=%zz;&access_token=x&a=1&a=2", Host: strings.TrimPrefix(up, "http://"), Body: "body",
		Header: http.Header{
			"Content-Type": {"text/plain"}, "Content-Length": {"4"}, "User-Agent": {"ua"}, "Cookie": {"a=b"}, "Te": {"trailers"},
			"Via":             {"1.1 sallyport"},
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {b.Listener.Addr().String()}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Prefix": {"/orders"},
			"X-Sallyport-Client": {"c1"}, "X-Sallyport-User": {"dory"}, "X-Sallyport-Scope": {"read write"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// A credential that is not for us goes on.
	b.call(t, "GET", "/open", nil, "Authorization", "Bearer theirs", "X-Sallyport-Client", "evil")
	if got.Header.Get("Authorization") != "Bearer theirs" || got.Header["X-Sallyport-Client"] != nil {
		t.Errorf("anonymous: %v", got.Header)
	}
	b.call(t, "GET", "/both", nil, "Authorization", "Basic eDp5")
	if got.Header.Get("Authorization") != "Basic eDp5" || got.Header["X-Sallyport-Client"] != nil {
		t.Errorf("anonymous where a token would do: %v", got.Header)
	}
	b.call(t, "GET", "/both", nil, "Authorization", "Bearer alone")
	if got.Header["Authorization"] != nil || got.Header.Get("X-Sallyport-Client") != "c%252" || got.Header["X-Sallyport-User"] != nil {
		t.Errorf("a client for itself: %v", got.Header)
	}
	b.call(t, "GET", "/both", nil, "Authorization", "Bearer odd")
	if want := "D%C3%B6rte%20\"d\"%0D%0AX:%201"; got.Header.Get("X-Sallyport-User") != want || got.Header["X"] != nil {
		t.Errorf("an odd name: %v", got.Header)
	}
}

// Trailers that were announced pass, those by which an upstream could take the caller for somebody do not.
func TestRequestTrailers(t *testing.T) { eachEngine(t, testRequestTrailers) }

func testRequestTrailers(t *testing.T) {
	var got seen
	b := start(t, nil, &api.API{Name: "a", Path: "/", Upstream: upstream(t, record(&got)), Auth: named("none")})
	answer := raw(t, b, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sallyport-User, X-Sum, x_forwarded_for\r\n\r\n"+
		"1\r\nx\r\n0\r\nX-Sallyport-User: evil\r\nX-Sum: 42\r\nx_forwarded_for: evil\r\nX-Real-Ip: evil\r\nX-Late: 1\r\n\r\n")
	if diff := cmp.Diff(http.Header{"X-Sum": {"42"}}, got.Trailer); diff != "" || !strings.HasPrefix(answer, "HTTP/1.1 200 ") || got.Body != "x" {
		t.Errorf("%q, upstream saw %+v; trailers (-want +got):\n%s", answer, got, diff)
	}
	answer = raw(t, b, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sallyport-User\r\n\r\n1\r\nx\r\n0\r\nX-Sallyport-User: evil\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 200 ") || got.Body != "x" || len(got.Trailer) > 0 || got.Header["Trailer"] != nil {
		t.Errorf("%q, upstream saw %+v", answer, got)
	}
}

func TestAnswer(t *testing.T) { eachEngine(t, testAnswer) }

func testAnswer(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		h.Set("Keep-Alive", "x")
		h.Set("X-Request-Id", "theirs")
		h.Set("WWW-Authenticate", `Basic realm="theirs"`)
		h.Add("Set-Cookie", "a=1")
		h.Add("Set-Cookie", "b=2")
		h.Set("Content-Encoding", "gzip") // it is not; nobody may look
		h.Set("Trailer", "X-Sum")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "body of "+r.Method)
		h.Set("X-Sum", "42")
	})
	b := start(t, nil, &api.API{Name: "a", Path: "/", Upstream: up, Auth: named("none")})
	res, body := b.call(t, "GET", "/", nil)
	if res.StatusCode != 401 || body != "body of GET" || res.Trailer.Get("X-Sum") != "42" {
		t.Errorf("%d %q, trailer %v", res.StatusCode, body, res.Trailer)
	}
	if ids := res.Header["X-Request-Id"]; len(ids) != 1 || ids[0] == "theirs" {
		t.Errorf("ids %v", ids)
	}
	for name, want := range map[string][]string{
		"X-Hop": nil, "Keep-Alive": nil, "Www-Authenticate": {`Basic realm="theirs"`}, "Set-Cookie": {"a=1", "b=2"}, "Content-Encoding": {"gzip"},
	} {
		if diff := cmp.Diff(want, res.Header[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if res, body := b.call(t, "HEAD", "/", nil); res.StatusCode != 401 || body != "" {
		t.Errorf("HEAD: %d %q", res.StatusCode, body)
	}
}

func TestUpstreamFailures(t *testing.T) { eachEngine(t, testUpstreamFailures) }

func testUpstreamFailures(t *testing.T) {
	reset := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	})
	nonsense, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer nonsense.Close()
	go func() {
		for {
			conn, err := nonsense.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = bufio.NewReader(conn).ReadString('\n')
				_, _ = io.WriteString(conn, "SSH-2.0-nothing\r\n")
				conn.Close()
			}()
		}
	}()
	slow := make(chan struct{})
	b := start(t, func(c *gateway.Config) { c.Timeout = 20 * time.Millisecond },
		&api.API{Name: "down", Path: "/down", Upstream: "http://127.0.0.1:1", Auth: named("none")},
		&api.API{Name: "nobody", Path: "/nobody", Upstream: "http://name.invalid", Auth: named("none")},
		&api.API{Name: "reset", Path: "/reset", Upstream: reset, Auth: named("none")},
		&api.API{Name: "nonsense", Path: "/nonsense", Upstream: "http://" + nonsense.Addr().String(), Auth: named("none")},
		&api.API{Name: "slow", Path: "/slow", Upstream: upstream(t, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-slow:
			case <-r.Context().Done():
			}
		}), Auth: named("none")},
	)
	defer close(slow)
	for path, want := range map[string]struct {
		status int
		reason string
	}{
		"/down": {502, "upstream_failed"}, "/nobody": {502, "upstream_failed"}, "/reset": {502, "upstream_failed"},
		"/nonsense": {502, "upstream_failed"}, "/slow": {504, "upstream_timeout"},
	} {
		res, body := b.call(t, "POST", path+"?access_token=hush", strings.NewReader("x"))
		if res.StatusCode != want.status || !strings.Contains(body, want.reason) || strings.Contains(body, "127.0.0.1") {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
	}
	if strings.Contains(b.log.String(), "hush") {
		t.Errorf("the query is in the log: %s", b.log)
	}
}

func TestUpstreamBreaksOffInTheBody(t *testing.T) { eachEngine(t, testUpstreamBreaksOffInTheBody) }

func testUpstreamBreaksOffInTheBody(t *testing.T) {
	b := start(t, nil, &api.API{Name: "a", Path: "/", Auth: named("none"), Upstream: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})})
	res, err := http.Get(b.URL)
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("half an answer looks like a whole one")
	}
}

func TestClientGoesAway(t *testing.T) { eachEngine(t, testClientGoesAway) }

func testClientGoesAway(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan struct{})
	b := start(t, nil, &api.API{Name: "a", Path: "/", Auth: named("none"), Upstream: upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(left)
	})})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	r, _ := http.NewRequestWithContext(ctx, "GET", b.URL, nil)
	if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
		res.Body.Close()
		t.Error("an answer came")
	}
	<-left // hangs if the upstream is not told
	b.Server.Close()
	if want := []string{"default|a||"}; !slices.Equal(b.meter, want) || !strings.Contains(b.log.String(), "status=499") {
		t.Errorf("counted %q, log %s", b.meter, b.log)
	}
}

func TestBadBodyIsTheCallersFault(t *testing.T) { eachEngine(t, testBadBodyIsTheCallersFault) }

func testBadBodyIsTheCallersFault(t *testing.T) {
	b := start(t, nil, &api.API{Name: "a", Path: "/", Auth: named("none"), Upstream: upstream(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })})
	answer := raw(t, b, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 400 ") || !strings.Contains(answer, "request_malformed") {
		t.Errorf("%q", answer)
	}
}

func TestStream(t *testing.T) { eachEngine(t, testStream) }

func testStream(t *testing.T) {
	next := make(chan struct{})
	b := start(t, nil, &api.API{Name: "a", Path: "/", Auth: named("none"), Upstream: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			_, _ = io.WriteString(w, "data: x\n\n")
			w.(http.Flusher).Flush()
			<-next
		}
	})})
	res, err := http.Get(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	for range 3 { // each event is there before the next is made; otherwise this hangs
		if line, err := in.ReadString('\n'); err != nil || line != "data: x\n" {
			t.Fatalf("%q, %v", line, err)
		}
		_, _ = in.ReadString('\n')
		next <- struct{}{}
	}
}

func TestWebSocketPasses(t *testing.T) { eachEngine(t, testWebSocketPasses) }

func testWebSocketPasses(t *testing.T) {
	b := start(t, nil, &api.API{Name: "a", Path: "/", Upstream: upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Authorization") != "" || r.Header.Get("X-Sallyport-Client") != "c1" {
			t.Errorf("header %v", r.Header)
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(conn, "echo "+line)
	})})
	conn, err := net.Dial("tcp", b.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "websocket" {
		t.Fatalf("%+v, %v", res, err)
	}
	_, _ = io.WriteString(conn, "hello\n")
	if line, err := in.ReadString('\n'); line != "echo hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}

func TestNoOtherSwitchPasses(t *testing.T) { eachEngine(t, testNoOtherSwitchPasses) }

func testNoOtherSwitchPasses(t *testing.T) {
	var got seen
	b := start(t, nil, &api.API{Name: "a", Path: "/", Auth: named("none"), Upstream: upstream(t, record(&got))})
	raw(t, b, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n")
	if got.URI != "/" || got.Header["Upgrade"] != nil || got.Header["Connection"] != nil || got.Header["Http2-Settings"] != nil {
		t.Errorf("upstream saw %+v", got)
	}
}

func TestLoopEnds(t *testing.T) {
	b := start(t, nil)
	b.shelf.put(nil, &api.API{Name: "a", Path: "/", Auth: named("none"), Upstream: b.URL})
	b.hub.Publish(changeOf("a"))
	if res, body := b.call(t, "GET", "/", nil); res.StatusCode != 508 || !strings.Contains(body, "upstream_loop") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestManyCallers(t *testing.T) { eachEngine(t, testManyCallers) }

func testManyCallers(t *testing.T) {
	up := httptest.NewServer(demo.Handler(time.Now))
	defer up.Close()
	b := start(t, nil, &api.API{Name: "a", Path: "/", Upstream: up.URL, Scopes: []string{"read"}})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var callers sync.WaitGroup
	for i := range 64 {
		name, who := "good", `"X-Sallyport-Client": "c1"`
		if i%2 == 1 {
			name, who = "alone", `"X-Sallyport-Client": "c%252"`
		}
		callers.Go(func() {
			for range 20 {
				r, _ := http.NewRequest("POST", b.URL+"/"+name, strings.NewReader(strings.Repeat("x", 5000)))
				r.Header.Set("Authorization", "Bearer "+name)
				res, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), who) || !strings.Contains(string(body), "/"+name) {
					t.Errorf("%s: %d %s, %v", name, res.StatusCode, body, err)
					return
				}
			}
		})
	}
	callers.Wait()
}
