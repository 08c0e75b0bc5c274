package lean_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/gateway/lean"
)

// TestWire pins what goes over the wire, but for the order of fields.
func TestWire(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*http.Request)
		extra  []lean.Field
		want   string // after sorting
	}{
		"plain":               {want: "GET / HTTP/1.1|Host: upstream"},
		"the bytes of a path": {change: func(r *http.Request) { r.URL.Path, r.URL.RawPath, r.URL.RawQuery = "/a b/c", "/a%20b%2Fc", "x=%zz&;" }, want: "GET /a%20b%2Fc?x=%zz&; HTTP/1.1|Host: upstream"},
		"a path to escape":    {change: func(r *http.Request) { r.URL.Path = "/a b" }, want: "GET /a%20b HTTP/1.1|Host: upstream"},
		"an empty query":      {change: func(r *http.Request) { r.URL.ForceQuery = true }, want: "GET /? HTTP/1.1|Host: upstream"},
		"host":                {change: func(r *http.Request) { r.Host = "api.example.org:8080" }, want: "GET / HTTP/1.1|Host: api.example.org:8080"},
		"zone":                {change: func(r *http.Request) { r.Host = "[fe80::1%eth0]:80" }, want: "GET / HTTP/1.1|Host: [fe80::1]:80"},
		"fields":              {change: func(r *http.Request) { r.Header = http.Header{"X-A": {"1", "2"}, "x-b": {""}} }, want: "GET / HTTP/1.1|Host: upstream|X-A: 1|X-A: 2|x-b: "},
		"fields of ours": {
			change: func(r *http.Request) {
				r.Header = http.Header{"Host": {"a"}, "Content-Length": {"7"}, "Transfer-Encoding": {"chunked"}, "transfer-encoding": {"x"}}
			},
			want: "GET / HTTP/1.1|Host: upstream",
		},
		"extra": {extra: []lean.Field{{Name: "Via", Value: "1.1 a"}}, want: "GET / HTTP/1.1|Host: upstream|Via: 1.1 a"},
		"close": {change: func(r *http.Request) { r.Close = true }, want: "GET / HTTP/1.1|Connection: close|Host: upstream"},
		"POST":  {change: func(r *http.Request) { r.Method = "POST" }, want: "POST / HTTP/1.1|Content-Length: 0|Host: upstream"},
		"POST with a body": {
			change: func(r *http.Request) {
				r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(strings.NewReader("a=b")), 3
			},
			want: "POST / HTTP/1.1|Content-Length: 3|Host: upstream||a=b",
		},
	} {
		c := &tape{play: []byte(okAnswer), piece: 99}
		r := &http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: "upstream"}}
		if test.change != nil {
			test.change(r)
		}
		a := &lean.Answer{Extra: test.extra}
		if _, err := c.transport().SendInto(a, r, lean.Limits{}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		head, body, _ := strings.Cut(c.taken.String(), "\r\n\r\n")
		lines := strings.Split(head, "\r\n")
		slices.Sort(lines[1:])
		got := strings.Join(lines, "|")
		if body != "" {
			got += "||" + body
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// TestRefusedRequests: nothing is written that an upstream could read as something else.
func TestRefusedRequests(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"method with a blank":    func(r *http.Request) { r.Method = "GET /x" },
		"method with a line":     func(r *http.Request) { r.Method = "GET\r\n" },
		"path with a line":       func(r *http.Request) { r.URL.RawPath = "/a\r\nX: y" },
		"path with a blank":      func(r *http.Request) { r.URL.RawPath = "/a HTTP/1.1" },
		"path with a query":      func(r *http.Request) { r.URL.RawPath = "/a?b" },
		"path with a fragment":   func(r *http.Request) { r.URL.RawPath = "/a#b" },
		"path without a slash":   func(r *http.Request) { r.URL.RawPath = "a" },
		"query with a line":      func(r *http.Request) { r.URL.RawQuery = "a\nb" },
		"query with a blank":     func(r *http.Request) { r.URL.RawQuery = "a b" },
		"host with a line":       func(r *http.Request) { r.Host = "a\r\nb" },
		"host with a path":       func(r *http.Request) { r.Host = "a/b" },
		"host with a user":       func(r *http.Request) { r.Host = "a@b" },
		"name with a colon":      func(r *http.Request) { r.Header["A: b"] = []string{"c"} },
		"name with a blank":      func(r *http.Request) { r.Header["A "] = []string{"c"} },
		"no name":                func(r *http.Request) { r.Header[""] = []string{"c"} },
		"value with a line":      func(r *http.Request) { r.Header["A"] = []string{"b\r\nC: d"} },
		"value with a bare CR":   func(r *http.Request) { r.Header["A"] = []string{"0123456789\r0123456789"} },
		"value with NUL":         func(r *http.Request) { r.Header["A"] = []string{"b\x00"} },
		"no URL":                 func(r *http.Request) { r.URL = nil },
		"no host to connect to":  func(r *http.Request) { r.URL.Host = "" },
		"the second value of it": func(r *http.Request) { r.Header["A"] = []string{"b", "c\nd"} },
	} {
		c := &tape{play: []byte(okAnswer), piece: 99}
		r := request(t, "GET", "http://upstream/", nil)
		body := &closeCounter{Reader: strings.NewReader("a")}
		r.Body, r.ContentLength = body, 1
		change(r)
		if _, err := c.transport().RoundTrip(r); !errors.Is(err, lean.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
		if c.taken.Len() > 0 {
			t.Errorf("%s: sent %q", name, c.taken.String())
		}
		if body.closed.Load() == 0 {
			t.Errorf("%s: the body was not closed", name)
		}
	}
	for _, name := range []string{"Content-Length", "transfer-encoding", "Host", "Upgrade", "A:"} {
		c := &tape{play: []byte(okAnswer), piece: 99}
		a := &lean.Answer{Extra: []lean.Field{{Name: name, Value: "7"}}}
		if _, err := c.transport().SendInto(a, request(t, "GET", "http://upstream/", nil), lean.Limits{}); !errors.Is(err, lean.ErrRequest) {
			t.Errorf("extra %s: %v", name, err)
		}
	}
}

// TestLargeHead: a head that the socket does not take at once is sent piece by piece, for as long as the upstream takes it.
func TestLargeHead(t *testing.T) {
	large := strings.Repeat(big, 16)
	s := upstream(t, func(w *wire) {
		time.Sleep(20 * time.Millisecond)
		for r := w.whole(); r != nil; r = w.whole() {
			w.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", map[bool]string{true: "ok", false: "no"}[r.Header.Get("X-Large") == large])
		}
	})
	tr := newTransport(t, lean.Options{})
	for range 2 {
		r := request(t, "GET", s.URL, nil)
		r.Header.Set("X-Large", large)
		if got := read(t)(tr.RoundTrip(r)); got != "ok" {
			t.Errorf("got %q", got)
		}
	}
	release := make(chan struct{})
	defer close(release)
	deaf := upstream(t, func(*wire) { <-release })
	r := request(t, "GET", deaf.URL, nil)
	r.Header.Set("X-Large", large)
	if _, err := tr.Send(r, lean.Limits{Idle: 100 * time.Millisecond}); !errors.Is(err, lean.ErrTimeout) {
		t.Errorf("nobody reads: %v", err)
	}
}
