package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/gateway"
	"sallyport/oauth"
	"sallyport/policy"
)

// A probe is a policy that notes when it is asked and does what a test says.
type probe struct {
	name     string
	request  func(*policy.Call) error
	response func(*policy.Call, *policy.Response) error

	mu   sync.Mutex
	said []string
	done chan struct{} // one token when there was a Done
}

func newProbe(name string) *probe { return &probe{name: name, done: make(chan struct{}, 1)} }

func (p *probe) note(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, what)
}

func (p *probe) notes() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	said := strings.Join(p.said, " ")
	p.said = nil
	return said
}

func (p *probe) Request(_ context.Context, c *policy.Call) error {
	p.note("request")
	if p.request == nil {
		return nil
	}
	return p.request(c)
}

func (p *probe) Response(_ context.Context, c *policy.Call, r *policy.Response) error {
	switch {
	case r.Failure != nil:
		p.note("failure:" + string(r.Failure.Reason))
	case r.Answered:
		p.note("answered")
	default:
		p.note("response")
	}
	if p.response == nil {
		return nil
	}
	return p.response(c, r)
}

func (p *probe) Done(*policy.Call) {
	p.note("done")
	select {
	case p.done <- struct{}{}:
	default: // nobody waits
	}
}

// with puts probes into the gateway's parts.
func with(probes ...*probe) func(*gateway.Config) {
	return func(c *gateway.Config) {
		c.Parts.Kinds = map[string]policy.Kind{}
		for i, p := range probes {
			c.Parts.Kinds[p.name] = policy.Kind{Rank: 10 + i, New: func(policy.Site, json.RawMessage) (policy.Policy, error) { return p, nil }}
		}
	}
}

func refusing(*policy.Call) error {
	return &policy.Refusal{Status: 429, Reason: policy.RateExceeded, Detail: "Slower."}
}

func answering(c *policy.Call) error {
	c.Answer = &policy.Answer{Status: 203, Header: []policy.Param{{Name: "X-Mock", Value: "1"}, {Name: "X-Mock", Value: "2"}}, Body: []byte("mocked")}
	return nil
}

// Whatever becomes of a call, each policy that has met it is told of its end, once.
func TestHooks(t *testing.T) { eachEngine(t, testHooks) }

