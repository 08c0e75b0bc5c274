package web_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sallyport/web"
)

func status(h http.Handler) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Code, w.Body.String()
}

func TestHealth(t *testing.T) {
	now := time.Unix(1e9, 0)
	var fault error
	checks := 0
	var log bytes.Buffer
	h := &web.Health{
		Check: func(context.Context) error { checks++; return fault },
		Log:   slog.New(slog.NewTextHandler(&log, nil)),
		Now:   func() time.Time { return now },
	}
	steps := []struct {
		name   string
		do     func()
		status int
		body   string
		checks int
	}{
		{"all is well", func() {}, 200, `{"status":"ready"}`, 1},
		{"asked again at once", func() { fault = errors.New("database away") }, 200, `{"status":"ready"}`, 1},
		{"a second later", func() { now = now.Add(time.Second) }, 503, `{"status":"unavailable"}`, 2},
		{"it is back", func() { fault, now = nil, now.Add(time.Second) }, 200, `{"status":"ready"}`, 3},
		{"the end is near", h.Drain, 503, `{"status":"draining"}`, 3},
	}
	for _, s := range steps {
		s.do()
		code, body := status(h.Ready())
		if code != s.status || body != s.body || checks != s.checks {
			t.Errorf("%s: %d %s after %d checks; want %d %s after %d", s.name, code, body, checks, s.status, s.body, s.checks)
		}
		if code, body := status(h.Live()); code != 200 || body != `{"status":"ok"}` {
			t.Errorf("%s: alive: %d %s", s.name, code, body)
		}
	}
	if !strings.Contains(log.String(), "database away") {
		t.Errorf("the cause is not in the log: %s", &log)
	}
}

func TestReadyDoesNotWaitForACheckThatHangs(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	h := &web.Health{
		Check:   func(context.Context) error { <-release; return nil },
		Timeout: time.Millisecond,
		Now:     time.Now,
	}
	if code, _ := status(h.Ready()); code != 503 {
		t.Errorf("status %d", code)
	}
}

func TestReadyWithoutACheck(t *testing.T) {
	if code, _ := status((&web.Health{Now: time.Now}).Ready()); code != 200 {
		t.Errorf("status %d", code)
	}
}
