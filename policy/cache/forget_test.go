package cache_test

import (
	"testing"

	"sallyport/policy"
	"sallyport/policy/policytest"
)

// TestUnsafeMethods has something stored for two callers, and one of them change it (RFC 9111 section 4.4).
func TestUnsafeMethods(t *testing.T) {
	tests := []struct {
		name, method, target string
		status               int
		header               string
		forgotten            bool
	}{
		{"PUT", "PUT", "/a", 200, "", true},
		{"POST", "POST", "/a", 201, "", true},
		{"DELETE", "DELETE", "/a", 204, "", true},
		{"PATCH", "PATCH", "/a", 303, "", true},
		{"an unknown method", "FROB", "/a", 200, "", true},
		{"OPTIONS is safe", "OPTIONS", "/a", 200, "", false},
		{"refused", "PUT", "/a", 403, "", false},
		{"failed", "PUT", "/a", 500, "", false},
		{"another target", "PUT", "/b", 200, "", false},
		{"another query", "PUT", "/a?x", 200, "", false},
		{"by Location", "POST", "/", 201, "Location: /a", true},
		{"by relative Location", "POST", "/b", 201, "Location: a", true},
		{"by Content-Location", "POST", "/b", 201, "Content-Location: https://api.example.org/a", true},
		{"by Location of another host", "POST", "/b", 201, "Location: https://evil.example/a", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "")
			r.says("old", "Cache-Control: max-age=60")
			r.do(as(ann, "/a"))
			r.do(as(bob, "/a"))
			c := policytest.NewCall(tt.method, tt.target)
			c.Caller = bob
			r.answer = func(*policy.Call) *policy.Response {
				h := policytest.Fields()
				if tt.header != "" {
					h = policytest.Fields(tt.header)
				}
				return &policy.Response{Status: tt.status, Header: h, Body: policytest.NewResponse(200, "").Body}
			}
			if o := r.do(c); o.Cache != "fwd=method" {
				t.Errorf("Cache-Status is %s", o.Cache)
			}
			r.says("new", "Cache-Control: max-age=60")
			for _, caller := range []policy.Caller{ann, bob} {
				if o := r.do(as(caller, "/a")); o.Body == "new" != tt.forgotten {
					t.Errorf("%s gets %q", caller.User, o.Body)
				}
			}
		})
	}
}

// What was on its way when it was changed is from before, perhaps, and not stored.
func TestChangedWhileOnItsWay(t *testing.T) {
	r := newRig(t, "")
	first := true
	r.answer = func(c *policy.Call) *policy.Response {
		if c.Method == "PUT" {
			return policytest.NewResponse(204, "")
		}
		if first {
			first = false
			r.do(policytest.NewCall("PUT", "/a"))
			return policytest.NewResponse(200, "old", "Cache-Control: max-age=60")
		}
		return policytest.NewResponse(200, "new", "Cache-Control: max-age=60")
	}
	if o := r.get("/a"); o.Body != "old" {
		t.Errorf("the first call got %q", o.Body)
	}
	want(t, r.get("/a"), 200, "new", stored)
	want(t, r.get("/a"), 200, "new", "hit; ttl=60")
}

// An upstream that fails to make a change has perhaps not made it; there is nothing to say.
func TestChangeWithoutAnswer(t *testing.T) {
	r := newRig(t, "")
	r.says("old", "Cache-Control: max-age=60")
	r.get("/a")
	r.fails()
	r.do(policytest.NewCall("PUT", "/a"))
	want(t, r.get("/a"), 200, "old", "hit; ttl=60")
}
