package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/app"
	"sallyport/store"
	"sallyport/store/postgres/pgtest"
)

func portOf(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// serialAt is the number of the certificate that a name's server shows, "" if it shows none that the roots vouch for.
func serialAt(addr, name string, roots *x509.CertPool) string {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", addr, &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return ""
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func logged(t *testing.T, c *app.Config) *syncBuffer {
	t.Helper()
	log := &syncBuffer{}
	c.Log = slog.New(slog.NewTextHandler(log, nil))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return log
}

// A certificate is obtained by the listener that it is for, kept sealed, and there again after a restart without anybody
// being asked.
func TestACME(t *testing.T) {
	t.Parallel()
	c := quiet(t)
	log := logged(t, &c)
	c.Listen, c.MetricsListen = freeAddress(t), freeAddress(t)
	p := startPebble(t, portOf(t, c.Listen), "1")
	p.use(&c, "auth.example.org", "API.example.org.")
	s := serve(t, c, "realm: default")
	roots := p.roots(t)
	serials := map[string]string{}
	within(t, 60*time.Second, "both names have certificates", func() bool {
		for _, name := range []string{"auth.example.org", "api.example.org"} {
			serials[name] = serialAt(s.addr, name, roots)
		}
		return serials["auth.example.org"] != "" && serials["api.example.org"] != ""
	})
	if n := strings.Count(log.String(), "a certificate was obtained"); n != 2 || p.issued() != 2 {
		t.Errorf("%d certificates logged, %d issued", n, p.issued())
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "auth.example.org"}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get("https://" + s.addr + "/.well-known/oauth-authorization-server")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.ProtoMajor != 2 || !strings.Contains(string(body), `"issuer":"https://auth.example.org"`) {
		t.Errorf("%s %s %v", response.Proto, body, err)
	}
	if _, page := get(t, "http://"+c.MetricsListen+"/metrics"); !strings.Contains(page, "\nsallyport_tls_certificate_not_after_seconds 1.") {
		t.Error("the metric does not say when the certificates end")
	}
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	for _, file := range []string{"sallyport.db", "sallyport.db-wal"} {
		if data, err := os.ReadFile(filepath.Join(c.Data, file)); err == nil && bytes.Contains(data, []byte("PRIVATE KEY")) {
			t.Errorf("%s holds a private key in the clear", file)
		}
	}

	p.stop()
	s = serve(t, c, "realm: default")
	within(t, 20*time.Second, "the certificates are there after a restart", func() bool {
		return serialAt(s.addr, "auth.example.org", roots) == serials["auth.example.org"] &&
			serialAt(s.addr, "api.example.org", roots) == serials["api.example.org"]
	})
}

// Where port 443 cannot be reached from outside, the listener without TLS does. What else it is asked for it serves
// nobody.
func TestACMEWithoutTLS(t *testing.T) {
	t.Parallel()
	c := quiet(t)
	logged(t, &c)
	c.Listen, c.ACMEHTTPListen = freeAddress(t), freeAddress(t)
	p := startPebble(t, portOf(t, freeAddress(t)), portOf(t, c.ACMEHTTPListen))
	p.use(&c, "plain.example.org")
	s := serve(t, c, "realm: default")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, tt := range []struct {
		method, path, host, authorization string
		status                            int
		location                          string
	}{
		{"GET", "/jwks?a=%2f", "plain.example.org", "", 308, "https://plain.example.org/jwks?a=%2f"},
		{"GET", "/jwks", "PLAIN.example.org:80", "", 308, "https://plain.example.org/jwks"},
		{"GET", "/jwks", "evil.example.org", "", 403, ""},
		{"GET", "/orders", "plain.example.org", "Bearer x", 403, ""},
		{"POST", "/token", "plain.example.org", "", 403, ""},
		{"GET", "/.well-known/acme-challenge/unknown", "evil.example.org", "", 403, ""},
	} {
		r, err := http.NewRequest(tt.method, "http://"+c.ACMEHTTPListen+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Host = tt.host; tt.authorization != "" {
			r.Header.Set("Authorization", tt.authorization)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != tt.status || response.Header.Get("Location") != tt.location {
			t.Errorf("%s %s%s: %d %q", tt.method, tt.host, tt.path, response.StatusCode, response.Header.Get("Location"))
		}
	}
	roots := p.roots(t)
	within(t, 60*time.Second, "the name has a certificate", func() bool { return serialAt(s.addr, "plain.example.org", roots) != "" })
}

// Of two servers one obtains the certificate, and both show it. The authority looks at one of them, whichever asked.
func TestACMEOfACluster(t *testing.T) {
	t.Parallel()
	database, data, addrs := pgtest.Start(t), t.TempDir(), []string{freeAddress(t), freeAddress(t)}
	p := startPebble(t, portOf(t, addrs[0]), "1")
	s, err := store.Open(t.Context(), store.Options{URL: database})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const lock = "issue_cert_auth.example.org" // held until both are there
	if locked, err := s.LockACME(t.Context(), lock, "test", time.Now(), time.Now().Add(time.Minute)); err != nil || !locked {
		t.Fatal(locked, err)
	}
	var log syncBuffer
	for _, addr := range addrs {
		cmd := exec.Command(os.Args[0], "serve", "--database", database, "--data", data, "--listen", addr, "--admin-socket", filepath.Join(shortDir(t), "s"),
			"--acme-domains", "auth.example.org", "--acme-directory", p.directory, "--acme-ca-root", p.rootFile, "--log-level", "debug")
		cmd.Env = append(os.Environ(), runAsSallyport+"=1")
		cmd.Stdout, cmd.Stderr = &log, &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		within(t, 30*time.Second, "a server listens", func() bool {
			conn, err := net.Dial("tcp", addr)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
	}
	if held, err := s.UnlockACME(t.Context(), lock, "test"); err != nil || !held {
		t.Fatal(held, err)
	}
	roots := p.roots(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.String())
		}
	})
	within(t, 60*time.Second, "both servers have the certificate", func() bool {
		serial := serialAt(addrs[0], "auth.example.org", roots)
		return serial != "" && serial == serialAt(addrs[1], "auth.example.org", roots)
	})
	if n := p.issued(); n != 1 {
		t.Errorf("%d certificates were issued", n)
	}
}

func TestACMESettings(t *testing.T) {
	for _, tt := range []struct {
		change func(*app.Config)
		want   string
	}{
		{func(c *app.Config) { c.ACMEDomains = []string{"*.example.org"} }, `acme_domains: "*.example.org" is no name`},
		{func(c *app.Config) { c.ACMEDomains = []string{"192.0.2.1"} }, `acme_domains: "192.0.2.1" is no name`},
		{func(c *app.Config) { c.ACMEDomains = []string{"localhost"} }, `acme_domains: "localhost" is no name`},
		{func(c *app.Config) { c.ACMEDomains = []string{"a.example.org/x"} }, `acme_domains: "a.example.org/x" is no name`},
		{func(c *app.Config) { c.ACMEDirectory = "http://ca.example.org" }, "acme_directory: it is not an https URL"},
		{func(c *app.Config) { c.ACMECARoot = "absent.pem" }, "acme_ca_root: open absent.pem"},
		{func(c *app.Config) { c.TLSCert, c.TLSKey = "a", "b" }, "acme_domains, tls_cert: both are set"},
		{func(c *app.Config) { c.ACMEDomains, c.ACMEHTTPListen = nil, ":80" }, "acme_domains: is empty"},
	} {
		c := quiet(t)
		c.ACMEDomains, c.ACMEDirectory = []string{"auth.example.org"}, "https://"+freeAddress(t)
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
