package cache_test

import (
	"testing"

	"sallyport/policy"
	"sallyport/policy/policytest"
)

// TestKeyed: what an upstream may look at without saying so is part of what an answer is found by, or the call is none of
// the cache's business.
func TestKeyed(t *testing.T) {
	tests := []struct {
		name string
		call func() *policy.Call
	}{
		{"another host", func() *policy.Call { c := policytest.NewCall("GET", "/a?x=1"); c.Host = "evil.example"; return c }},
		{"another path", func() *policy.Call { return policytest.NewCall("GET", "/a/?x=1") }},
		{"another case", func() *policy.Call { return policytest.NewCall("GET", "/A?x=1") }},
		{"no query", func() *policy.Call { return policytest.NewCall("GET", "/a") }},
		{"a further parameter", func() *policy.Call { return policytest.NewCall("GET", "/a?x=1&utm_content=1") }},
		{"another separator", func() *policy.Call { return policytest.NewCall("GET", "/a?x=1;y=2") }},
		{"path and query moved", func() *policy.Call { c := policytest.NewCall("GET", "/a?"); c.Query = ""; c.Path = "/a?x=1"; return c }},
		{"by TLS", func() *policy.Call { c := policytest.NewCall("GET", "/a?x=1"); c.Peer.Secure = true; return c }},
		{"another method", func() *policy.Call { return policytest.NewCall("PROPFIND", "/a?x=1") }},
		{"a body", func() *policy.Call {
			c := policytest.NewCall("GET", "/a?x=1")
			c.Body = policytest.Body("x=2")
			return c
		}},
		{"a range", func() *policy.Call { return policytest.NewCall("GET", "/a?x=1", "Range: bytes=0-1") }},
		{"an upgrade", func() *policy.Call {
			return policytest.NewCall("GET", "/a?x=1", "Upgrade: websocket", "Connection: Upgrade")
		}},
		{"a field that does not go on", func() *policy.Call { return policytest.NewCall("GET", "/a?x=1", "Connection: X-A", "X-A: 1") }},
		{"an override", func() *policy.Call { return policytest.NewCall("GET", "/a?x=1", "X-HTTP-Method-Override: POST") }},
		{"an empty override", func() *policy.Call { return policytest.NewCall("GET", "/a?x=1", "X-HTTP-Method:") }},
		{"an override in disguise", func() *policy.Call { return policytest.NewCall("GET", "/a?x=1", "X_Method_Override: POST") }},
	}
	for _, settings := range []string{``, `{"shared": true}`} {
		for _, tt := range tests {
			t.Run(settings+tt.name, func(t *testing.T) {
				r := newRig(t, settings)
				// The odd call first: nothing of it is in what the plain one gets.
				r.says("poison", "Cache-Control: public, max-age=60")
				r.do(tt.call())
				r.says("good", "Cache-Control: public, max-age=60")
				if o := r.get("/a?x=1"); o.Body != "good" {
					t.Errorf("the plain call got %q (%s)", o.Body, o.Cache)
				}
				// And the other way round.
				r.says("new", "Cache-Control: public, max-age=60")
				if o := r.do(tt.call()); o.Body == "good" {
					t.Errorf("the odd call got %q (%s)", o.Body, o.Cache)
				}
			})
		}
	}
}

// Names of hosts compare without case, and fields that change nothing hinder nobody.
func TestSameCall(t *testing.T) {
	r := newRig(t, "")
	r.says("one", "Cache-Control: max-age=60")
	r.get("/a")
	c := policytest.NewCall("GET", "/a", "User-Agent: other", "Connection: keep-alive", "X-Request-Id: 1")
	c.Host = "API.example.org"
	want(t, r.do(c), 200, "one", "hit; ttl=60")
}

// Fields that concern one connection, or one caller, are not stored (RFC 9111 section 3.1).
func TestUnstoredFields(t *testing.T) {
	r := newRig(t, "")
	r.says("one", "Cache-Control: max-age=60", "Connection: close, X-Hop", "X-Hop: a", "Keep-Alive: timeout=5",
		"Proxy-Authenticate: Basic", "Te: trailers", "Transfer-Encoding: chunked", "Upgrade: h2c", "X-A: a", "X-B: 1", "X-B: 2")
	r.get("/a")
	o := r.get("/a")
	for _, name := range []string{"Connection", "X-Hop", "Keep-Alive", "Proxy-Authenticate", "Te", "Transfer-Encoding", "Upgrade"} {
		if o.Header.Get(name) != "" {
			t.Errorf("%s is stored", name)
		}
	}
	if o.Header.Get("X-A") != "a" || len(o.Header.Values("X-B")) != 2 {
		t.Errorf("the header is %v", o.Header)
	}
}
