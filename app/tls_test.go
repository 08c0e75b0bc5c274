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
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/app"
	"sallyport/app/apptest"
)

// An authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert, a.key = a.make(t, template, nil)
	return a
}

func (a *authority) make(t *testing.T, template *x509.Certificate, parent *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, by := key, template
	if parent != nil {
		signer, by = parent.key, parent.cert
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// client returns a certificate for a client.
func (a *authority) client(t *testing.T, name string) tls.Certificate {
	t.Helper()
	cert, key := a.make(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func replaceFile(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// over calls the server once, on a connection of its own, with a client certificate.
func over(addr string, certs ...tls.Certificate) (int, error) {
	// The server's own certificate is not what these tests are about.
	c := &tls.Config{InsecureSkipVerify: true, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { //nolint:gosec
		if len(certs) == 0 {
			return &tls.Certificate{}, nil
		}
		return &certs[0], nil // also if the server does not name its authority
	}}
	transport := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("https://" + addr + "/healthz")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

func TestClientAuthorities(t *testing.T) {
	clock := &apptest.Clock{}
	c := quiet(t)
	c.Now = clock.Now
	c.TLSCert, c.TLSKey, c.TLSClientCA = filepath.Join(c.Data, "cert.pem"), filepath.Join(c.Data, "key.pem"), filepath.Join(c.Data, "clients.pem")
	writeCertificate(t, c, 1)
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	replaceFile(t, c.TLSClientCA, first.pem())
	s := serve(t, c, "realm: default")

	expect := func(when string, ofFirst, ofSecond bool) {
		t.Helper()
		for _, try := range []struct {
			name  string
			certs []tls.Certificate
			want  bool
		}{
			{"none", nil, true},
			{"of the first", []tls.Certificate{first.client(t, "a")}, ofFirst},
			{"of the second", []tls.Certificate{second.client(t, "a")}, ofSecond},
		} {
			status, err := over(s.addr, try.certs...)
			if got := err == nil && status == http.StatusOK; got != try.want {
				t.Errorf("%s, a certificate %s: %d %v", when, try.name, status, err)
			}
		}
	}
	expect("at first", true, false)
	replaceFile(t, c.TLSClientCA, append(second.pem(), "# a remark\n"...))
	clock.Advance(time.Minute)
	expect("after the change", false, true)
	replaceFile(t, c.TLSClientCA, []byte("garbage"))
	clock.Advance(time.Minute)
	expect("after a broken change", false, true)
	if err := os.Remove(c.TLSClientCA); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	expect("when the file is gone", false, true)
}

func TestCertificateGoneWhileServing(t *testing.T) {
	clock := &apptest.Clock{}
	var log syncBuffer
	c := quiet(t)
	c.Now, c.Log = clock.Now, slog.New(slog.NewTextHandler(&log, nil))
	c.TLSCert, c.TLSKey = filepath.Join(c.Data, "cert.pem"), filepath.Join(c.Data, "key.pem")
	writeCertificate(t, c, 1)
	s := serve(t, c, "realm: default")
	for _, file := range []string{c.TLSCert, c.TLSKey} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			clock.Advance(time.Minute)
			if status, err := over(s.addr); err != nil || status != http.StatusOK {
				t.Errorf("without %s: %d %v", filepath.Base(file), status, err)
			}
		}
	}
	if n := strings.Count(log.String(), "cannot be read; the old one stays in use"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
	writeCertificate(t, c, 2)
	clock.Advance(time.Minute)
	if status, err := over(s.addr); err != nil || status != http.StatusOK || !strings.Contains(log.String(), "was read again") {
		t.Errorf("when it is back: %d %v\n%s", status, err, log.String())
	}
}

func TestCertificateEndsSoon(t *testing.T) {
	for _, tt := range []struct {
		left time.Duration
		want string
	}{
		{13 * 24 * time.Hour, "level=WARN msg=\"the TLS certificate ends soon\""},
		{-time.Hour, "level=ERROR msg=\"the TLS certificate has ended"},
		{20 * 24 * time.Hour, ""},
	} {
		clock := &apptest.Clock{}
		clock.Advance(time.Hour - tt.left) // the certificate of these tests is good for an hour
		var log syncBuffer
		c := quiet(t)
		c.Now, c.Log, c.MetricsListen = clock.Now, slog.New(slog.NewTextHandler(&log, nil)), freeAddress(t)
		c.TLSCert, c.TLSKey = filepath.Join(c.Data, "cert.pem"), filepath.Join(c.Data, "key.pem")
		writeCertificate(t, c, 1)
		serve(t, c, "realm: default")
		end := time.Now().Add(time.Hour).Unix()
		_, page := get(t, "http://"+c.MetricsListen+"/metrics")
		var got float64
		for line := range strings.Lines(page) {
			_, _ = fmt.Sscanf(line, "sallyport_tls_certificate_not_after_seconds %g", &got)
		}
		if got < float64(end-120) || got > float64(end+1) {
			t.Errorf("%v: the metric says %v, want about %d", tt.left, got, end)
		}
		told := func() bool { return strings.Contains(log.String(), "the TLS certificate") }
		for range 100 { // the first look is at the start, in the background
			if told() {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if tt.want == "" && told() || !strings.Contains(log.String(), tt.want) {
			t.Errorf("%v left:\n%s", tt.left, log.String())
		}
	}
}

func TestHTTP2WithoutTLS(t *testing.T) {
	s := serve(t, quiet(t), "realm: default")
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get("http://" + s.addr + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.ProtoMajor != 2 || response.StatusCode != http.StatusOK {
		t.Errorf("%s %d", response.Proto, response.StatusCode)
	}
}

// A connection that changes over to HTTP/2 would carry requests that a proxy before us has not seen.
func TestUpgradeToHTTP2IsNotHeeded(t *testing.T) {
	s := serve(t, quiet(t), "realm: default")
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusOK || response.ProtoMajor != 1 {
		t.Errorf("%+v %v", response, err)
	}
}

func TestTLSSettings(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	replaceFile(t, empty, nil)
	for _, tt := range []struct {
		change func(*app.Config)
		want   string
	}{
		{func(c *app.Config) { c.TLSCert, c.TLSKey = empty, empty }, "tls_cert, tls_key: "},
		{func(c *app.Config) { c.TLSClientCA = empty }, "tls_client_ca: there is no certificate in it"},
		{func(c *app.Config) { c.TLSClientCA = filepath.Join(dir, "absent") }, "tls_client_ca: open "},
		{func(c *app.Config) { c.TLSClientCA, c.TLSCert, c.TLSKey = empty, "", "" }, "tls_client_ca: is set without TLS"},
		{func(c *app.Config) { c.AccessLogFormat = "common" }, "access_log_format: \"common\" is not a form; use log, json or combined"},
	} {
		c := quiet(t)
		c.TLSCert, c.TLSKey = filepath.Join(c.Data, "cert.pem"), filepath.Join(c.Data, "key.pem")
		writeCertificate(t, c, 1)
		tt.change(&c)
		a, err := app.Build(t.Context(), c)
		if err == nil {
			stopped, stop := context.WithCancel(t.Context())
			stop() // where the settings are taken by mistake, the server ends at once
			err = a.Serve(stopped, nil)
			_ = a.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}
