package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"

	"sallyport/gateway"
	"sallyport/policy/bearer"
)

// mirrorOf answers with everything that it was told, so that whoever called can see whether it was theirs.
func mirrorOf(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller has left
		}
		h := w.Header()
		h.Set("X-Who", r.Header.Get("X-Sallyport-Client"))
		h.Set("X-Echo", r.Header.Get("X-Mine"))
		h.Set("X-For", r.Header.Get("X-Request-Id"))
		h.Set("Set-Cookie", "mine="+r.Header.Get("X-Mine"))
		if r.URL.Query().Get("chunks") != "" {
			_, _ = w.Write(body[:len(body)/2])
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(body[len(body)/2:])
			return
		}
		_, _ = w.Write(body)
	}
}

// Hundreds of callers at once, of every kind: each gets what is its own, although calls and buffers are used again.
func TestNoCallerGetsAnothersAnswer(t *testing.T) { eachEngine(t, testNoCallerGetsAnothersAnswer) }

func testNoCallerGetsAnothersAnswer(t *testing.T) {
	const callers, calls = 24, 60
	all := tokens{}
	for i := range callers {
		name := fmt.Sprintf("t%d", i)
		all[name] = &token.Access{Realm: "default", Client: "client-" + name, User: "user-" + name, Scope: scope.Set{"read"}}
	}
	p := newProbe("p")
	p.request = func(c *policy.Call) error {
		switch c.Header.Get("X-Do") {
		case "refuse":
			return &policy.Refusal{Status: 429, Reason: policy.RateExceeded, Detail: "Refused " + c.Caller.Client}
		case "answer":
			c.Answer = &policy.Answer{Status: 200, Header: []policy.Param{{Name: "X-Who", Value: c.Caller.Client}, {Name: "X-Echo", Value: c.Header.Get("X-Mine")}}, Body: []byte(c.Header.Get("X-Mine"))}
		case "read":
			if _, err := c.Body.Read(1 << 20); err != nil {
				return err
			}
		}
		return nil
	}
	configure := with(p)
	b := start(t, func(c *gateway.Config) {
		configure(c)
		c.Parts.Ways["bearer"] = bearer.Kind(all, nil)
	}, &api.API{Name: "a", Path: "/", Upstream: upstream(t, mirrorOf(t)), Policies: named("p")})
	transport := &http.Transport{MaxIdleConnsPerHost: callers, DisableCompression: true}
	defer transport.CloseIdleConnections()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			for n := range calls {
				if !oneCall(t, transport, b.URL, fmt.Sprintf("t%d", i), n, rng) {
					return
				}
			}
		})
	}
	wg.Wait()
}

