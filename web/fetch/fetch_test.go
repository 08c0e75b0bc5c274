package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sallyport/web/fetch"
)

func TestAllowed(t *testing.T) {
	for address, want := range map[string][2]bool{ // to a stranger's URL, to an administrator's
		"93.184.215.14":              {true, true},
		"2606:2800:21f:cb07::1":      {true, true},
		"127.0.0.1":                  {false, true},
		"127.8.9.10":                 {false, true},
		"::1":                        {false, true},
		"10.1.2.3":                   {false, true},
		"172.31.255.255":             {false, true},
		"172.32.0.1":                 {true, true},
		"192.168.0.1":                {false, true},
		"100.64.0.1":                 {false, true},
		"fd12::1":                    {false, true},
		"::ffff:10.0.0.1":            {false, true},
		"64:ff9b::10.0.0.1":          {false, true},
		"64:ff9b::93.184.215.14":     {true, true},
		"2002:0a00:0001::":           {false, true},
		"169.254.169.254":            {false, false},
		"::ffff:169.254.169.254":     {false, false},
		"64:ff9b::169.254.169.254":   {false, false},
		"64:ff9b:1::169.254.169.254": {false, false},
		"::169.254.169.254":          {false, false},
		"2002:a9fe:a9fe::1":          {false, false},
		"fd00:ec2::254":              {false, false},
		"fd20:ce::254":               {false, false},
		"100.100.100.200":            {false, false},
		"192.0.0.192":                {false, false},
		"fe80::1%eth0":               {false, false},
		"0.0.0.0":                    {false, false},
		"::":                         {false, false},
		"224.0.0.1":                  {false, false},
		"255.255.255.255":            {false, false},
		"ff02::1":                    {false, false},
	} {
		a := netip.MustParseAddr(address)
		if got := [2]bool{fetch.Allowed(a, false), fetch.Allowed(a, true)}; got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
	if fetch.Allowed(netip.Addr{}, true) {
		t.Error("no address is allowed")
	}
}

// server serves documents and traps.
func server(t *testing.T, start func(http.Handler) *httptest.Server) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/doc", func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Authorization", "Cookie", "Referer"} {
			if v := r.Header.Get(name); v != "" {
				t.Errorf("%s: %s was sent", name, v)
			}
		}
		fmt.Fprint(w, "document")
	})
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Location", r.URL.Query().Get("url"))
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/exact", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1000)) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1001)) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 100)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(make([]byte, 1<<20))
		_ = z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.Copy(w, &packed)
	})
	mux.HandleFunc("/header", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 100_000)) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/trickle", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	})
	s := start(mux)
	t.Cleanup(s.Close)
	return s
}

func TestGet(t *testing.T) {
	secure, plain := server(t, httptest.NewTLSServer), server(t, httptest.NewServer)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	other := plain.URL[strings.LastIndex(plain.URL, ":"):]
	f := fetch.New(fetch.Options{Private: true, Roots: roots, Size: 1000, Time: time.Second})
	whatever := errors.New("whatever")
	for _, tt := range []struct {
		url string
		err error // nil: fetched
	}{
		{secure.URL + "/doc", nil},
		{plain.URL + "/doc", nil},
		{secure.URL + "/to?url=/doc", nil},
		{secure.URL + "/to?url=" + plain.URL + "/doc", nil},
		{secure.URL + "/exact", nil},
		{secure.URL + "/to?url=http://169.254.169.254/latest/meta-data/", fetch.ErrURL},
		{secure.URL + "/to?url=https://169.254.169.254/latest/meta-data/", fetch.ErrAddress},
		{secure.URL + "/to?url=https://[::ffff:169.254.169.254]/", fetch.ErrAddress},
		{secure.URL + "/to?url=https://[fd00:ec2::254]/", fetch.ErrAddress},
		{secure.URL + "/to?url=https://0.0.0.0" + other + "/doc", fetch.ErrAddress},
		{secure.URL + "/to?url=file:///etc/passwd", fetch.ErrURL},
		{secure.URL + "/to?url=http://example.org/", fetch.ErrURL},
		{secure.URL + "/round", fetch.ErrURL},
		{secure.URL + "/missing", fetch.ErrStatus},
		{secure.URL + "/long", fetch.ErrSize},
		{secure.URL + "/endless", fetch.ErrSize},
		{secure.URL + "/bomb", fetch.ErrSize},
		{secure.URL + "/header", whatever},
		{secure.URL + "/slow", context.DeadlineExceeded},
		{secure.URL + "/trickle", context.DeadlineExceeded},
		{"https://169.254.169.254/", fetch.ErrAddress},
		{"http://169.254.169.254/", fetch.ErrURL},
		{"https://user:pw@" + strings.TrimPrefix(secure.URL, "https://") + "/doc", fetch.ErrURL},
		{"ftp://localhost/", fetch.ErrURL},
		{"https:///doc", fetch.ErrURL},
		{"mailto:a@b", fetch.ErrURL},
		{"/doc", fetch.ErrURL},
		{"", fetch.ErrURL},
		{"https://a b/", fetch.ErrURL},
	} {
		body, err := f.Get(t.Context(), tt.url)
		switch {
		case tt.err == nil && (err != nil || len(body) == 0):
			t.Errorf("%s: %v", tt.url, err)
		case tt.err != nil && (err == nil || body != nil || tt.err != whatever && !errors.Is(err, tt.err)):
			t.Errorf("%s: %.20q, %v; want %v", tt.url, body, err, tt.err)
		}
	}
}

