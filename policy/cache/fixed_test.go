package cache_test

import (
	"testing"
	"time"

	"sallyport/policy"
	"sallyport/policy/policytest"
)

// TestFixed stores one answer with mode fixed and looks whether a second call gets it.
func TestFixed(t *testing.T) {
	tests := []struct {
		name, settings string
		status         int
		answer         string
		after          time.Duration
		hit            bool
	}{
		{"a minute if nothing is said", `{"mode": "fixed"}`, 200, "", 59 * time.Second, true},
		{"and no longer", `{"mode": "fixed"}`, 200, "", 60 * time.Second, false},
		{"minutes", `{"mode": "fixed", "minutes": 5}`, 200, "", 299 * time.Second, true},
		{"and no longer than that", `{"mode": "fixed", "minutes": 5}`, 200, "", 300 * time.Second, false},
		{"whatever the upstream says of time", `{"mode": "fixed"}`, 200, "Cache-Control: max-age=1, no-cache, must-revalidate", 59 * time.Second, true},
		{"for longer than that too", `{"mode": "fixed"}`, 200, "Cache-Control: max-age=3600", 61 * time.Second, false},
		{"Expires and Age do not count", `{"mode": "fixed"}`, 200, "Expires: 0", 59 * time.Second, true},
		{"201", `{"mode": "fixed"}`, 201, "", time.Second, true},
		{"302", `{"mode": "fixed"}`, 302, "", time.Second, true},
		{"399", `{"mode": "fixed"}`, 399, "", time.Second, true},
		{"400", `{"mode": "fixed"}`, 400, "", time.Second, false},
		{"404", `{"mode": "fixed"}`, 404, "", time.Second, false},
		{"500", `{"mode": "fixed"}`, 500, "", time.Second, false},
		{"206", `{"mode": "fixed"}`, 206, "", time.Second, false},
		{"private", `{"mode": "fixed"}`, 200, "Cache-Control: private", time.Second, false},
		{"no-store", `{"mode": "fixed"}`, 200, "Cache-Control: no-store", time.Second, false},
		{"anything", `{"mode": "fixed", "anything": true}`, 200, "Cache-Control: no-store, private", time.Second, true},
		{"a cookie", `{"mode": "fixed", "anything": true}`, 200, "Set-Cookie: s=1", time.Second, false},
		{"Vary: *", `{"mode": "fixed", "anything": true}`, 200, "Vary: *", time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.settings)
			header := []string{"X-A: 1"}
			if tt.answer != "" {
				header = append(header, tt.answer)
			}
			r.answer = func(*policy.Call) *policy.Response { return policytest.NewResponse(tt.status, "one", header...) }
			r.get("/a")
			r.now = r.now.Add(tt.after)
			r.answer = func(*policy.Call) *policy.Response { return policytest.NewResponse(tt.status, "two", header...) }
			if o := r.get("/a", "Cache-Control: no-cache, no-store"); o.Body == "one" != tt.hit {
				t.Errorf("got %q, %s", o.Body, o.Cache)
			}
		})
	}
}

// The defect that is not copied: an answer is not given to another client, nor to one that asked otherwise.
func TestFixedKeepsCallersApart(t *testing.T) {
	r := newRig(t, `{"mode": "fixed", "anything": true}`)
	r.says("ann's", "Vary: Accept")
	r.do(as(ann, "/a", "Accept: a"))
	want(t, r.do(as(ann, "/a", "Accept: a")), 200, "ann's", "hit; ttl=60")
	r.says("new", "Vary: Accept")
	want(t, r.do(as(bob, "/a", "Accept: a")), 200, "new", stored)
	want(t, r.do(as(ann, "/a", "Accept: b")), 200, "new", "fwd=vary-miss; stored")
}

// The old copy is given if a new one cannot be had, however old it is.
func TestFixedGivesOldCopies(t *testing.T) {
	r := newRig(t, `{"mode": "fixed"}`)
	r.says("old", "Cache-Control: must-revalidate")
	r.get("/a")
	r.now = r.now.Add(100 * time.Hour)
	r.fails()
	want(t, r.get("/a"), 200, "old", "fwd=stale; detail=stale-if-error")
	r.answer = func(*policy.Call) *policy.Response { return policytest.NewResponse(503, "broken") }
	want(t, r.get("/a"), 200, "old", "fwd=stale; fwd-status=503; detail=stale-if-error")
	r.says("new")
	want(t, r.get("/a"), 200, "new", "fwd=stale; stored")
}

// The body is part of the key, and of what the upstream gets. Methods are those that are named.
func TestFixedMethodsAndBodies(t *testing.T) {
	post := func(body string) *policy.Call {
		c := policytest.NewCall("POST", "/search")
		c.Body = policytest.Body(body)
		return c
	}
	r := newRig(t, `{"mode": "fixed", "methods": ["POST"]}`)
	r.answer = func(c *policy.Call) *policy.Response {
		body, err := c.Body.Read(100)
		if err != nil {
			t.Fatal(err)
		}
		return policytest.NewResponse(200, string(body))
	}
	want(t, r.do(post("a")), 200, "a", stored)
	want(t, r.do(post("b")), 200, "b", stored)
	want(t, r.do(post("a")), 200, "a", "hit; ttl=60")
	r.says("got")
	want(t, r.get("/search"), 200, "got", "fwd=method")
	want(t, r.do(post("a")), 200, "a", "hit; ttl=60")

	plain := newRig(t, `{"mode": "fixed"}`)
	plain.says("done")
	want(t, plain.do(post("a")), 200, "done", "fwd=method")
	want(t, plain.do(post("a")), 200, "done", "fwd=method")

	large := newRig(t, `{"mode": "fixed", "methods": ["POST"], "largest": 3}`)
	large.says("big")
	want(t, large.do(post("1234")), 200, "big", "fwd=bypass")
}