// oneCall makes a call of some kind and looks whether the answer is its own.
func oneCall(t *testing.T, transport http.RoundTripper, url, name string, n int, rng *rand.Rand) bool {
	mine := fmt.Sprintf("%s-%d-%d", name, n, rng.Uint64())
	body := []byte(strings.Repeat(mine, 1+rng.IntN(1+rng.IntN(3000))))
	do := []string{"", "", "", "refuse", "answer", "read", "leave"}[rng.IntN(7)]
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	query := ""
	if rng.IntN(2) == 0 {
		query = "?chunks=1"
	}
	var from io.Reader = bytes.NewReader(body)
	if rng.IntN(2) == 0 {
		from = io.MultiReader(from) // of unknown length
	}
	r, _ := http.NewRequestWithContext(ctx, "POST", url+"/"+mine+query, from)
	r.Header.Set("Authorization", "Bearer "+name)
	r.Header.Set("X-Mine", mine)
	r.Header.Set("X-Do", do)
	if do == "leave" {
		time.AfterFunc(time.Duration(rng.IntN(2000))*time.Microsecond, cancel)
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		if do != "leave" {
			t.Errorf("%s: %v", do, err)
		}
		return do == "leave"
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	want := string(body)
	switch {
	case err != nil:
		if do != "leave" {
			t.Errorf("%s: %v", do, err)
		}
		return do == "leave"
	case do == "refuse":
		if res.StatusCode != 429 || !strings.Contains(string(got), `"Refused client-`+name+`"`) {
			t.Errorf("refused with %d %s", res.StatusCode, got)
		}
		return true
	case do == "answer":
		want = mine
	default:
		if res.Header.Get("X-For") != res.Header.Get("X-Request-Id") || res.Header.Get("Set-Cookie") != "mine="+mine {
			t.Errorf("%s: header %v", mine, res.Header)
		}
	}
	if res.StatusCode != 200 || string(got) != want || res.Header.Get("X-Who") != "client-"+name || res.Header.Get("X-Echo") != mine {
		t.Errorf("%q of %s got %d, %d bytes, header %v", mine, name, res.StatusCode, len(got), res.Header)
		return false
	}
	return true
}

// Calls are tried again where the API allows it, at another target, with the same body.
func TestRetries(t *testing.T) { eachEngine(t, testRetries) }

func testRetries(t *testing.T) {
	var got seen
	var busy atomic.Int64
	good := upstream(t, record(&got))
	bad := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		busy.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	targets := func(first string) []api.Target { return []api.Target{{URL: first}, {URL: good}} }
	two := api.Retry{Attempts: 3, On: []int{503}, Budget: 100}
	p := newProbe("read")
	p.request = func(c *policy.Call) error { _, err := c.Body.Read(100); return err }
	b := start(t, with(p),
		&api.API{Name: "down", Path: "/down", Targets: targets("http://127.0.0.1:1"), Auth: named("none"), Upstreams: api.Upstreams{Retry: two, Balance: api.Balance{By: api.BalanceRoundRobin}}},
		&api.API{Name: "busy", Path: "/busy", Targets: targets(bad), Auth: named("none"), Upstreams: api.Upstreams{Retry: two, Balance: api.Balance{By: api.BalanceRoundRobin}}},
		&api.API{Name: "kept", Path: "/kept", Targets: targets(bad), Auth: named("none"), Policies: named("read"), Upstreams: api.Upstreams{Retry: two, Balance: api.Balance{By: api.BalanceRoundRobin}}},
	)
	for _, tt := range []struct {
		method, path, body string
		ok                 bool // always; otherwise only when the good target comes first
	}{
		{"GET", "/down", "", true}, {"POST", "/down", "body", true}, // never left
		{"GET", "/busy", "", true}, {"POST", "/busy", "", false}, // not idempotent
		{"PUT", "/busy", "body", true},
		{"PUT", "/busy", strings.Repeat("large", 20000), false}, // its body is gone
		{"PUT", "/kept", "body", true},
	} {
		refused := 0
		for range 4 {
			got = seen{}
			var body io.Reader = http.NoBody
			if tt.body != "" {
				body = strings.NewReader(tt.body)
			}
			res, _ := b.call(t, tt.method, tt.path, body)
			switch {
			case res.StatusCode != 200:
				refused++
			case got.Body != tt.body || got.URI != tt.path || len(got.Header["X-Forwarded-For"]) != 1:
				t.Errorf("%s %s: upstream got %+v", tt.method, tt.path, got)
			}
		}
		if want := map[bool]int{true: 0, false: 2}[tt.ok]; refused != want {
			t.Errorf("%s %s: %d of 4 failed, want %d", tt.method, tt.path, refused, want)
		}
	}
	if busy.Load() < 6 {
		t.Errorf("the bad target was asked %d times", busy.Load())
	}
}

// Copies go to the mirror, body and all; what it answers is nobody's concern.
func TestMirror(t *testing.T) { eachEngine(t, testMirror) }

func testMirror(t *testing.T) {
	copies := make(chan seen, 1)
	mirror := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		var got seen
		record(&got)(w, r)
		w.WriteHeader(http.StatusInternalServerError)
		copies <- got
	})
	var got seen
	a := open(upstream(t, record(&got)))
	a.Mirror = api.Mirror{URL: mirror + "/copy"}
	b := start(t, nil, a)
	for _, body := range []string{"", "body"} {
		res, _ := b.call(t, "POST", "/x?q", strings.NewReader(body))
		if res.StatusCode != 200 || got.Body != body || got.URI != "/x?q" {
			t.Errorf("%d, upstream got %+v", res.StatusCode, got)
		}
		if c := <-copies; c.Body != body || c.URI != "/copy/x?q" || c.Header.Get("X-Forwarded-Host") == "" {
			t.Errorf("mirror got %+v", c)
		}
	}
	b.call(t, "POST", "/x", io.MultiReader(strings.NewReader("of unknown length")))
	select {
	case c := <-copies:
		t.Errorf("copied %+v", c)
	default:
	}
}

func TestHostOfTheUpstream(t *testing.T) { eachEngine(t, testHostOfTheUpstream) }

