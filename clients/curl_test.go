//go:build clients

package clients_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const clientYAML = `realm: default
scopes: [{name: read}]
clients:
  - {id: shop, secret: shop-secret-1, grants: [client_credentials], scopes: [read]}
apis:
`

func TestCurl(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s client=%s auth=%q body=%s", r.Method, r.URL.RequestURI(), r.Header.Get("X-Sallyport-Client"), r.Header.Get("Authorization"), body)
	}))
	defer upstream.Close()
	s := serve(t, clientYAML+`  - {name: orders, path: /orders, upstream: `+upstream.URL+`, auth: [bearer], scopes: [read]}`)
	token := s.token(t)
	for name, args := range map[string][]string{
		"HTTP/1.1":          {"--http1.1", "http://" + s.plain},
		"HTTP/1.1 over TLS": {"--http1.1", "--cacert", s.ca, "https://" + s.secure},
		"HTTP/2 over TLS":   {"--http2", "--cacert", s.ca, "https://" + s.secure},
		"h2c":               {"--http2-prior-knowledge", "http://" + s.plain},
	} {
		t.Run(name, func(t *testing.T) {
			curl := func(path string, more ...string) string {
				all := append([]string{"-sS", "-w", "\n%{http_code} HTTP/%{http_version}", "-o", "-"}, args[:len(args)-1]...)
				return run(t, "curl", append(append(all, more...), args[len(args)-1]+path)...)
			}
			version := "HTTP/1.1"
			if strings.Contains(name, "2") && !strings.Contains(name, "1.1") {
				version = "HTTP/2"
			}
			bearer := []string{"-H", "Authorization: Bearer " + token}
			for path, want := range map[string]string{
				"/orders/5?x=%2F": `GET /orders/5?x=%2F client=shop auth="" body=`,
			} {
				if got := curl(path, bearer...); got != want+"\n200 "+version {
					t.Errorf("got %s\nwant %s, 200 %s", got, want, version)
				}
			}
			if got := curl("/orders", append(bearer, "-d", "a=b")...); got != `POST /orders client=shop auth="" body=a=b`+"\n200 "+version {
				t.Errorf("got %s", got)
			}
			if got := curl("/orders"); !strings.HasSuffix(got, "\n401 "+version) || !strings.Contains(got, `"reason":"token_missing"`) {
				t.Errorf("without a token: %s", got)
			}
		})
	}
}

// A gibibyte each way passes through, and the server grows by no more than the buffers it passes through.
func TestLargeBodiesInConstantMemory(t *testing.T) {
	const size = 1 << 30
	zeros := make([]byte, 1<<20)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			for range size / len(zeros) {
				if _, err := w.Write(zeros); err != nil {
					return
				}
			}
			return
		}
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		fmt.Fprintf(w, "%d %s %v", n, hex.EncodeToString(h.Sum(nil)), err)
	}))
	defer upstream.Close()
	s := serve(t, clientYAML+`  - {name: files, path: /files, upstream: `+upstream.URL+`, auth: [bearer]}`)
	header := "Authorization: Bearer " + s.token(t)
	h := sha256.New()
	for range size / len(zeros) {
		h.Write(zeros)
	}
	want := hex.EncodeToString(h.Sum(nil))
	file := filepath.Join(t.TempDir(), "sparse")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	before := peakMemory(t, s.pid)
	for name, more := range map[string][]string{"with a length": nil, "chunked": {"-H", "Transfer-Encoding: chunked"}} {
		got := run(t, "curl", append([]string{"-sS", "-H", header, "-H", "Expect:", "-T", file, "http://" + s.plain + "/files/up"}, more...)...)
		if got != fmt.Sprintf("%d %s <nil>", size, want) {
			t.Errorf("upload %s: the upstream got %s", name, got)
		}
	}
	down := exec.Command("curl", "-sS", "-H", header, "http://"+s.plain+"/files/down")
	out, err := down.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := down.Start(); err != nil {
		t.Fatal(err)
	}
	h = sha256.New()
	n, err := io.Copy(h, out)
	if waited := down.Wait(); err != nil || waited != nil || n != size || hex.EncodeToString(h.Sum(nil)) != want {
		t.Errorf("download: %d bytes, %v, %v", n, err, waited)
	}
	grown := peakMemory(t, s.pid) - before
	t.Logf("the server grew by %.1f MiB while 3 GiB passed", float64(grown)/(1<<20))
	if grown > 32<<20 {
		t.Errorf("the server grew by %d MiB", grown>>20)
	}
}
