package cache_test

import (
	"testing"
	"time"

	"sallyport/policy"
	"sallyport/policy/policytest"
)

// TestStaleIfError lets the upstream fail when an answer is five seconds stale (RFC 5861 section 4).
func TestStaleIfError(t *testing.T) {
	tests := []struct {
		name, settings, answer, request string
		status                          int // of the upstream; 0: it does not answer
		stale                           bool
	}{
		{"not allowed", "", "max-age=5", "", 503, false},
		{"allowed by the answer", "", "max-age=5, stale-if-error=60", "", 503, true},
		{"for no longer", "", "max-age=5, stale-if-error=4", "", 503, false},
		{"no answer", "", "max-age=5, stale-if-error=60", "", 0, true},
		{"500", "", "max-age=5, stale-if-error=60", "", 500, true},
		{"502", "", "max-age=5, stale-if-error=60", "", 502, true},
		{"504", "", "max-age=5, stale-if-error=60", "", 504, true},
		{"501 is an answer", "", "max-age=5, stale-if-error=60", "", 501, false},
		{"404 is an answer", "", "max-age=5, stale-if-error=60", "", 404, false},
		{"429 is an answer", "", "max-age=5, stale-if-error=60", "", 429, false},
		{"allowed by the caller", "", "max-age=5", "stale-if-error=60", 503, true},
		{"allowed by the settings", `{"stale_if_error": "1m"}`, "max-age=5", "", 503, true},
		{"the answer counts before the settings", `{"stale_if_error": "1m"}`, "max-age=5, stale-if-error=0", "", 503, false},
		{"must-revalidate", `{"stale_if_error": "1m"}`, "max-age=5, must-revalidate, stale-if-error=60", "stale-if-error=60", 503, false},
		{"proxy-revalidate", `{"stale_if_error": "1m"}`, "max-age=5, proxy-revalidate", "", 503, false},
		{"no-cache", `{"stale_if_error": "1m"}`, "max-age=5, no-cache", "", 503, false},
		{"s-maxage forbids it to others", `{"stale_if_error": "1m"}`, "s-maxage=5", "stale-if-error=60", 503, false},
		{"s-maxage, and the answer's own word", "", "s-maxage=5, stale-if-error=60", "", 503, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.settings)
			r.says("old", "Cache-Control: "+tt.answer, `Etag: "1"`)
			r.get("/a")
			r.now = r.now.Add(10 * time.Second)
			if tt.status == 0 {
				r.fails()
			} else {
				r.answer = func(*policy.Call) *policy.Response { return policytest.NewResponse(tt.status, "broken") }
			}
			var header []string
			if tt.request != "" {
				header = append(header, "Cache-Control: "+tt.request)
			}
			o := r.get("/a", header...)
			if stale := o.Body == "old" && o.Status == 200 && o.Age == "10"; stale != tt.stale {
				t.Errorf("got %d %q, %s", o.Status, o.Body, o.Cache)
			}
			if tt.status == 503 && tt.stale && o.Cache != "fwd=stale; fwd-status=503; detail=stale-if-error" {
				t.Errorf("Cache-Status is %s", o.Cache)
			}
			if !tt.stale && tt.status == 503 && o.Body != "broken" {
				t.Errorf("the upstream's error became %d %q", o.Status, o.Body)
			}
		})
	}
}

// An upstream that fails does not cost what is stored: it is there at the next call, and asked about again.
func TestFailureKeepsWhatIsStored(t *testing.T) {
	r := newRig(t, "")
	r.says("old", "Cache-Control: max-age=5, stale-if-error=60", `Etag: "1"`)
	r.get("/a")
	r.now = r.now.Add(10 * time.Second)
	r.fails()
	r.get("/a")
	r.get("/a")
	if r.asked != 3 {
		t.Errorf("%d calls", r.asked)
	}
	r.answer = func(*policy.Call) *policy.Response { return policytest.NewResponse(304, "", `Etag: "1"`) }
	want(t, r.get("/a"), 200, "old", "fwd=stale; fwd-status=304; stored")
	want(t, r.get("/a"), 200, "old", "hit; ttl=5")
}

// An error with nothing stored is the caller's.
func TestFailureWithoutAnythingStored(t *testing.T) {
	r := newRig(t, `{"stale_if_error": "1m"}`)
	r.fails()
	if o := r.get("/a"); o.Status != 502 || o.Reason != policy.UpstreamFailed {
		t.Errorf("got %d %s", o.Status, o.Reason)
	}
}