func testHooks(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/half":
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/wait":
			<-r.Context().Done()
		default:
			_, _ = io.WriteString(w, "hello")
		}
	})
	tests := []struct {
		name     string
		path     string
		request  func(*policy.Call) error
		response func(*policy.Call, *policy.Response) error
		status   int // 0: none
		body     string
		a, b     string // what the probes note
	}{
		{name: "it passes", path: "/x", status: 200, body: "hello", a: "request response done", b: "request response done"},
		{name: "refused", path: "/x", request: refusing, status: 429, a: "request done", b: "request done"},
		{name: "answered", path: "/x", request: answering, status: 203, body: "mocked", a: "request answered done", b: "request answered done"},
		{name: "a fault", path: "/x", request: func(*policy.Call) error { return errors.New("oops") }, status: 500, a: "request done", b: "request done"},
		{name: "the upstream is away", path: "/down", status: 502, a: "request failure:upstream_failed done", b: "request failure:upstream_failed done"},
		{name: "the answer breaks off", path: "/half", status: 0, a: "request response done", b: "request response done"},
		{name: "the caller leaves", path: "/wait", status: 0, a: "request done", b: "request done"},
		{name: "a panic", path: "/x", request: func(*policy.Call) error { panic(http.ErrAbortHandler) }, status: 0, a: "request done", b: "request done"},
		{name: "the answer is refused", path: "/x", response: func(*policy.Call, *policy.Response) error {
			return &policy.Refusal{Status: 502, Reason: policy.UpstreamFailed, Detail: "Not this."}
		}, status: 502, a: "request done", b: "request response done"},
		{name: "an answer for the upstream that is away", path: "/down", response: func(_ *policy.Call, r *policy.Response) error {
			r.Failure, r.Status, r.Body, r.Length = nil, 200, io.NopCloser(strings.NewReader("stale")), 5
			r.Header.Set("Warning", "110")
			return nil
		}, status: 200, body: "stale", a: "request response done", b: "request failure:upstream_failed done"},
		{name: "another body", path: "/x", response: func(_ *policy.Call, r *policy.Response) error {
			text, err := io.ReadAll(r.Body)
			text = bytes.ToUpper(append(text, '!'))
			r.Body, r.Length = io.NopCloser(bytes.NewReader(text)), int64(len(text))
			r.Header.Set("X-Upper", "1")
			return err
		}, status: 200, body: "HELLO!", a: "request response done", b: "request response done"},
		{name: "a body of unknown length", path: "/x", response: func(_ *policy.Call, r *policy.Response) error {
			r.Length = -1
			return nil
		}, status: 200, body: "hello", a: "request response done", b: "request response done"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first, second := newProbe("a"), newProbe("b")
			second.request, second.response = tt.request, tt.response
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			apis := []*api.API{
				{Name: "up", Path: "/", Upstream: up, Auth: named("none"), Policies: named("b", "a")},
				{Name: "down", Path: "/down", Upstream: "http://127.0.0.1:1", Auth: named("none"), Policies: named("a", "b")},
			}
			b := start(t, with(first, second), apis...)
			if tt.name == "the caller leaves" {
				second.request = func(*policy.Call) error { cancel(); return nil }
			}
			r, _ := http.NewRequestWithContext(ctx, "GET", b.URL+tt.path, nil)
			res, err := b.transport.RoundTrip(r)
			var body []byte
			status := 0
			if err == nil {
				if body, err = io.ReadAll(res.Body); err == nil {
					status = res.StatusCode
				}
				res.Body.Close()
			}
			if status != tt.status || tt.body != "" && string(body) != tt.body {
				t.Errorf("%d %q (%v), want %d %q", status, body, err, tt.status, tt.body)
			}
			<-first.done
			b.Server.Close() // nobody is told a second time
			if diff := cmp.Diff([]string{tt.a, tt.b}, []string{first.notes(), second.notes()}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnswerOfAPolicy(t *testing.T) {
	p := newProbe("p")
	p.request = answering
	b := start(t, with(p), &api.API{Name: "a", Path: "/", Upstream: "http://127.0.0.1:1", Auth: named("none"), Policies: named("p")})
	res, body := b.call(t, "GET", "/", nil)
	if diff := cmp.Diff([]string{"1", "2"}, res.Header["X-Mock"]); diff != "" || body != "mocked" || res.ContentLength != 6 || res.Header["Content-Type"] != nil {
		t.Errorf("%q, header %v", body, res.Header)
	}
	if res, body := b.call(t, "HEAD", "/", nil); res.StatusCode != 203 || body != "" || res.ContentLength != 6 {
		t.Errorf("HEAD: %d %q, header %v", res.StatusCode, body, res.Header)
	}
}

// What policies say in the reply is in every answer; fields that are lists are joined, others are the policy's.
func TestReply(t *testing.T) {
	p := newProbe("p")
	p.request = func(c *policy.Call) error {
		c.Reply.Set("RateLimit", `"p";r=1;t=1`)
		c.Reply.Add("Vary", "Origin")
		c.Reply.Set("Cache-Control", "private")
		return nil
	}
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Vary", "Accept")
		w.Header().Set("Cache-Control", "public")
	})
	b := start(t, with(p), &api.API{Name: "a", Path: "/a", Upstream: up, Auth: named("none"), Policies: named("p")},
		&api.API{Name: "b", Path: "/b", Upstream: "http://127.0.0.1:1", Auth: named("none"), Policies: named("p")})
	res, _ := b.call(t, "GET", "/a", nil)
	if diff := cmp.Diff(http.Header{"Ratelimit": {`"p";r=1;t=1`}, "Vary": {"Origin", "Accept"}, "Cache-Control": {"private"}},
		http.Header{"Ratelimit": res.Header["Ratelimit"], "Vary": res.Header["Vary"], "Cache-Control": res.Header["Cache-Control"]}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if res, _ := b.call(t, "GET", "/b", nil); res.StatusCode != 502 || res.Header.Get("RateLimit") == "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

// A body that a policy has read goes upstream as it was.
func TestBodyIsReadTwice(t *testing.T) { eachEngine(t, testBodyIsReadTwice) }

func testBodyIsReadTwice(t *testing.T) {
	var got seen
	var read string
	var length int64
	p := newProbe("p")
	p.request = func(c *policy.Call) error {
		length = c.Body.Length()
		for range 2 {
			body, err := c.Body.Read(10)
			if err != nil {
				return err
			}
			read = string(body)
		}
		return nil
	}
	b := start(t, with(p), &api.API{Name: "a", Path: "/", Upstream: upstream(t, record(&got)), Auth: named("none"), Policies: named("p")})
	chunked := func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) } // of unknown length
	for _, tt := range []struct {
		name   string
		body   io.Reader
		length int64
		want   string
		status int
		reason oauth.Reason
	}{
		{"none", nil, 0, "", 200, ""},
		{"short", strings.NewReader("0123456789"), 10, "0123456789", 200, ""},
		{"of unknown length", chunked("01234"), -1, "01234", 200, ""},
		{"empty, of unknown length", chunked(""), -1, "", 200, ""},
		{"too long", strings.NewReader("0123456789x"), 11, "", 413, oauth.RequestTooLarge},
		{"too long, of unknown length", chunked("0123456789x"), -1, "", 413, oauth.RequestTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, read = seen{}, ""
			res, body := b.call(t, "POST", "/x", tt.body)
			if res.StatusCode != tt.status || !strings.Contains(body, string(tt.reason)) {
				t.Fatalf("%d %s", res.StatusCode, body)
			}
			if length != tt.length || read != tt.want || got.Body != tt.want || tt.status != 200 && got.URI != "" {
				t.Errorf("length %d, read %q, upstream got %+v", length, read, got)
			}
		})
	}
	answer := raw(t, b, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 400 ") || !strings.Contains(answer, "request_malformed") {
		t.Errorf("a broken body: %q", answer)
	}
}

// What a policy makes of path and query is what is sent, behind the target's own path.
func TestRewrittenPath(t *testing.T) {
	var got seen
	p := newProbe("p")
	p.request = func(c *policy.Call) error {
		c.Path, c.Query = "/else%20where", "q=1"
		c.Header.Set("X-Forwarded-Proto", "gopher")
		return nil
	}
	b := start(t, with(p), &api.API{Name: "a", Path: "/a", Upstream: upstream(t, record(&got)) + "/base", Auth: named("none"), Policies: named("p"), Strip: true})
	b.call(t, "GET", "/a/b?c=d", nil)
	if got.URI != "/base/else%20where?q=1" || got.Header.Get("X-Forwarded-Proto") != "http" {
		t.Errorf("upstream got %+v", got)
	}
}