// What a host says about itself is not fetched from where it redirects.
func TestStraight(t *testing.T) {
	secure := server(t, httptest.NewTLSServer)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	f := fetch.New(fetch.Options{Private: true, Roots: roots}).Straight()
	if body, err := f.Get(t.Context(), secure.URL+"/doc"); err != nil || string(body) != "document" {
		t.Errorf("%q %v", body, err)
	}
	if body, err := f.Get(t.Context(), secure.URL+"/to?url=/doc"); !errors.Is(err, fetch.ErrStatus) {
		t.Errorf("a redirect: %q %v", body, err)
	}
	if _, err := fetch.New(fetch.Options{Roots: roots}).Straight().Get(t.Context(), secure.URL+"/doc"); !errors.Is(err, fetch.ErrAddress) {
		t.Errorf("an address of one's own: %v", err)
	}
}

// A URL that a stranger supplies leads nowhere inside, by whatever name.
func TestStrangersURL(t *testing.T) {
	secure, plain := server(t, httptest.NewTLSServer), server(t, httptest.NewServer)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	f := fetch.New(fetch.Options{Roots: roots})
	port := secure.URL[strings.LastIndex(secure.URL, ":"):]
	for url, want := range map[string]error{
		secure.URL + "/doc":                   fetch.ErrAddress,
		"https://localhost" + port + "/doc":   fetch.ErrAddress, // a name, which is resolved first
		"https://[::1]" + port + "/doc":       fetch.ErrAddress,
		"https://10.0.0.1/":                   fetch.ErrAddress,
		"https://[::ffff:127.0.0.1]" + port:   fetch.ErrAddress,
		"https://127.1" + port:                nil, // not an address here, and no name that resolves; if it does, to one that is refused
		plain.URL + "/doc":                    fetch.ErrURL,
		"http://localhost" + port + "/doc":    fetch.ErrURL,
		"https://2130706433" + port + "/doc":  nil,
		"https://0x7f.0.0.1" + port + "/doc ": nil,
	} {
		if body, err := f.Get(t.Context(), url); err == nil || body != nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %q, %v; want %v", url, body, err, want)
		}
	}
}

// An operator's own network opens what it names, and nothing of a cloud's.
func TestOwnNetworks(t *testing.T) {
	secure, plain := server(t, httptest.NewTLSServer), server(t, httptest.NewServer)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	get := func(url string, networks ...string) error {
		o := fetch.Options{Roots: roots}
		for _, n := range networks {
			o.Networks = append(o.Networks, netip.MustParsePrefix(n))
		}
		_, err := fetch.New(o).Get(t.Context(), url)
		return err
	}
	if err := get(secure.URL+"/doc", "127.0.0.0/8"); err != nil {
		t.Error(err)
	}
	for url, want := range map[string]error{
		plain.URL + "/doc":                                       fetch.ErrURL,
		"https://169.254.169.254/":                               fetch.ErrAddress,
		"https://10.0.0.1/":                                      fetch.ErrAddress,
		secure.URL + "/to?url=https://10.0.0.1/":                 fetch.ErrAddress,
		secure.URL + "/to?url=https://[::ffff:169.254.169.254]/": fetch.ErrAddress,
	} {
		if err := get(url, "127.0.0.0/8", "169.254.0.0/16"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", url, err, want)
		}
	}
	if err := get(secure.URL+"/doc", "10.0.0.0/8"); !errors.Is(err, fetch.ErrAddress) {
		t.Errorf("another network: %v", err)
	}
}

func TestServersAreAuthenticated(t *testing.T) {
	secure := server(t, httptest.NewTLSServer)
	if body, err := fetch.New(fetch.Options{Private: true}).Get(t.Context(), secure.URL+"/doc"); err == nil {
		t.Errorf("a server that nobody vouches for: %q", body)
	}
}
