package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"sallyport/app"
)

// A pebble is Let's Encrypt's test authority, as a process of its own.
type pebble struct {
	directory string
	rootFile  string // of the certificate of the directory
	manage    string // URL of its management
	client    *http.Client
	log       *syncBuffer
	process   *exec.Cmd
}

// startPebble starts an authority that looks for names at 127.0.0.1: with TLS at one port, without at another.
func startPebble(t *testing.T, tlsPort, plainPort string) *pebble {
	t.Helper()
	binary := pebbleBinary(t)
	dir := t.TempDir()
	ca := newAuthority(t, "directory")
	cert, key := ca.make(t, &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "pebble"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}, ca)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p := &pebble{rootFile: filepath.Join(dir, "root.pem"), log: &syncBuffer{}}
	replaceFile(t, p.rootFile, ca.pem())
	replaceFile(t, filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	replaceFile(t, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	at, manage := freeAddress(t), freeAddress(t)
	var ports [2]int
	for i, text := range []string{tlsPort, plainPort} {
		if _, err := fmt.Sscan(text, &ports[i]); err != nil {
			t.Fatal(err)
		}
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": at, "managementListenAddress": manage,
		"certificate": filepath.Join(dir, "cert.pem"), "privateKey": filepath.Join(dir, "key.pem"),
		"tlsPort": ports[0], "httpPort": ports[1], "retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "config.json")
	replaceFile(t, file, config)
	p.process = exec.Command(binary, "-config", file, "-dnsserver", startNames(t))
	p.process.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	p.process.Stdout, p.process.Stderr = p.log, p.log
	if err := p.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	p.directory, p.manage = "https://"+at+"/dir", "https://"+manage
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	p.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	within(t, 20*time.Second, "the authority answers", func() bool {
		response, err := p.client.Get(p.directory)
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
	return p
}

// pebbleBinary builds the authority.
func pebbleBinary(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("go", "tool", "-modfile=tools/go.mod", "-n", "pebble")
	cmd.Dir = repoRoot(t)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		if os.Getenv("CI") == "" {
			t.Skipf("the test authority cannot be built: %v\n%s", err, errs.String())
		}
		t.Fatalf("the test authority cannot be built: %v\n%s", err, errs.String())
	}
	return strings.TrimSpace(string(out))
}

func (p *pebble) stop() {
	_ = p.process.Process.Kill()
	_, _ = p.process.Process.Wait()
}

// roots are what the authority's certificates are checked with.
func (p *pebble) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	response, err := p.client.Get(p.manage + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%v: %s", err, text)
	}
	return pool
}

// issued is how many certificates the authority has issued.
func (p *pebble) issued() int { return strings.Count(p.log.String(), "Issued certificate serial") }

// use has a server get its certificates here.
func (p *pebble) use(c *app.Config, names ...string) {
	c.ACMEDomains, c.ACMEDirectory, c.ACMECARoot, c.ACMEEmail = names, p.directory, p.rootFile, "admin@example.org"
}

// startNames starts a name server for which every name is 127.0.0.1. Pebble asks by TCP (RFC 1035 section 4.2.2).
func startNames(t *testing.T) (addr string) {
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
				for {
					var length [2]byte
					if _, err := io.ReadFull(conn, length[:]); err != nil {
						return
					}
					question := make([]byte, binary.BigEndian.Uint16(length[:]))
					if _, err := io.ReadFull(conn, question); err != nil {
						return
					}
					answer := nameAnswer(question)
					_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
				}
			}()
		}
	}()
	return l.Addr().String()
}

func nameAnswer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}

func within(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}