func testHostOfTheUpstream(t *testing.T) {
	var got seen
	up := upstream(t, record(&got))
	for setting, want := range map[string]string{"": strings.TrimPrefix(up, "http://"), "caller": "a.example", "b.example:80": "b.example:80"} {
		a := open(up)
		a.Upstreams.Host = setting
		b := start(t, nil, a)
		raw(t, b, "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
		if got.Host != want || got.Header.Get("X-Forwarded-Host") != "a.example" {
			t.Errorf("%q: %+v", setting, got)
		}
	}
}

// Calls must not reach what only the machine itself should: the addresses of cloud metadata.
func TestForbiddenUpstream(t *testing.T) { eachEngine(t, testForbiddenUpstream) }

func testForbiddenUpstream(t *testing.T) {
	for _, address := range []string{"http://169.254.169.254", "http://[fd00:ec2::254]", "http://[::ffff:169.254.169.254]", "http://0.0.0.0:1"} {
		b := start(t, nil, open(address))
		if res, body := b.call(t, "GET", "/", nil); res.StatusCode != 502 || !strings.Contains(body, "upstream_denied") || strings.Contains(body, "169.254") {
			t.Errorf("%s: %d %s", address, res.StatusCode, body)
		}
	}
}

func TestTimeoutsOfAnAPI(t *testing.T) { eachEngine(t, testTimeoutsOfAnAPI) }

func testTimeoutsOfAnAPI(t *testing.T) {
	a := open(upstream(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	a.Timeouts.Answer = realm.Duration(30 * time.Millisecond)
	b := start(t, nil, a)
	if res, body := b.call(t, "GET", "/", nil); res.StatusCode != 504 || !strings.Contains(body, string(policy.UpstreamTimeout)) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

// A change of one API leaves what policies have counted for another, and what changes on the same API beside its policies.
func TestPoliciesOutliveChanges(t *testing.T) {
	var made atomic.Int64
	up := upstream(t, ok)
	s := func(a *api.API, edit func(*api.API)) *api.API {
		c := *a
		edit(&c)
		return &c
	}
	counting := newProbe("p")
	b := start(t, func(c *gateway.Config) {
		with(counting)(c)
		kind := c.Parts.Kinds["p"]
		inner := kind.New
		kind.New = func(site policy.Site, settings json.RawMessage) (policy.Policy, error) {
			made.Add(1)
			return inner(site, settings)
		}
		c.Parts.Kinds["p"] = kind
	})
	first := &api.API{Realm: "default", Name: "a", Path: "/a", Upstream: up, Auth: named("none"), Policies: named("p")}
	for i, step := range []struct {
		apis []*api.API
		made int64
	}{
		{[]*api.API{first}, 1},
		{[]*api.API{s(first, func(*api.API) {})}, 1},
		{[]*api.API{first, {Realm: "default", Name: "b", Path: "/b", Upstream: up, Auth: named("none")}}, 1},
		{[]*api.API{s(first, func(a *api.API) { a.Scopes, a.Timeouts.Idle = []string{"x"}, realm.Duration(time.Hour) })}, 1},
		{[]*api.API{s(first, func(a *api.API) { a.Policies = []api.Policy{{Name: "p", Settings: []byte("{}")}} })}, 2},
		{nil, 2},
		{[]*api.API{first}, 3},
	} {
		b.shelf.put(nil, step.apis...)
		b.hub.Publish(changeOf("a"))
		b.call(t, "GET", "/b", nil) // waits for the change
		if n := made.Load(); n != step.made {
			t.Errorf("step %d: made %d times, want %d", i, n, step.made)
		}
	}
}

// The refusal of a policy says what it must whatever error it is wrapped in.
func TestWrappedRefusal(t *testing.T) {
	p := newProbe("p")
	p.request = func(*policy.Call) error { return fmt.Errorf("because: %w", refusing(nil)) }
	b := start(t, with(p), &api.API{Name: "a", Path: "/", Upstream: "http://127.0.0.1:1", Auth: named("none"), Policies: named("p")})
	if res, body := b.call(t, "GET", "/", nil); res.StatusCode != 429 || !strings.Contains(body, `"policy":"p"`) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	p.request = func(*policy.Call) error { return oauth.Because(oauth.Unavailable, errors.New("hush")) }
	if res, body := b.call(t, "GET", "/", nil); res.StatusCode != 503 || strings.Contains(body, "hush") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}
