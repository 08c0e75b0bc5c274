package cache_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/policy"
	"sallyport/policy/policytest"
)

const miss, stored = "fwd=uri-miss", "fwd=uri-miss; stored"

// TestStored asks twice, ten seconds apart, and looks whether the second answer is the first (RFC 9111 section 3 and 4.2).
func TestStored(t *testing.T) {
	at := policytest.Time
	tests := []struct {
		name   string
		status int
		header string // fields of the answer, by "|"
		hit    string // Age and Cache-Status of the second answer; "": it came from the upstream
	}{
		{"max-age", 200, "Cache-Control: max-age=60", "10 hit; ttl=50"},
		{"the date is added if the upstream gives none", 200, "Cache-Control: max-age=60", "10 hit; ttl=50"},
		{"nothing said", 200, "Etag: \"a\"", ""},
		{"nothing is guessed", 200, "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT", ""},
		{"s-maxage counts before max-age", 200, "Cache-Control: max-age=5, s-maxage=60", "10 hit; ttl=50"},
		{"s-maxage may be shorter", 200, "Cache-Control: max-age=60, s-maxage=5", ""},
		{"max-age counts before Expires", 200, "Cache-Control: max-age=60|Expires: 0", "10 hit; ttl=50"},
		{"Expires", 200, "Date: " + httpDate(at) + "|Expires: " + httpDate(at.Add(time.Minute)), "10 hit; ttl=50"},
		{"Expires in the past", 200, "Date: " + httpDate(at) + "|Expires: " + httpDate(at.Add(-time.Minute)), ""},
		{"Expires that is no date", 200, "Expires: 0", ""},
		{"Expires in an old form", 200, "Date: " + httpDate(at) + "|Expires: " + at.Add(time.Minute).Format("Monday, 02-Jan-06 15:04:05 GMT"), "10 hit; ttl=50"},
		{"Age of a cache before us", 200, "Cache-Control: max-age=60|Age: 45", "55 hit; ttl=5"},
		{"too old already", 200, "Cache-Control: max-age=60|Age: 55", ""},
		{"a date in the past is age", 200, "Cache-Control: max-age=60|Date: " + httpDate(at.Add(-40*time.Second)), "50 hit; ttl=10"},
		{"a date in the future is not", 200, "Cache-Control: max-age=60|Date: " + httpDate(at.Add(time.Hour)), "10 hit; ttl=50"},
		{"ten years", 200, "Cache-Control: max-age=99999999999999999999", "10 hit; ttl=2147483637"},
		{"in quotes", 200, `Cache-Control: max-age="60"`, "10 hit; ttl=50"},
		{"in capitals", 200, "Cache-Control: Max-Age=60", "10 hit; ttl=50"},
		{"in two lines", 200, "Cache-Control: public|Cache-Control: max-age=60", "10 hit; ttl=50"},
		{"twice: the shorter", 200, "Cache-Control: max-age=60, max-age=5", ""},
		{"no number", 200, "Cache-Control: max-age=1h", ""},
		{"negative", 200, "Cache-Control: max-age=-60", ""},
		{"unknown directives", 200, `Cache-Control: x="a, no-store", max-age=60, y`, "10 hit; ttl=50"},

		{"no-store", 200, "Cache-Control: max-age=60, no-store", ""},
		{"private", 200, "Cache-Control: max-age=60, private", ""},
		{"private fields", 200, `Cache-Control: max-age=60, private="x-a"`, ""},
		{"no-cache", 200, "Cache-Control: max-age=60, no-cache", ""},
		{"no-cache fields", 200, `Cache-Control: max-age=60, no-cache="x-a"`, ""},
		{"must-understand what is understood", 200, "Cache-Control: max-age=60, must-understand, no-store", "10 hit; ttl=50"},
		{"must-understand what is not", 418, "Cache-Control: max-age=60, must-understand, no-store", ""},
		{"Vary: *", 200, "Cache-Control: max-age=60|Vary: Accept, *", ""},
		{"Set-Cookie", 200, "Cache-Control: public, max-age=60|Set-Cookie: s=1", ""},
		{"a part", 206, "Cache-Control: max-age=60|Content-Range: bytes 0-3/8", ""},
		{"trailers", 200, "Cache-Control: max-age=60|Trailer: X-Sum", ""},

		{"not found", 404, "Cache-Control: max-age=60", "10 hit; ttl=50"},
		{"not found, nothing said", 404, "", ""},
		{"moved", 301, "Cache-Control: max-age=60|Location: /b", "10 hit; ttl=50"},
		{"an error of one request", 400, "Cache-Control: max-age=60", ""},
		{"header too large", 431, "Cache-Control: max-age=60", ""},
		{"an error of the upstream", 503, "Cache-Control: max-age=60", ""},
		{"not implemented", 501, "Cache-Control: max-age=60", ""},
		{"forbidden", 403, "Cache-Control: public, max-age=60", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "")
			var header []string
			if tt.header != "" {
				header = strings.Split(tt.header, "|")
			}
			r.answer = func(*policy.Call) *policy.Response { return policytest.NewResponse(tt.status, "one", header...) }
			first := r.get("/a")
			if first.Status != tt.status || first.Body != "one" {
				t.Fatalf("the first answer is %d %q", first.Status, first.Body)
			}
			r.now = r.now.Add(10 * time.Second)
			r.answer = func(*policy.Call) *policy.Response { return policytest.NewResponse(tt.status, "two", header...) }
			o := r.get("/a")
			got := o.Age + " " + o.Cache
			if tt.hit == "" {
				if o.Body != "two" || r.asked != 2 {
					t.Errorf("the second answer is %q (%s), after %d calls", o.Body, got, r.asked)
				}
				return
			}
			if o.Body != "one" || got != tt.hit || r.asked != 1 || o.Status != tt.status {
				t.Errorf("the second answer is %d %q (%s), want %s", o.Status, o.Body, got, tt.hit)
			}
			if o.Header.Get("Date") == "" {
				t.Error("it has no date")
			}
		})
	}
}

