package authorize_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"sallyport/authorize"
)

// CVE class 1: whatever is not the registered URI, character by character, is none, loopback ports aside.
func TestRegistered(t *testing.T) {
	web := []string{"https://app.example.org/cb", "https://app.example.org/q?a=b", "com.example.app:/cb"}
	native := []string{"http://127.0.0.1/cb", "http://[::1]:8000/cb?x=1", "http://localhost/cb"}
	for _, tt := range []struct {
		uris []string
		uri  string
		want bool
	}{
		{web, "https://app.example.org/cb", true},
		{web, "https://app.example.org/q?a=b", true},
		{web, "com.example.app:/cb", true},
		{web, "", false},
		{web, "https://app.example.org/cb/", false},
		{web, "https://app.example.org/cb?", false},
		{web, "https://app.example.org/cb?a=b", false}, // redirect-uri-query-added
		{web, "https://app.example.org/q?a=c", false},  // redirect-uri-query-mismatch
		{web, "https://app.example.org/q?a=b&c=d", false},
		{web, "https://app.example.org/q", false},
		{web, "https://app.example.org/cb#", false},
		{web, "https://app.example.org/cb#f", false},
		{web, "https://app.example.org/CB", false},
		{web, "HTTPS://app.example.org/cb", false},
		{web, "https://APP.example.org/cb", false},
		{web, "https://app.example.org:443/cb", false},
		{web, "https://app.example.org./cb", false},
		{web, "https://app.example.org/./cb", false},
		{web, "https://app.example.org/x/../cb", false},
		{web, "https://app.example.org/..;/cb", false},
		{web, "https://app.example.org/%63b", false},
		{web, "https://app.example.org\\cb", false},
		{web, "https://evil@app.example.org/cb", false},
		{web, "https://app.example.org@evil.example/cb", false},
		{web, "https://app.example.org.evil.example/cb", false},
		{web, "https://appxexample.org/cb", false},
		{web, "http://app.example.org/cb", false},
		{web, "https://app.example.org:8443/cb", false},
		{web, " https://app.example.org/cb", false},
		{web, "https://app.example.org/cb\n", false},
		{web, "javascript:alert(1)", false},
		{web, "JavaScript:alert(1)", false},
		{web, "data:text/html,x", false},
		{web, "http://127.0.0.1/cb", false},
		{native, "http://127.0.0.1/cb", true},
		{native, "http://127.0.0.1:1/cb", true},
		{native, "http://127.0.0.1:65535/cb", true},
		{native, "http://[::1]/cb?x=1", true},
		{native, "http://[::1]:4711/cb?x=1", true},
		{native, "http://localhost:8080/cb", true},
		{native, "http://127.0.0.1:0/cb", false},
		{native, "http://127.0.0.1:/cb", false},
		{native, "http://127.0.0.1:080/cb", false},
		{native, "http://127.0.0.1:65536/cb", false},
		{native, "http://127.0.0.1:99999999999999999999/cb", false},
		{native, "http://127.0.0.1:80:80/cb", false},
		{native, "http://127.0.0.1:80@evil.example/cb", false},
		{native, "http://127.0.0.1@evil.example/cb", false},
		{native, "http://127.0.0.1.evil.example/cb", false},
		{native, "http://127.0.0.1:80\\@evil.example/cb", false},
		{native, "http://127.0.0.1:8080/cb/", false},
		{native, "http://127.0.0.1:8080/cb?x=1", false},
		{native, "http://127.0.0.1:8080", false},
		{native, "http://127.0.0.1:8080?/cb", false},
		{native, "http://127.0.0.1:8080#/cb", false},
		{native, "http://127.1:8080/cb", false},
		{native, "http://127.0.0.2:8080/cb", false},
		{native, "http://[::1]:8080/cb", false},
		{native, "http://[::ffff:127.0.0.1]:8080/cb", false},
		{native, "https://127.0.0.1:8080/cb", false},
		{native, "http://localhost.evil.example:8080/cb", false},
		{native, "http://LOCALHOST:8080/cb", false},
		{[]string{"https://127.0.0.1/cb"}, "https://127.0.0.1:8080/cb", false},
		{nil, "http://127.0.0.1/cb", false},
		{nil, "", false},
	} {
		if got := authorize.Registered(tt.uris, tt.uri); got != tt.want {
			t.Errorf("%q of %v: %v", tt.uri, tt.uris, got)
		}
	}
}

// FuzzRegistered: what is taken and not registered as it stands differs from one that is in nothing but a loopback port.
func FuzzRegistered(f *testing.F) {
	for _, s := range []string{"http://127.0.0.1:80/cb", "http://[::1]:8000/cb?x=1", "http://localhost:1/cb", "http://127.0.0.1:80@evil/cb", "https://app.example.org/cb"} {
		f.Add(s)
	}
	uris := []string{"http://127.0.0.1/cb", "http://[::1]:8000/cb?x=1", "http://localhost/cb", "https://app.example.org/cb"}
	f.Fuzz(func(t *testing.T, uri string) {
		if !authorize.Registered(uris, uri) || slices.Contains(uris, uri) {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "http" || u.User != nil || u.Fragment != "" || strings.Contains(uri, "#") {
			t.Fatalf("%q is taken: %v", uri, err)
		}
		for _, one := range uris {
			known, _ := url.Parse(one)
			if known.Scheme == "http" && known.Hostname() == u.Hostname() && known.RequestURI() == u.RequestURI() {
				return
			}
		}
		t.Fatalf("%q is taken", uri)
	})
}
