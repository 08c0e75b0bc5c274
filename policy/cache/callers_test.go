package cache_test

import (
	"net/netip"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/policy"
	"sallyport/policy/policytest"
	"sallyport/scope"
)

// as makes a call of one caller.
func as(caller policy.Caller, target string, header ...string) *policy.Call {
	c := policytest.NewCall("GET", target, header...)
	c.Caller = caller
	return c
}

var (
	ann  = policy.Caller{Way: "bearer", Client: "c1", User: "ann", Scope: scope.Set{"read"}}
	bob  = policy.Caller{Way: "bearer", Client: "c1", User: "bob", Scope: scope.Set{"read"}}
	anns = map[string]policy.Caller{
		"another client":  {Way: "bearer", Client: "c2", User: "ann", Scope: scope.Set{"read"}},
		"another user":    bob,
		"no user":         {Way: "bearer", Client: "c1", Scope: scope.Set{"read"}},
		"fewer scopes":    {Way: "bearer", Client: "c1", User: "ann"},
		"more scopes":     {Way: "bearer", Client: "c1", User: "ann", Scope: scope.Set{"admin", "read"}},
		"another way":     {Way: "apikey", Client: "c1", User: "ann", Scope: scope.Set{"read"}},
		"nobody":          {},
		"names in a row":  {Way: "bearer", Client: "c1ann", Scope: scope.Set{"read"}},
		"a scope as name": {Way: "bearer", Client: "c1", User: "annread"},
	}
)

// Each caller has its own answers, unless the API shares and the upstream says that an answer is for all.
func TestAnswersOfOthers(t *testing.T) {
	tests := []struct {
		settings, answer string
		shared           bool
	}{
		{``, "max-age=60", false},
		{``, "public, max-age=60", false},
		{``, "s-maxage=60", false},
		{`{"shared": true}`, "max-age=60", false},
		{`{"shared": true}`, "max-age=60, must-revalidate", false},
		{`{"shared": true}`, "public, max-age=60", true},
		{`{"shared": true}`, "s-maxage=60", true},
		{`{"mode": "fixed"}`, "public, max-age=60", false},
		{`{"mode": "fixed", "shared": true}`, "max-age=60", false},
		{`{"mode": "fixed", "shared": true}`, "public", true},
	}
	for _, tt := range tests {
		for name, other := range anns {
			t.Run(tt.settings+tt.answer+" "+name, func(t *testing.T) {
				r := newRig(t, tt.settings)
				r.says("ann's", "Cache-Control: "+tt.answer)
				r.do(as(ann, "/a"))
				again := r.do(as(ann, "/a"))
				if again.Body != "ann's" || r.asked != 1 {
					t.Fatalf("ann's own answer is not stored: %s", again.Cache)
				}
				r.says("the other's", "Cache-Control: "+tt.answer)
				if got := r.do(as(other, "/a")).Body == "ann's"; got != tt.shared {
					t.Errorf("shared: %v", got)
				}
			})
		}
	}
}

// An upstream that looks at credentials of its own gets a copy for each.
func TestCredentialsThatPass(t *testing.T) {
	for _, field := range []string{"Authorization", "Cookie", "X-Api-Key"} {
		r := newRig(t, "")
		r.answer = func(c *policy.Call) *policy.Response {
			return policytest.NewResponse(200, c.Header.Get(field), "Cache-Control: public, max-age=60")
		}
		for _, value := range []string{"one", "two", "", "one"} {
			c := policytest.NewCall("GET", "/a")
			if value != "" {
				c.Header.Set(field, value)
			}
			if o := r.do(c); o.Body != value {
				t.Errorf("%s: %s got the answer of %s", field, value, o.Body)
			}
		}
		if r.asked != 3 {
			t.Errorf("%s: %d calls", field, r.asked)
		}
	}
}

// A shared answer that the upstream chose by who calls is not for all.
func TestSharedAnswerByCaller(t *testing.T) {
	r := newRig(t, `{"shared": true}`)
	r.says("ann's", "Cache-Control: public, max-age=60", "Vary: X-Sallyport-User")
	r.do(as(ann, "/a"))
	want(t, r.do(as(ann, "/a")), 200, "ann's", "hit; ttl=60")
	r.says("bob's", "Cache-Control: public, max-age=60", "Vary: X-Sallyport-User")
	want(t, r.do(as(bob, "/a")), 200, "bob's", stored)
}

// Where targets are chosen by the caller's address, so are answers.
func TestDivertedCallers(t *testing.T) {
	r := newRig(t, `{"shared": true}`)
	call := func(from string) *policy.Call {
		c := as(ann, "/a")
		c.API = &api.API{Upstreams: api.Upstreams{Divert: []api.Diversion{{From: []string{"10.0.0.0/8"}}}}}
		c.Source = netip.MustParseAddr(from)
		return c
	}
	r.says("here", "Cache-Control: public, max-age=60")
	r.do(call("10.0.0.1"))
	want(t, r.do(call("10.0.0.1")), 200, "here", "hit; ttl=60")
	r.says("there", "Cache-Control: public, max-age=60")
	want(t, r.do(call("192.0.2.1")), 200, "there", stored)
}

// Two APIs have nothing in common, also if they share a cache and look alike.
func TestAnswersOfAnotherPolicy(t *testing.T) {
	r := newRig(t, `{"shared": true}`)
	r.says("one", "Cache-Control: public, max-age=60")
	r.get("/a")
	want(t, r.get("/a"), 200, "one", "hit; ttl=60")
	other := newRigLike(t, r, `{"shared": true}`)
	other.says("two", "Cache-Control: public, max-age=60")
	want(t, other.get("/a"), 200, "two", stored)
	want(t, r.get("/a"), 200, "one", "hit; ttl=60")
}

// What was stored as one caller's own stays so, whatever is said of it later.
func TestOwnAnswerDoesNotBecomeEverybodys(t *testing.T) {
	r := newRig(t, `{"shared": true}`)
	r.says("ann's", "Cache-Control: max-age=5", `Etag: "1"`)
	r.do(as(ann, "/a"))
	r.now = r.now.Add(10 * time.Second)
	r.answer = func(*policy.Call) *policy.Response {
		return policytest.NewResponse(304, "", "Cache-Control: public, max-age=60")
	}
	want(t, r.do(as(ann, "/a")), 200, "ann's", "fwd=stale; fwd-status=304; stored")
	want(t, r.do(as(ann, "/a")), 200, "ann's", "hit; ttl=60")
	r.says("bob's", "Cache-Control: public, max-age=60")
	want(t, r.do(as(bob, "/a")), 200, "bob's", stored)
}
