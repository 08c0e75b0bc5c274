package cache_test

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/policy"
	"sallyport/policy/policytest"
)

// TestRevalidation has an answer go stale that the upstream then says still stands (RFC 9111 section 4.3).
func TestRevalidation(t *testing.T) {
	const modified = "Wed, 01 Jan 2025 00:00:00 GMT"
	tests := []struct {
		validator, sent string
		value           string
	}{
		{`Etag: "1"`, "If-None-Match", `"1"`},
		{`Etag: W/"1"`, "If-None-Match", `W/"1"`},
		{"Last-Modified: " + modified, "If-Modified-Since", modified},
	}
	for _, tt := range tests {
		r := newRig(t, "")
		r.says("one", "Cache-Control: max-age=5", tt.validator, "Content-Type: text/plain", "X-A: old", "X-B: old")
		r.get("/a")
		r.now = r.now.Add(10 * time.Second)
		r.answer = func(c *policy.Call) *policy.Response {
			if got := c.Header.Values(tt.sent); !cmp.Equal(got, []string{tt.value}) {
				t.Errorf("the upstream is asked with %s: %q", tt.sent, got)
			}
			return policytest.NewResponse(304, "", "Cache-Control: max-age=20", tt.validator, "X-A: new", "Content-Type: image/png", "Content-Length: 7")
		}
		o := r.get("/a")
		want(t, o, 200, "one", "fwd=stale; fwd-status=304; stored")
		if o.Age != "0" || o.Header.Get("X-A") != "new" || o.Header.Get("X-B") != "old" || o.Header.Get("Content-Type") != "text/plain" || o.Header.Get("Content-Length") != "3" {
			t.Errorf("freshened: %v", o.Header)
		}
		r.now = r.now.Add(15 * time.Second)
		want(t, r.get("/a"), 200, "one", "hit; ttl=5")
		if r.asked != 2 {
			t.Errorf("%d calls", r.asked)
		}
	}
}

// "no-cache" is stored, and asked about each time.
func TestNoCacheIsAskedAbout(t *testing.T) {
	r := newRig(t, "")
	r.says("one", "Cache-Control: no-cache", `Etag: "1"`)
	want(t, r.get("/a"), 200, "one", stored)
	r.answer = func(*policy.Call) *policy.Response { return policytest.NewResponse(304, "", `Etag: "1"`) }
	want(t, r.get("/a"), 200, "one", "fwd=stale; fwd-status=304; stored")
	want(t, r.get("/a"), 200, "one", "fwd=stale; fwd-status=304; stored")
	r.says("two", "Cache-Control: no-cache", `Etag: "2"`)
	want(t, r.get("/a"), 200, "two", "fwd=stale; stored")
}

// What an upstream says with 304 counts from then on: that nothing may be stored, or that a cookie is for this caller.
func TestWhat304Says(t *testing.T) {
	t.Run("no-store", func(t *testing.T) {
		r := newRig(t, "")
		r.says("one", "Cache-Control: max-age=5", `Etag: "1"`)
		r.get("/a")
		r.now = r.now.Add(10 * time.Second)
		r.answer = func(*policy.Call) *policy.Response { return policytest.NewResponse(304, "", "Cache-Control: no-store") }
		want(t, r.get("/a"), 200, "one", "fwd=stale; fwd-status=304")
		r.says("two", "Cache-Control: no-store")
		want(t, r.get("/a"), 200, "two", miss)
	})
	t.Run("a cookie", func(t *testing.T) {
		r := newRig(t, "")
		r.says("one", "Cache-Control: max-age=5", `Etag: "1"`)
		r.get("/a")
		r.now = r.now.Add(10 * time.Second)
		r.answer = func(*policy.Call) *policy.Response {
			return policytest.NewResponse(304, "", `Etag: "1"`, "Set-Cookie: s=1")
		}
		o := r.get("/a")
		want(t, o, 200, "one", "fwd=stale; fwd-status=304; stored")
		if o.Header.Get("Set-Cookie") != "s=1" {
			t.Error("the caller does not get its cookie")
		}
		if o := r.get("/a"); o.Header.Get("Set-Cookie") != "" || o.Cache != "hit; ttl=5" {
			t.Errorf("somebody else gets it: %v", o)
		}
	})
	t.Run("another entity", func(t *testing.T) {
		r := newRig(t, "")
		r.says("one", "Cache-Control: max-age=5", `Etag: "1"`)
		r.get("/a")
		r.now = r.now.Add(10 * time.Second)
		r.answer = func(*policy.Call) *policy.Response { return policytest.NewResponse(304, "", `Etag: "9"`) }
		want(t, r.get("/a"), 200, "one", "fwd=stale; fwd-status=304")
		r.says("two", "Cache-Control: max-age=5")
		want(t, r.get("/a"), 200, "two", stored)
	})
}

