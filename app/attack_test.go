package app_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/app"
	"sallyport/realm"
)

// The attack tests take what is known to have broken gateways, class by class, through the front door of a whole server:
// its own listeners, raw connections, both engines. Each test names its class; the numbers are those of the list of
// vulnerability classes that the product is held to.

// both are the paths under which the tests' deployments have the same API, carried by each of the two engines.
var both = []string{"/lean", "/std"}

// twice writes an API for each engine. What follows the name and the path is the same.
func twice(upstream, rest string) string {
	return "\n  - {name: lean, path: /lean, upstream: '" + upstream + "', " + rest + "}" +
		"\n  - {name: std, path: /std, engine: standard, upstream: '" + upstream + "', " + rest + "}\n"
}

// guarded is a server under attack, with short limits so that nobody waits for a connection that is left hanging.
func guarded(t *testing.T, yaml string, edit ...func(*app.Config)) *serving {
	t.Helper()
	c := quiet(t)
	c.ReadHeaderTimeout, c.ReadTimeout, c.IdleTimeout = realm.Duration(2*time.Second), realm.Duration(3*time.Second), realm.Duration(300*time.Millisecond)
	for _, e := range edit {
		e(&c)
	}
	return serve(t, c, yaml)
}

// secured turns TLS on.
func secured(t *testing.T) func(*app.Config) {
	return func(c *app.Config) {
		c.TLSCert, c.TLSKey = filepath.Join(c.Data, "cert.pem"), filepath.Join(c.Data, "key.pem")
		writeCertificate(t, *c, 1)
	}
}

// A seen is a request as an upstream saw it.
type seen struct {
	Method, URI, Host, Body string
	Header, Trailer         http.Header
}

// A witness is an upstream that remembers what it was asked, and every byte of it.
type witness struct {
	URL    string
	answer http.HandlerFunc // nil: 200 and "ok"

	mu    sync.Mutex
	asked []seen
	bytes bytes.Buffer
}

func newWitness(t *testing.T, answer http.HandlerFunc) *witness {
	t.Helper()
	w := &witness{answer: answer}
	s := httptest.NewUnstartedServer(w)
	s.Listener = &tapped{Listener: s.Listener, to: w}
	s.Start()
	w.URL = s.URL
	t.Cleanup(s.Close)
	return w
}

// ServeHTTP implements http.Handler.
func (w *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil { // a request that breaks off is none
		w.mu.Lock()
		w.asked = append(w.asked, seen{r.Method, r.RequestURI, r.Host, string(body), r.Header.Clone(), r.Trailer.Clone()})
		w.mu.Unlock()
	}
	if w.answer != nil {
		w.answer(rw, r)
		return
	}
	_, _ = io.WriteString(rw, "ok")
}

// take returns what was asked since the last time, and the bytes of it.
func (w *witness) take() ([]seen, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked, text := w.asked, w.bytes.String()
	w.asked = nil
	w.bytes.Reset()
	return asked, text
}

// lines are the request lines of what was asked.
func lines(asked []seen) (list []string) {
	for _, s := range asked {
		list = append(list, strings.TrimSpace(s.Method+" "+s.URI+" "+s.Body))
	}
	return list
}

// tapped is a listener whose connections a witness overhears.
type tapped struct {
	net.Listener
	to *witness
}

func (l *tapped) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tappedConn{c, l.to}, nil
}

type tappedConn struct {
	net.Conn
	to *witness
}

func (c *tappedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.to.mu.Lock()
	defer c.to.mu.Unlock()
	c.to.bytes.Write(p[:n])
	return n, err
}

// answers takes apart what came back on a connection, for requests of these methods.
func answers(t *testing.T, text string, methods ...string) (list []*http.Response) {
	t.Helper()
	in := bufio.NewReader(strings.NewReader(text))
	for i := 0; ; i++ {
		if _, err := in.Peek(1); err != nil {
			return list
		}
		r := &http.Request{Method: "GET"}
		if i < len(methods) {
			r.Method = methods[i]
		}
		res, err := http.ReadResponse(in, r)
		if err != nil {
			t.Fatalf("answer %d in %q: %v", i, text, err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatalf("body of answer %d in %q: %v", i, text, err)
		}
		res.Body = io.NopCloser(bytes.NewReader(body))
		list = append(list, res)
	}
}

// statuses are those of all answers on a connection.
func statuses(t *testing.T, text string, methods ...string) (list []int) {
	t.Helper()
	for _, a := range answers(t, text, methods...) {
		list = append(list, a.StatusCode)
	}
	return list
}

// tokenOf gets a token for a client by its secret.
func tokenOf(t *testing.T, addr, id, password string) string {
	t.Helper()
	res, err := http.PostForm("http://"+addr+"/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {password}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil || body.AccessToken == "" {
		t.Fatalf("no token for %s: %d, %v", id, res.StatusCode, err)
	}
	return body.AccessToken
}