// An answer that shows that the stored one is no good any more takes it away, although it is not stored itself.
func TestOutdated(t *testing.T) {
	for _, tt := range []struct {
		status int
		gone   bool
	}{{200, true}, {404, true}, {410, true}, {401, true}, {429, false}, {408, false}, {503, false}} {
		r := newRig(t, "")
		r.says("old", "Cache-Control: max-age=5, stale-if-error=60", `Etag: "1"`)
		r.get("/a")
		r.now = r.now.Add(10 * time.Second)
		r.answer = func(*policy.Call) *policy.Response {
			return policytest.NewResponse(tt.status, "new", "Cache-Control: no-store")
		}
		r.get("/a")
		r.fails()
		if gone := r.get("/a").Status == 502; gone != tt.gone {
			t.Errorf("after %d: gone %v", tt.status, gone)
		}
	}
}

// Where it is not the upstream that failed, nothing stands in: the caller has no target.
func TestRefusalIsNoFailure(t *testing.T) {
	r := newRig(t, `{"stale_if_error": "1m"}`)
	r.says("old", "Cache-Control: max-age=5")
	r.get("/a")
	r.now = r.now.Add(10 * time.Second)
	r.answer = func(*policy.Call) *policy.Response {
		return &policy.Response{Status: 403, Header: policy.Fields{}, Failure: &policy.Refusal{Status: 403, Reason: policy.NoTarget}}
	}
	if o := r.get("/a"); o.Status != 403 || o.Reason != policy.NoTarget {
		t.Errorf("got %d %s", o.Status, o.Reason)
	}
}

// TestStaleWhileRevalidate has one call fetch a new answer, and others served meanwhile (RFC 5861 section 3).
func TestStaleWhileRevalidate(t *testing.T) {
	for _, tt := range []struct {
		name, settings, answer string
		stale                  bool
	}{
		{"not allowed", "", "max-age=5", false},
		{"allowed", "", "max-age=5, stale-while-revalidate=60", true},
		{"for no longer", "", "max-age=5, stale-while-revalidate=5", false},
		{"by the settings", `{"stale_while_revalidate": "1m"}`, "max-age=5", true},
		{"must-revalidate", `{"stale_while_revalidate": "1m"}`, "max-age=5, must-revalidate", false},
		{"s-maxage forbids it to others", `{"stale_while_revalidate": "1m"}`, "s-maxage=5", false},
		{"s-maxage, and the answer's own word", "", "s-maxage=5, stale-while-revalidate=60", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.settings)
			r.says("old", "Cache-Control: "+tt.answer)
			r.get("/a")
			r.now = r.now.Add(10 * time.Second)
			meanwhile := 0
			r.answer = func(*policy.Call) *policy.Response {
				if meanwhile++; meanwhile == 1 {
					o := r.get("/a")
					if stale := o.Body == "old" && o.Cache == "hit; ttl=-5; detail=stale-while-revalidate"; stale != tt.stale {
						t.Errorf("meanwhile: %q, %s", o.Body, o.Cache)
					}
				}
				return policytest.NewResponse(200, "new", "Cache-Control: "+tt.answer)
			}
			if o := r.get("/a"); o.Body != "new" {
				t.Errorf("the call that fetched got %q", o.Body)
			}
			if o := r.get("/a"); o.Body != "new" {
				t.Errorf("after it: %q", o.Body)
			}
		})
	}
}

// A call that fetches and fails leaves it to the next one to try.
func TestRevalidationThatFails(t *testing.T) {
	r := newRig(t, "")
	r.says("old", "Cache-Control: max-age=5, stale-while-revalidate=60")
	r.get("/a")
	r.now = r.now.Add(10 * time.Second)
	r.fails()
	if o := r.get("/a"); o.Status != 502 {
		t.Errorf("the first: %d", o.Status)
	}
	// One whose caller gives up before anything has come.
	c := policytest.NewCall("GET", "/a")
	c.Time = r.now
	if err := r.p.Request(t.Context(), c); err != nil || c.Answer != nil {
		t.Fatalf("the second is not let through: %v, %v", err, c.Answer)
	}
	r.p.(policy.Finisher).Done(c)
	r.says("new", "Cache-Control: max-age=5")
	if o := r.get("/a"); o.Body != "new" {
		t.Errorf("the third: %q", o.Body)
	}
}
