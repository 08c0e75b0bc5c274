// Package apptest puts a whole server together for a test: the real store, pipeline and faces, over HTTP on a loopback
// port, with a clock that the test holds. It refuses to be anything but a fixture.
package apptest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/app"
	"sallyport/store/postgres/pgtest"
)

// A Server is a running server.
type Server struct {
	URL     string // without a final slash
	App     *app.App
	Handler http.Handler
	Clock   *Clock // what the server takes for the time
	Client  *http.Client
}

// A Clock runs as fast as the real one, from where the test has set it.
type Clock struct {
	mu     sync.Mutex // guards offset
	offset time.Duration
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

// Advance moves the clock, backwards too.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// An Option changes the settings of a server.
type Option func(*testing.T, *app.Config)

// Postgres has the server use PostgreSQL, not SQLite.
func Postgres() Option {
	return func(t *testing.T, c *app.Config) { c.Database = pgtest.Start(t) }
}

// With changes any setting.
func With(change func(*app.Config)) Option {
	return func(_ *testing.T, c *app.Config) { change(c) }
}

// New starts a server that serves what a deployment file says. It ends with the test.
func New(t *testing.T, yaml string, options ...Option) *Server {
	t.Helper()
	s := &Server{Clock: &Clock{}, Client: &http.Client{Timeout: 30 * time.Second}}
	c := app.Defaults()
	c.Data, c.Now, c.Log = t.TempDir(), s.Clock.Now, slog.New(slog.DiscardHandler)
	for _, o := range options {
		o(t, &c)
	}
	a, err := app.Build(context.Background(), c)
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	s.App, s.Handler = a, a.Handler()
	listener := httptest.NewServer(s.Handler)
	s.URL = listener.URL
	a.SetPublicURL(s.URL)
	t.Cleanup(func() {
		listener.Close()
		if err := a.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	s.Apply(t, yaml)
	return s
}

// Apply stores what a deployment file says.
func (s *Server) Apply(t *testing.T, yaml string) {
	t.Helper()
	if err := s.App.Apply(context.Background(), "test.yaml", []byte(yaml)); err != nil {
		t.Fatalf("apply:\n%v", err)
	}
}

// An Answer is what a request was answered with.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Do makes a request. Header holds names and values in turn; an empty value is not sent.
func (s *Server) Do(t *testing.T, method, path, body string, header ...string) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		switch {
		case header[i+1] == "":
		case strings.EqualFold(header[i], "Host"):
			r.Host = header[i+1]
		default:
			r.Header.Set(header[i], header[i+1])
		}
	}
	response, err := s.Client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: string(text)}
}

// Post sends a form. Fields holds names and values in turn.
func (s *Server) Post(t *testing.T, path string, fields ...string) Answer {
	t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return s.Do(t, http.MethodPost, path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// Get makes a request with a bearer token, or without one if it is empty.
func (s *Server) Get(t *testing.T, path, token string) Answer {
	t.Helper()
	if token == "" {
		return s.Do(t, http.MethodGet, path, "")
	}
	return s.Do(t, http.MethodGet, path, "", "Authorization", "Bearer "+token)
}