// TestPreconditions asks for what is stored with a condition of the caller's own (RFC 9111 section 4.3.2).
func TestPreconditions(t *testing.T) {
	const modified = "Wed, 01 Jan 2025 00:00:00 GMT"
	tests := []struct {
		header []string
		status int
	}{
		{[]string{`If-None-Match: "1"`}, 304},
		{[]string{`If-None-Match: W/"1"`}, 304},
		{[]string{`If-None-Match: "0", "1"`}, 304},
		{[]string{`If-None-Match: "0"`, `If-None-Match: "1"`}, 304},
		{[]string{`If-None-Match: "0,", "1"`}, 304},
		{[]string{`If-None-Match: *`}, 304},
		{[]string{`If-None-Match: "2"`}, 200},
		{[]string{`If-None-Match: 1`}, 200},
		{[]string{`If-None-Match: "1`}, 200},
		{[]string{`If-None-Match: "1,"`}, 200},
		{[]string{"If-Modified-Since: " + modified}, 304},
		{[]string{"If-Modified-Since: Thu, 02 Jan 2025 00:00:00 GMT"}, 304},
		{[]string{"If-Modified-Since: Tue, 31 Dec 2024 23:59:59 GMT"}, 200},
		{[]string{"If-Modified-Since: yesterday"}, 200},
		{[]string{`If-None-Match: "2"`, "If-Modified-Since: " + modified}, 200},
		{[]string{`If-None-Match: "1"`, "If-Modified-Since: Tue, 31 Dec 2024 23:59:59 GMT"}, 304},
	}
	for _, tt := range tests {
		r := newRig(t, "")
		r.says("one", "Cache-Control: max-age=60", `Etag: "1"`, "Last-Modified: "+modified, "Content-Type: text/plain", "X-A: a")
		r.get("/a")
		o := r.get("/a", tt.header...)
		if o.Status != tt.status || (o.Body == "one") != (tt.status == 200) {
			t.Errorf("%v: %d %q", tt.header, o.Status, o.Body)
		}
		if tt.status == 304 && (o.Header.Get("Content-Type") != "" || o.Header.Get("Etag") != `"1"` || o.Header.Get("Cache-Control") == "" || o.Header.Get("X-A") != "a") {
			t.Errorf("%v: the header of 304 is %v", tt.header, o.Header)
		}
		// The same when the upstream has been asked first.
		r.now = r.now.Add(2 * time.Minute)
		r.answer = func(*policy.Call) *policy.Response { return policytest.NewResponse(304, "", `Etag: "1"`) }
		if o := r.get("/a", tt.header...); o.Status != tt.status || (o.Body == "one") != (tt.status == 200) {
			t.Errorf("%v, stale: %d %q", tt.header, o.Status, o.Body)
		}
	}
}

// Without anything stored, a condition of the caller's is the upstream's to decide, and its 304 the caller's.
func TestForeign304(t *testing.T) {
	r := newRig(t, "")
	r.answer = func(c *policy.Call) *policy.Response {
		if c.Header.Get("If-None-Match") != `"1"` {
			t.Error("the condition is gone")
		}
		return policytest.NewResponse(304, "", "Cache-Control: max-age=60", `Etag: "1"`)
	}
	want(t, r.get("/a", `If-None-Match: "1"`), 304, "", miss)
	r.says("one", "Cache-Control: max-age=60")
	want(t, r.get("/a"), 200, "one", stored)
}

// If-Match and If-Unmodified-Since are not for a cache to decide (RFC 9111 section 4.3.2).
func TestConditionsForTheUpstream(t *testing.T) {
	r := newRig(t, "")
	r.says("one", "Cache-Control: max-age=60", `Etag: "1"`)
	r.get("/a")
	for _, header := range []string{`If-Match: "1"`, "If-Unmodified-Since: " + httpDate(r.now)} {
		want(t, r.get("/a", header), 200, "one", "fwd=bypass")
	}
}

// TestHEAD: what GET has brought answers HEAD (RFC 9111 section 4), and what HEAD brings tells whether it still stands
// (section 4.3.5).
func TestHEAD(t *testing.T) {
	head := func(r *rig) outcome { return r.do(policytest.NewCall("HEAD", "/a")) }
	t.Run("is not stored", func(t *testing.T) {
		r := newRig(t, "")
		r.says("", "Cache-Control: max-age=60")
		want(t, head(r), 200, "", miss)
		r.says("one", "Cache-Control: max-age=60")
		want(t, r.get("/a"), 200, "one", stored)
	})
	t.Run("is answered", func(t *testing.T) {
		r := newRig(t, "")
		r.says("one", "Cache-Control: max-age=60", "X-A: a")
		r.get("/a")
		o := head(r)
		want(t, o, 200, "", "hit; ttl=60")
		if o.Header.Get("X-A") != "a" {
			t.Errorf("header %v", o.Header)
		}
	})
	for _, tt := range []struct{ name, header, cache string }{
		{"agrees", `Etag: "1"`, "hit; ttl=60"},
		{"agrees in length", "Content-Length: 3", "hit; ttl=60"},
		{"differs", `Etag: "2"`, stored},
		{"differs in length", "Content-Length: 4", stored},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "")
			r.says("one", "Cache-Control: max-age=60", `Etag: "1"`)
			r.get("/a")
			r.now = r.now.Add(2 * time.Minute)
			r.answer = func(*policy.Call) *policy.Response {
				return &policy.Response{Status: 200, Header: policytest.Fields("Cache-Control: max-age=60", tt.header), Body: io.NopCloser(nil), Length: -1}
			}
			c := policytest.NewCall("HEAD", "/a")
			c.Time = r.now
			if err := r.p.Request(t.Context(), c); err != nil || c.Answer != nil {
				t.Fatal(err, c.Answer)
			}
			if err := r.p.(policy.Responder).Response(t.Context(), c, r.answer(c)); err != nil {
				t.Fatal(err)
			}
			r.p.(policy.Finisher).Done(c)
			r.says("one", "Cache-Control: max-age=60", `Etag: "1"`)
			want(t, r.get("/a"), 200, "one", tt.cache)
		})
	}
}
