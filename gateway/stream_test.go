package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/realm"
)

// wire serves each connection by a function, for answers that no library gives.
func wire(t *testing.T, serve func(in *bufio.Reader, conn *net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(bufio.NewReader(conn), conn.(*net.TCPConn))
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// open is an API without a credential.
func open(upstream string) *api.API {
	return &api.API{Name: "a", Path: "/", Upstream: upstream, Auth: named("none")}
}

func TestTrailersOfAnAnswer(t *testing.T) { eachEngine(t, testTrailersOfAnAnswer) }

func testTrailersOfAnAnswer(t *testing.T) {
	b := start(t, nil, open(upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/announced" {
			w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		}
		_, _ = io.WriteString(w, "short")
		_ = http.NewResponseController(w).Flush()
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "5")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", "no")
	})))
	for _, path := range []string{"/announced", "/not"} {
		res, body := b.call(t, "GET", path, nil)
		if diff := cmp.Diff(http.Header{"Grpc-Status": {"5"}, "Grpc-Message": {"no"}}, res.Trailer); diff != "" || body != "short" {
			t.Errorf("%s: %q, trailers (-want +got):\n%s", path, body, diff)
		}
	}
}

// HTTP/2 without TLS upstream, and on the way there: calls that go on in both directions, with trailers.
func TestHTTP2(t *testing.T) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" {
			t.Errorf("upstream got %s, header %v", r.Proto, r.Header)
		}
		w.Header().Set("Trailer", "Grpc-Status")
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		in := bufio.NewReader(r.Body)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				break
			}
			_, _ = io.WriteString(w, "echo "+line)
			_ = http.NewResponseController(w).Flush()
		}
		w.Header().Set("Grpc-Status", "0")
	}))
	up.Config.Protocols = new(http.Protocols)
	up.Config.Protocols.SetUnencryptedHTTP2(true)
	up.Start()
	t.Cleanup(up.Close)
	a := open(up.URL)
	a.HTTP2 = true
	b := start(t, nil, a)
	front := httptest.NewUnstartedServer(b.Config.Handler)
	front.Config.Protocols = new(http.Protocols)
	front.Config.Protocols.SetUnencryptedHTTP2(true)
	front.Start()
	t.Cleanup(front.Close)
	transport := &http.Transport{Protocols: front.Config.Protocols}
	defer transport.CloseIdleConnections()

	body, send := io.Pipe()
	r, _ := http.NewRequest("POST", front.URL+"/svc/Method", body)
	r.Header.Set("TE", "trailers")
	res, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	for _, word := range []string{"one\n", "two\n", "three\n"} { // each answer before the next question; otherwise this hangs
		_, _ = io.WriteString(send, word)
		if line, err := in.ReadString('\n'); line != "echo "+word {
			t.Fatalf("%q, %v", line, err)
		}
	}
	_ = send.Close()
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil || res.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("%q, %v, trailers %v", rest, err, res.Trailer)
	}
}

// HTTP/2 names the host in a pseudo-header. A Host field that says otherwise, or twice, is refused.
func TestTwoHosts(t *testing.T) {
	b := start(t, nil, open("http://127.0.0.1:1"))
	for _, hosts := range [][]string{{"b.example"}, {"a.example", "a.example"}} {
		r := httptest.NewRequest("GET", "http://a.example/", nil)
		r.Header["Host"] = hosts
		w := httptest.NewRecorder()
		b.Config.Handler.ServeHTTP(w, r)
		if w.Code != 400 || !strings.Contains(w.Body.String(), "request_refused") {
			t.Errorf("%q: %d %s", hosts, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest("POST", "http://a.example/", strings.NewReader("x"))
	r.TransferEncoding, r.Header["Content-Length"] = []string{"chunked"}, []string{"1"}
	w := httptest.NewRecorder()
	b.Config.Handler.ServeHTTP(w, r.WithContext(realm.NewContext(r.Context(), &realm.Realm{Name: "default"})))
	if w.Code != 400 || !strings.Contains(w.Body.String(), "request_refused") || w.Header().Get("Connection") != "close" {
		t.Errorf("a length and a coding: %d %s", w.Code, w.Body)
	}
}

func TestEarlyHints(t *testing.T) { eachEngine(t, testEarlyHints) }

func testEarlyHints(t *testing.T) {
	b := start(t, nil, open(wire(t, func(in *bufio.Reader, conn *net.TCPConn) {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x-hop\r\n\r\n"+
			"HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\n"+
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nok")
	})))
	var hints []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, h.Get("Link"))
		if code != 103 || len(h) != 1 {
			t.Errorf("%d %v", code, h)
		}
		return nil
	}}
	r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", b.URL+"/x", nil)
	res, err := b.transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	want := []string{"</a.css>; rel=preload", "</b.css>; rel=preload"}
	if diff := cmp.Diff(want, hints); diff != "" || string(body) != "ok" || res.Header["Link"] != nil || res.Header.Get("X-Request-Id") == "" {
		t.Errorf("%q, header %v, hints (-want +got):\n%s", body, res.Header, diff)
	}
	if answer := raw(t, b, "GET /x HTTP/1.0\r\n\r\n"); strings.Contains(answer, "103") || !strings.HasPrefix(answer, "HTTP/1.0 200 ") {
		t.Errorf("HTTP/1.0: %q", answer)
	}
}

