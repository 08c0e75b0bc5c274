//go:build clients

package clients_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// people and what they may be told, for every test in which somebody signs in.
const peopleYAML = `
scopes:
  - {name: openid}
  - {name: profile}
  - {name: email}
  - {name: offline_access}
  - {name: read, description: Read your orders}
users:
  - name: dory
    password: the sea is wide
    alias: Dory Sample
    email: dory@example.org
    email_verified: true
    profile: {given_name: Dory, family_name: Sample, locale: en-GB, zoneinfo: Europe/Berlin}
  - {name: nemo, password: the reef is near, alias: Nemo Sample, email: nemo@example.org}
`

// A provider is the real program as an OpenID Provider, over TLS, at https://localhost:port.
type provider struct {
	url  string
	ca   string // PEM file of the authority that its certificate is from
	data string
	key  string // of the certificate, PEM file
	pin  string // SHA-256 of the certificate's public key, in Base64: what the browser is told to believe
}

// provide starts a provider of the realm that a deployment file describes. It ends with the test.
func provide(t *testing.T, yaml string, flags ...string) *provider {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "deployment.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freePort(t)
	p := &provider{
		url: "https://" + localhost(addr), data: filepath.Join(dir, "data"),
		ca: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"),
	}
	writeCertificate(t, p.ca, p.key)
	p.pin = pinOf(t, p.ca)
	run(t, binary, "apply", "-f", file, "--data", p.data)
	start(t, addr, binary, append([]string{
		"serve", "--data", p.data, "--public-url", p.url, "--listen", addr, "--tls-cert", p.ca, "--tls-key", p.key,
		"--fetch-networks", "127.0.0.0/8,::1/128", "--fetch-ca", p.ca,
	}, flags...)...)
	return p
}

// localhost names an address on this machine as a browser wants it: an address is no name for a passkey.
func localhost(addr string) string { return strings.Replace(addr, "127.0.0.1", "localhost", 1) }

func pinOf(t *testing.T, file string) string {
	t.Helper()
	sum := sha256.Sum256(certificateIn(t, file).RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func certificateIn(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s holds no PEM block", file)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// client returns an HTTP client that believes the provider.
func (p *provider) client(t *testing.T) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(certificateIn(t, p.ca))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// receive listens where a client's redirect URIs lead, and hands on what arrives: one address for each visit. If it is told a
// provider, it has its certificate.
func receive(t *testing.T, op ...*provider) (base string, arrived chan *http.Request) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived = make(chan *http.Request, 16)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/favicon.ico" {
			http.NotFound(w, r)
			return
		}
		_ = r.ParseForm() // what does not parse is not there
		arrived <- r
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>arrived</title><h1>arrived</h1>"))
	})}
	t.Cleanup(func() { _ = s.Close() }) // ends Serve
	if len(op) > 0 {
		go func() { _ = s.ServeTLS(l, op[0].ca, op[0].key) }()
		return "https://" + l.Addr().String(), arrived
	}
	go func() { _ = s.Serve(l) }()
	return "http://" + l.Addr().String(), arrived
}
