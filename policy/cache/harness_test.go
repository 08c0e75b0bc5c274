package cache_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/cache"
	"sallyport/policy/policytest"
)

// A rig is a cache and the upstream behind it, and does what a gateway does with both.
type rig struct {
	t      testing.TB
	kind   policy.Kind
	p      policy.Policy
	now    time.Time
	asked  int                                 // calls that reached the upstream
	answer func(*policy.Call) *policy.Response // of the upstream
}

// An outcome is what the caller sees.
type outcome struct {
	Status int
	Body   string
	Age    string
	Cache  string // our member of Cache-Status
	Reason oauth.Reason
	Header policy.Fields
}

func newRig(t testing.TB, settings string) *rig {
	kind := cache.Kind(0)
	return &rig{t: t, kind: kind, p: policytest.Make(t, kind, settings), now: policytest.Time}
}

// says makes the upstream answer 200 with a body and header fields.
func (r *rig) says(body string, header ...string) {
	r.answer = func(*policy.Call) *policy.Response {
		return policytest.NewResponse(200, body, append(header, "Date: "+httpDate(r.now))...)
	}
}

// fails makes the upstream not answer at all.
func (r *rig) fails() {
	r.answer = func(*policy.Call) *policy.Response {
		return &policy.Response{
			Status: 502, Body: io.NopCloser(strings.NewReader("")), Header: policy.Fields{},
			Failure: &policy.Refusal{Status: 502, Reason: policy.UpstreamFailed},
		}
	}
}

func (r *rig) get(target string, header ...string) outcome {
	return r.do(policytest.NewCall("GET", target, header...))
}

// do serves a call.
func (r *rig) do(c *policy.Call) outcome {
	r.t.Helper()
	c.Time = r.now
	return serve(r.t, r.p, c, func(c *policy.Call) *policy.Response {
		r.asked++
		return r.answer(c)
	})
}

// serve does to a call what a gateway does.
func serve(t testing.TB, p policy.Policy, c *policy.Call, upstream func(*policy.Call) *policy.Response) outcome {
	t.Helper()
	defer p.(policy.Finisher).Done(c)
	if err := p.Request(t.Context(), c); err != nil {
		return refused(err)
	}
	var r *policy.Response
	if a := c.Answer; a != nil {
		r = policytest.NewResponse(a.Status, string(a.Body))
		for _, f := range a.Header {
			r.Header.Add(f.Name, f.Value)
		}
		r.Answered = true
	} else {
		r = upstream(c)
	}
	if err := p.(policy.Responder).Response(t.Context(), c, r); err != nil {
		return refused(err)
	}
	if r.Failure != nil {
		return refused(r.Failure)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil && !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	if err := r.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if c.Method == "HEAD" {
		body = nil
	}
	status := r.Header.Values("Cache-Status")
	o := outcome{Status: r.Status, Body: string(body), Age: r.Header.Get("Age"), Header: r.Header}
	if len(status) > 0 {
		o.Cache = strings.TrimPrefix(status[len(status)-1], "Sallyport; ")
	}
	return o
}

func refused(err error) outcome {
	return outcome{Status: policytest.Refusal(err).Status, Reason: policytest.Reason(err)}
}

var errBroken = errors.New("connection reset")

func httpDate(at time.Time) string { return at.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }

// want compares what the caller sees.
func want(t testing.TB, o outcome, status int, body, cacheStatus string) {
	t.Helper()
	if o.Status != status || o.Body != body || o.Cache != cacheStatus {
		t.Errorf("got %d %q (%s), want %d %q (%s)", o.Status, o.Body, o.Cache, status, body, cacheStatus)
	}
}

// newRigLike makes another policy that shares the memory of one.
func newRigLike(t testing.TB, r *rig, settings string) *rig {
	return &rig{t: t, kind: r.kind, p: policytest.Make(t, r.kind, settings), now: r.now}
}
