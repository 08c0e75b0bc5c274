// Package optest starts a whole server in the test's process and drives it as the world does: a browser that fills in forms, and
// a relying party that checks what it gets. It knows nothing of the server's inside but how to start it.
package optest

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/app"
)

// An OP is a running server.
type OP struct {
	T   testing.TB
	App *app.App
	URL string // its issuer, and where it is

	// Outside is a server of the relying parties: what the OP fetches, and where it tells of a logout.
	Outside *httptest.Server
	Mux     *http.ServeMux

	data  string
	ahead *atomic.Int64 // how far the OP's clock is ahead of the real one
}

// For returns the same OP for another test, so that several can run at once.
func (o *OP) For(t testing.TB) *OP {
	same := *o
	same.T = t
	return &same
}

// Start starts a server on SQLite, or on the PostgreSQL that SALLYPORT_TEST_POSTGRES... names by edit, with a deployment.
func Start(t testing.TB, yaml string, edit ...func(*app.Config)) *OP {
	t.Helper()
	o := &OP{T: t, Mux: http.NewServeMux(), ahead: &atomic.Int64{}}
	o.Outside = httptest.NewTLSServer(o.Mux)
	t.Cleanup(o.Outside.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.URL = "http://" + l.Addr().String()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.Outside.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	c := app.Defaults()
	o.data = filepath.Join(dir, "data")
	c.Data, c.PublicURL, c.Listen = filepath.Join(dir, "data"), o.URL, l.Addr().String()
	c.FetchNetworks, c.FetchCA = []string{"127.0.0.0/8"}, ca
	c.Now, c.Log = o.Now, slog.New(slog.DiscardHandler)
	c.AccessLog = io.Discard
	for _, e := range edit {
		e(&c)
	}
	if o.App, err = app.Build(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.App.Close() })
	if err := o.App.Apply(t.Context(), "test.yaml", []byte(yaml)); err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: o.App.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = s.Close() })
	return o
}

// Now is the OP's clock.
func (o *OP) Now() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) }

// Wait lets time pass for the OP.
func (o *OP) Wait(d time.Duration) { o.ahead.Add(int64(d)) }

// Serve offers a document of the relying party and returns its URL.
func (o *OP) Serve(path, contentType string, body func() []byte) string {
	o.Mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body())
	})
	return o.Outside.URL + path
}

// JSON gets a JSON document of the OP.
func (o *OP) JSON(path string) map[string]any {
	o.T.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, o.URL+path, nil)
	if err != nil {
		o.T.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		o.T.Fatal(err)
	}
	defer res.Body.Close()
	var m map[string]any
	if err := json.NewDecoder(res.Body).Decode(&m); err != nil {
		o.T.Fatalf("%s: %d %v", path, res.StatusCode, err)
	}
	return m
}

// Command runs a command of the program against the server's data, as an administrator would beside it.
func (o *OP) Command(args ...string) string {
	o.T.Helper()
	var out, errs bytes.Buffer
	p := app.Process{
		Args: append(args, "--data", o.data), Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Getenv: func(string) (string, bool) { return "", false },
	}
	if code := app.Run(o.T.Context(), p); code != 0 {
		o.T.Fatalf("sallyport %q: %d\n%s%s", args, code, out.String(), errs.String())
	}
	return out.String()
}
