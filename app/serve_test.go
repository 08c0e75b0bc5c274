package app_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/app"
	"sallyport/app/apptest"
	"sallyport/realm"
)

// A serving is an app with its real listeners.
type serving struct {
	addr string
	stop context.CancelFunc
	done chan error
}

// serve starts an app with its own listeners; the test ends it at the latest.
func serve(t *testing.T, c app.Config, yaml string) *serving {
	t.Helper()
	a, err := app.Build(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Apply(context.Background(), "test.yaml", []byte(yaml)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &serving{stop: stop, done: make(chan error, 1)}
	ready := make(chan string, 1)
	go func() {
		err := a.Serve(ctx, func(addr string) { ready <- addr })
		if closing := a.Close(); err == nil {
			err = closing
		}
		s.done <- err
		close(s.done)
	}()
	select {
	case s.addr = <-ready:
	case err := <-s.done:
		t.Fatalf("serve: %v", err)
	}
	t.Cleanup(func() {
		stop()
		for range s.done { // wait for its end
		}
	})
	return s
}

func quiet(t *testing.T) app.Config {
	c := app.Defaults()
	c.Listen, c.Data, c.Log = "127.0.0.1:0", t.TempDir(), slog.New(slog.DiscardHandler)
	return c
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestDrainLetsRequestsFinish(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		fmt.Fprint(w, "done")
	}))
	t.Cleanup(upstream.Close)
	c := quiet(t)
	c.DrainDelay = realm.Duration(500 * time.Millisecond)
	s := serve(t, c, "realm: default\napis: [{name: slow, path: /slow, auth: [none], upstream: '"+upstream.URL+"'}]")

	answers := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + s.addr + "/slow")
		if err != nil {
			answers <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answers <- string(body)
	}()
	<-arrived
	if status, _ := get(t, "http://"+s.addr+"/readyz"); status != http.StatusOK {
		t.Fatalf("readyz before the drain: %d", status)
	}
	s.stop()
	unready := false
	for range 200 { // while the listeners are still open
		response, err := http.Get("http://" + s.addr + "/readyz")
		if err != nil {
			break
		}
		response.Body.Close()
		if unready = response.StatusCode == http.StatusServiceUnavailable; unready {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if !unready {
		t.Error("/readyz never said that the server is draining")
	}
	close(release)
	if got := <-answers; got != "done" {
		t.Errorf("the request under way was answered %q", got)
	}
	if err := <-s.done; err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

func TestDrainHasAnEnd(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(arrived); <-release }))
	t.Cleanup(func() { close(release); upstream.Close() })
	c := quiet(t)
	c.DrainTimeout = realm.Duration(50 * time.Millisecond)
	s := serve(t, c, "realm: default\napis: [{name: slow, path: /slow, auth: [none], upstream: '"+upstream.URL+"'}]")
	go func() {
		if response, err := http.Get("http://" + s.addr + "/slow"); err == nil {
			response.Body.Close()
		}
	}()
	<-arrived
	s.stop()
	if err := <-s.done; err == nil || !strings.Contains(err.Error(), "drain_timeout") {
		t.Errorf("serve ended with %v", err)
	}
}

func TestHalfSentRequests(t *testing.T) {
	c := quiet(t)
	c.ReadTimeout, c.ReadHeaderTimeout = realm.Duration(200*time.Millisecond), realm.Duration(200*time.Millisecond)
	s := serve(t, c, "realm: default\ndialects: [digirunner, ddi, kustvakt]")
	for _, path := range []string{"/token", "/oauth/token", "/oauth2/token/", "/api/oauth2/token"} {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant_type=", path)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: half a body: %v", path, err)
		} else if response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: half a body: %d", path, response.StatusCode)
		}
		conn.Close()
	}
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /token HTTP/1.1\r\nHost: x\r\nX-Half: ")
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("half a head: the connection was not closed: %v", err)
	}
	if status, _ := get(t, "http://"+s.addr+"/healthz"); status != http.StatusOK {
		t.Errorf("the server did not survive: %d", status)
	}
}

func TestListenersOfTheirOwn(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "upstream") }))
	t.Cleanup(upstream.Close)
	c := quiet(t)
	c.GatewayListen, c.AdminListen, c.MetricsListen = freeAddress(t), freeAddress(t), freeAddress(t)
	s := serve(t, c, "realm: default\napis: [{name: open, path: /open, auth: [none], upstream: '"+upstream.URL+"'}]")
	for _, want := range []struct {
		addr, path string
		status     int
		body       string
	}{
		{s.addr, "/jwks", 200, "keys"},
		{s.addr, "/open", 404, ""},
		{s.addr, "/metrics", 404, ""},
		{c.GatewayListen, "/open", 200, "upstream"},
		{c.GatewayListen, "/jwks", 404, ""},
		{c.GatewayListen, "/readyz", 200, "ready"},
		{c.AdminListen, "/healthz", 200, "ok"},
		{c.AdminListen, "/metrics", 200, `sallyport_http_requests_total{class="2xx",face="authserver"} 1`},
		{c.MetricsListen, "/metrics", 200, `sallyport_gateway_calls_total{api="open",class="2xx",realm="default"} 1`},
		{c.MetricsListen, "/healthz", 404, ""},
		{c.AdminListen, "/jwks", 404, ""},
	} {
		status, body := get(t, "http://"+want.addr+want.path)
		if status != want.status || !strings.Contains(body, want.body) {
			t.Errorf("%s%s: %d, want %d with %q:\n%.2000s", want.addr, want.path, status, want.status, want.body, body)
		}
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	clock := &apptest.Clock{}
	c := quiet(t)
	c.Now = clock.Now
	c.TLSCert, c.TLSKey = filepath.Join(c.Data, "cert.pem"), filepath.Join(c.Data, "key.pem")
	writeCertificate(t, c, 1)
	s := serve(t, c, "realm: default")
	serial := func() int64 {
		t.Helper()
		// The test looks at the certificate and does not want to trust it.
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true} //nolint:gosec
		defer transport.CloseIdleConnections()
		response, err := (&http.Client{Transport: transport}).Get("https://" + s.addr + "/.well-known/oauth-authorization-server")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		if response.ProtoMajor != 2 || !strings.Contains(string(body), `"issuer":"https://`+s.addr+`"`) {
			t.Errorf("%s %s", response.Proto, body)
		}
		return response.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Fatalf("serial %d", got)
	}
	writeCertificate(t, c, 2)
	future := time.Now().Add(time.Hour)
	if err := os.Chtimes(c.TLSCert, future, future); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	if got := serial(); got != 2 {
		t.Errorf("after the change: serial %d", got)
	}
	if err := os.WriteFile(c.TLSCert, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	if got := serial(); got != 2 {
		t.Errorf("after a broken change: serial %d", got)
	}
}

func writeCertificate(t *testing.T, c app.Config, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{c.TLSCert: {Type: "CERTIFICATE", Bytes: der}, c.TLSKey: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
