package fetch_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/web/fetch"
)

func TestPost(t *testing.T) {
	var elsewhere atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "logout_token=x" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Errorf("got %q, %q, %v", body, r.Header.Get("Content-Type"), err)
		}
		for _, name := range []string{"Authorization", "Cookie", "Referer"} {
			if v := r.Header.Get(name); v != "" {
				t.Errorf("%s: %s was sent", name, v)
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})
	for path, status := range map[string]int{"/found": 302, "/other": 303, "/temporary": 307, "/permanent": 308} {
		mux.Handle(path, http.RedirectHandler("/elsewhere", status))
	}
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	mux.HandleFunc("/bad", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadRequest) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body); <-r.Context().Done() })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 100)); err != nil {
				return
			}
		}
	})
	secure, plain := httptest.NewTLSServer(mux), httptest.NewServer(mux)
	defer secure.Close()
	defer plain.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	own := fetch.New(fetch.Options{Private: true, Roots: roots, Time: time.Second})
	strangers := fetch.New(fetch.Options{Roots: roots, Time: time.Second})
	for _, tt := range []struct {
		f      *fetch.Fetcher
		url    string
		status int
		err    error
	}{
		{own, secure.URL + "/logout", 204, nil},
		{own, plain.URL + "/logout", 204, nil},
		{own, secure.URL + "/bad", 400, nil},
		{own, secure.URL + "/missing", 404, nil},
		{own, secure.URL + "/endless", 200, nil},
		{own, secure.URL + "/found", 302, nil},
		{own, secure.URL + "/other", 303, nil},
		{own, secure.URL + "/temporary", 307, nil},
		{own, secure.URL + "/permanent", 308, nil},
		{own, secure.URL + "/slow", 0, context.DeadlineExceeded},
		{own, "https://169.254.169.254/", 0, fetch.ErrAddress},
		{own, "http://example.org/", 0, fetch.ErrURL},
		{own, "https://user:pw@example.org/", 0, fetch.ErrURL},
		{own, "https:///logout", 0, fetch.ErrURL},
		{own, "file:///dev/null", 0, fetch.ErrURL},
		{own, "https://a b/", 0, fetch.ErrURL},
		{own, "", 0, fetch.ErrURL},
		{strangers, secure.URL + "/logout", 0, fetch.ErrAddress}, // CVE class 14
		{strangers, plain.URL + "/logout", 0, fetch.ErrURL},
		{strangers, "https://10.0.0.1/", 0, fetch.ErrAddress},
		{strangers, "https://[::ffff:127.0.0.1]/", 0, fetch.ErrAddress},
	} {
		status, err := tt.f.Post(t.Context(), tt.url, "application/x-www-form-urlencoded", []byte("logout_token=x"))
		if status != tt.status || !errors.Is(err, tt.err) || tt.err == nil && err != nil {
			t.Errorf("%s: %d, %v; want %d, %v", tt.url, status, err, tt.status, tt.err)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("what was sent went on to where a redirect pointed")
	}
}