// The upstream decides whether a body is sent that the caller asks about (RFC 9110 section 10.1.1).
func TestExpectContinue(t *testing.T) { eachEngine(t, testExpectContinue) }

func testExpectContinue(t *testing.T) {
	b := start(t, nil, open(upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "100-continue" {
			t.Errorf("header %v", r.Header)
		}
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})))
	for path, want := range map[string]string{"/yes": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ", "/no": "HTTP/1.1 417 "} {
		conn, err := net.Dial("tcp", b.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
		in := bufio.NewReader(conn)
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, " 100 ") {
			_, _ = io.WriteString(conn, "body")
		}
		rest, _ := io.ReadAll(in)
		if answer := line + string(rest); !strings.HasPrefix(answer, want) {
			t.Errorf("%s: %q", path, answer)
		}
	}
}

// An upstream may refuse a large body before it is there. The caller learns it, and what it goes on sending is not taken
// for another request.
func TestEarlyAnswer(t *testing.T) { eachEngine(t, testEarlyAnswer) }

func testEarlyAnswer(t *testing.T) {
	b := start(t, nil, open(wire(t, func(in *bufio.Reader, conn *net.TCPConn) {
		for {
			line, err := in.ReadString('\n')
			if err != nil || line == "\r\n" {
				break
			}
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
		_ = conn.CloseWrite()
		_, _ = io.Copy(io.Discard, in)
	})))
	conn, err := net.Dial("tcp", b.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 413 || !res.Close {
		t.Fatalf("%+v, %v", res, err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != "big" {
		t.Errorf("%q", body)
	}
	// The connection ends, although the body has not.
	if rest, err := io.ReadAll(conn); len(rest) > 0 || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%q, %v", rest, err)
	}
}

// An answer may begin before the request has ended, and both go on.
func TestBothDirectionsAtOnce(t *testing.T) { eachEngine(t, testBothDirectionsAtOnce) }

func testBothDirectionsAtOnce(t *testing.T) {
	b := start(t, nil, open(upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		in := bufio.NewReader(r.Body)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(w, "echo "+line)
			_ = http.NewResponseController(w).Flush()
		}
	})))
	body, send := io.Pipe()
	r, _ := http.NewRequest("POST", b.URL, body)
	res, err := b.transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	for _, word := range []string{"one\n", "two\n", "three\n"} {
		_, _ = io.WriteString(send, word)
		if line, err := in.ReadString('\n'); line != "echo "+word {
			t.Fatalf("%q, %v", line, err)
		}
	}
	_ = send.Close()
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

// Large bodies pass both ways, unchanged.
func TestLargeBodies(t *testing.T) { eachEngine(t, testLargeBodies) }

func testLargeBodies(t *testing.T) {
	b := start(t, nil, open(upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", r.Header.Get("X-Length"))
		}
		_, _ = io.Copy(w, r.Body)
	})))
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	for _, path := range []string{"/length", "/chunks"} {
		for _, body := range []io.Reader{bytes.NewReader(data), io.MultiReader(bytes.NewReader(data))} {
			res, got := b.call(t, "POST", path, body, "X-Length", "1048576")
			if res.StatusCode != 200 || sha256.Sum256([]byte(got)) != sha256.Sum256(data) {
				t.Errorf("%s: %d, %d bytes", path, res.StatusCode, len(got))
			}
		}
	}
}

func TestHead(t *testing.T) { eachEngine(t, testHead) }

func testHead(t *testing.T) {
	b := start(t, nil, open(upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.Header().Set("Content-Type", "text/plain")
	})))
	for range 3 { // on one connection, so that a body that is not there would show
		res, body := b.call(t, "HEAD", "/x", nil)
		if res.StatusCode != 200 || res.ContentLength != 1000000 || body != "" {
			t.Errorf("%d, length %d, %q", res.StatusCode, res.ContentLength, body)
		}
	}
}

// Nothing is made up that the upstream did not say.
func TestNoTypeIsGuessed(t *testing.T) {
	b := start(t, nil, open(wire(t, func(in *bufio.Reader, conn *net.TCPConn) {
		if _, err := http.ReadRequest(in); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")
		}
	})))
	if res, body := b.call(t, "GET", "/", nil); res.Header["Content-Type"] != nil || body != "<html>" {
		t.Errorf("%q %v", body, res.Header)
	}
}
