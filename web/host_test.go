package web_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sallyport/web"
)

func TestHosts(t *testing.T) {
	served := false
	front := &web.Front{
		Next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true }),
		IDs:  web.NewIDs(), Faults: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	for host, want := range map[string]bool{
		"": true, "a": true, "api.example.org": true, "API.Example.Org": true, "a_b-c.example": true, "a.": true, "a:80": true, "a:": true, "a.:80": true,
		"127.0.0.1": true, "127.0.0.1:8089": true, "[::1]": true, "[::1]:80": true, "[::ffff:10.0.0.1]": true, "xn--bcher-kva.example": true,
		":80": false, "a:b": false, "a:80:90": false, "a:123456": false, "a:-1": false, "a..b": false, ".a": false, "a..": false, ".": false,
		"a;b": false, "a,b": false, "a%2eb": false, "a b": false, "a@b": false, "a/b": false, "a?b": false, "a#b": false, "b\u00fccher": false, "*.a": false,
		"[a]": false, "[::1": false, "::1": false, "[::1]a": false, "[::1%25eth0]": false, "[127.0.0.1]": false, "[]": false, "]": false, "[::1]]": false, "a[": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		served = false
		front.ServeHTTP(w, r)
		if served != want || !want && w.Code != 400 {
			t.Errorf("%q: served %v, status %d", host, served, w.Code)
		}
	}
}