// TestRequestDirectives asks for something that is stored, ten seconds old, and fresh for fifty more (RFC 9111 section
// 5.2.1).
func TestRequestDirectives(t *testing.T) {
	tests := []struct {
		directives, answer string
		after              time.Duration
		body, cache        string
	}{
		{"", "max-age=60", 10, "one", "hit; ttl=50"},
		{"no-cache", "max-age=60", 10, "two", "fwd=request; stored"},
		{"max-age=0", "max-age=60", 10, "two", "fwd=request; stored"},
		{"max-age=5", "max-age=60", 10, "two", "fwd=request; stored"},
		{"max-age=10", "max-age=60", 10, "one", "hit; ttl=50"},
		{"min-fresh=50", "max-age=60", 10, "one", "hit; ttl=50"},
		{"min-fresh=51", "max-age=60", 10, "two", "fwd=request; stored"},
		{"no-store", "max-age=60", 10, "two", "fwd=bypass"},
		{"only-if-cached", "max-age=60", 10, "one", "hit; ttl=50"},
		{"max-stale", "max-age=5", 10, "one", "hit; ttl=-5; detail=max-stale"},
		{"max-stale=5", "max-age=5", 10, "one", "hit; ttl=-5; detail=max-stale"},
		{"max-stale=4", "max-age=5", 10, "two", "fwd=stale; stored"},
		{"max-stale", "max-age=5, must-revalidate", 10, "two", "fwd=stale; stored"},
		{"max-stale", "max-age=5, proxy-revalidate", 10, "two", "fwd=stale; stored"},
		{"max-stale", "s-maxage=5", 10, "two", "fwd=stale; stored"},
	}
	for _, tt := range tests {
		t.Run(tt.directives+" of "+tt.answer, func(t *testing.T) {
			r := newRig(t, "")
			r.says("one", "Cache-Control: "+tt.answer, `Etag: "1"`)
			r.get("/a")
			r.now = r.now.Add(tt.after * time.Second)
			r.says("two", "Cache-Control: "+tt.answer, `Etag: "2"`)
			var header []string
			if tt.directives != "" {
				header = []string{"Cache-Control: " + tt.directives}
			}
			want(t, r.get("/a", header...), 200, tt.body, tt.cache)
		})
	}
}

func TestOnlyIfCached(t *testing.T) {
	r := newRig(t, "")
	r.says("one", "Cache-Control: max-age=60")
	if o := r.get("/a", "Cache-Control: only-if-cached"); o.Status != 504 || o.Reason != policy.NotStored || r.asked != 0 {
		t.Errorf("got %d %s after %d calls", o.Status, o.Reason, r.asked)
	}
}

// A caller that forces a new answer gets one, and so does everybody after it: what it fetched is stored. A caller that
// wants nothing stored does not take from others what is.
func TestForcedAnswerIsStored(t *testing.T) {
	r := newRig(t, "")
	r.says("one", "Cache-Control: max-age=60")
	want(t, r.get("/a", "Cache-Control: no-cache"), 200, "one", stored)
	want(t, r.get("/a"), 200, "one", "hit; ttl=60")
	r.says("two", "Cache-Control: max-age=60")
	want(t, r.get("/a", "Cache-Control: no-cache"), 200, "two", "fwd=request; stored")
	want(t, r.get("/a"), 200, "two", "hit; ttl=60")
	r.says("three", "Cache-Control: max-age=60")
	want(t, r.get("/a", "Cache-Control: no-store"), 200, "three", "fwd=bypass")
	want(t, r.get("/a"), 200, "two", "hit; ttl=60")
}

// An upstream's own words on caching are passed on as they are, stored or not, on routes that cache and on those that do
// not.
func TestUpstreamsWordsArePassedOn(t *testing.T) {
	r := newRig(t, "")
	header := []string{"Cache-Control: max-age=60, stale-if-error=5", "Expires: " + httpDate(r.now.Add(time.Hour)), "Vary: Accept", `Etag: W/"x"`, "Cache-Status: Origin; hit"}
	r.says("one", header...)
	for _, call := range []*policy.Call{
		policytest.NewCall("GET", "/a"), policytest.NewCall("GET", "/a"), policytest.NewCall("POST", "/a"),
		policytest.NewCall("GET", "/a", "Range: bytes=0-1"),
	} {
		o := r.do(call)
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			if got := o.Header.Values(name); len(got) == 0 || got[0] != value {
				t.Errorf("%s: %s is %q, want %q", o.Cache, name, got, value)
			}
		}
		if n := len(o.Header.Values("Cache-Status")); n != 2 {
			t.Errorf("%s: %d members of Cache-Status", o.Cache, n)
		}
	}
}
