package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/client"
	"sallyport/feed"
	"sallyport/gateway"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/bearer"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
	"sallyport/web"
)

// shelf keeps APIs, and can be out of order.
type shelf struct {
	mu    sync.Mutex
	apis  []*api.API
	fault error
}

func (s *shelf) APIs(context.Context) ([]*api.API, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apis, s.fault
}

func (s *shelf) put(fault error, apis ...*api.API) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apis, s.fault = apis, fault
	for _, a := range apis {
		if a.Realm == "" {
			a.Realm = "default"
		}
	}
}

// tokens verifies by a table.
type tokens map[string]*token.Access

func (t tokens) Verify(_ context.Context, r *realm.Realm, raw string) (*token.Access, error) {
	switch {
	case raw == "expired":
		return nil, oauth.Fail(oauth.TokenExpired, "")
	case raw == "revoked":
		return nil, oauth.Fail(oauth.TokenRevoked, "")
	case raw == "away":
		return nil, oauth.Because(oauth.Unavailable, errors.New("database away"))
	}
	if a := t[raw]; a != nil && a.Realm == r.Name {
		return a, nil
	}
	return nil, oauth.Fail(oauth.TokenMalformed, "")
}

// everybody is switched on.
type everybody struct{}

func (everybody) Get(_ context.Context, realm, id string) (*client.Client, error) {
	return &client.Client{Realm: realm, ID: id, Status: client.On}, nil
}

// named is ways in without settings.
func named(names ...string) []api.Policy {
	var list []api.Policy
	for _, name := range names {
		list = append(list, api.Policy{Name: name})
	}
	return list
}

// engines are what may carry calls: the API's Engine. Whatever is tested of forwarding holds for both.
var engines = map[string]string{"lean": "", "standard": "standard"}

// eachEngine runs a test with either; start sees to it that calls go that way.
func eachEngine(t *testing.T, test func(t *testing.T)) {
	for name := range engines {
		t.Run(name, test)
	}
}

// engineOf returns the engine of a test that eachEngine runs.
func engineOf(t *testing.T) string {
	_, name, _ := strings.Cut(t.Name(), "/")
	name, _, _ = strings.Cut(name, "/")
	return engines[name]
}

// A bench is a gateway on a listener, ready to be called.
type bench struct {
	*httptest.Server
	shelf *shelf
	hub   *feed.Hub
	log   *syncBuffer

	transport *http.Transport // of the callers

	mu    sync.Mutex
	meter []string
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start serves the APIs. edit may change the configuration first.
func start(t *testing.T, edit func(*gateway.Config), apis ...*api.API) *bench {
	t.Helper()
	b := &bench{shelf: &shelf{}, hub: &feed.Hub{}, log: &syncBuffer{}, transport: &http.Transport{DisableCompression: true}}
	for _, a := range apis {
		a.Engine = engineOf(t)
	}
	b.shelf.put(nil, apis...)
	log := slog.New(slog.NewTextHandler(b.log, nil))
	config := gateway.Config{
		APIs: b.shelf, Hub: b.hub, Log: log, Now: time.Now,
		Parts: policy.Parts{
			Clients: everybody{},
			Ways: map[string]policy.Kind{"bearer": bearer.Kind(tokens{
				"good":  {Realm: "default", Client: "c1", User: "dory", Scope: scope.Set{"read", "write"}},
				"alone": {Realm: "default", Client: "c%2", Scope: scope.Set{"read"}},
				"odd":   {Realm: "default", Client: "c1", User: "Dörte \"d\"\r\nX: 1", Scope: scope.Set{"read"}},
			}, nil)},
		},
		Refuse: map[string]gateway.RefuseFunc{"plain": func(w http.ResponseWriter, _ *http.Request, _ *policy.Call, refusal *policy.Refusal) {
			w.WriteHeader(refusal.Status)
			_, _ = io.WriteString(w, "plainly "+string(refusal.Reason))
		}},
		Meter: func(realm, name string) gateway.Meter {
			return func(status int, reason oauth.Reason, _ time.Duration) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.meter = append(b.meter, strings.Join([]string{realm, name, http.StatusText(status), string(reason)}, "|"))
			}
		},
	}
	if edit != nil {
		edit(&config)
	}
	g, err := gateway.New(config)
	if err != nil {
		t.Fatal(err)
	}
	front := &web.Front{
		IDs: web.NewIDs(), Access: web.LogAccess(log), Faults: log, Now: time.Now,
		Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v := web.VisitOf(r.Context())
			v.Context = realm.NewContext(v.Context, &realm.Realm{Name: "default", AllScope: "all"})
			g.ServeHTTP(w, r)
		}),
	}
	b.Server = httptest.NewUnstartedServer(front)
	b.Config.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelError)
	b.Start()
	t.Cleanup(func() {
		b.transport.CloseIdleConnections()
		b.Close()
		g.Close()
		if strings.Contains(b.log.String(), "panicked") {
			t.Errorf("log: %s", b.log)
		}
	})
	return b
}

// upstream serves h and returns its address.
func upstream(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// ok is an upstream that has nothing to say.
func ok(http.ResponseWriter, *http.Request) {}

// call sends a request to the raw path; headers are name, value, name, value …
func (b *bench) call(t *testing.T, method, path string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	raw, query, _ := strings.Cut(path, "?")
	r, err := http.NewRequest(method, b.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	r.URL = &url.URL{Scheme: "http", Host: b.Listener.Addr().String(), Opaque: raw, RawQuery: query}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	res, err := b.transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func TestRefusals(t *testing.T) {
	up := upstream(t, func(http.ResponseWriter, *http.Request) { t.Error("the upstream was called") })
	b := start(t, nil,
		&api.API{Name: "orders", Path: "/orders", Upstream: up, Scopes: []string{"admin", "audit"}},
		&api.API{Name: "plain", Path: "/plain", Upstream: up, Errors: "plain"},
		&api.API{Name: "strong", Path: "/strong", Upstream: up, Auth: []api.Policy{{Name: "bearer", Settings: json.RawMessage(`{"acr":"2","max_age":"5m"}`)}}},
		&api.API{Name: "off", Path: "/off", Upstream: up, Disabled: true, Auth: named("none")},
		&api.API{Name: "broken", Path: "/broken", Upstream: up, Auth: named("none", "cookie")},
	)
	const text = "The access token is not valid. Ask for a new one."
	tests := []struct {
		name, method, path, authorization string
		status                            int
		reason                            string
		challenge                         string
	}{
		{"no token", "GET", "/orders/1", "", 401, "token_missing", `Bearer realm="default"`},
		{"another scheme", "GET", "/orders/1", "Basic eDp5", 401, "token_missing", `Bearer realm="default"`},
		{"no token behind the scheme", "GET", "/orders/1", "Bearer", 400, "request_malformed",
			`Bearer realm="default", error="invalid_request", error_description="The Authorization header holds no well-formed token. Send 'Bearer', a space and the token."`},
		{"garbage", "GET", "/orders/1", "Bearer garbage", 401, "token_malformed",
			`Bearer realm="default", error="invalid_token", error_description="` + text + `"`},
		{"expired", "GET", "/orders/1", "Bearer expired", 401, "token_expired",
			`Bearer realm="default", error="invalid_token", error_description="The access token is expired. Ask for a new one."`},
		{"revoked", "GET", "/orders/1", "Bearer revoked", 401, "token_revoked",
			`Bearer realm="default", error="invalid_token", error_description="` + text + `"`},
		{"without the scope", "GET", "/orders/1", "Bearer good", 403, "scope_missing",
			`Bearer realm="default", error="insufficient_scope", error_description="The access token lacks a scope that this resource needs.", scope="admin audit"`},
		{"a sign-in that is too weak", "GET", "/strong", "Bearer good", 401, "authentication_too_weak",
			`Bearer realm="default", error="insufficient_user_authentication", error_description="The sign-in behind this token is too weak or too old for the resource.", acr_values="2", max_age="300"`},
		{"the store is away", "GET", "/orders/1", "Bearer away", 503, "unavailable", ""},
		{"nothing there", "GET", "/nowhere", "Bearer good", 404, "api_unknown", ""},
		{"switched off", "GET", "/off", "", 503, "api_disabled", ""},
		{"misconfigured", "GET", "/broken", "", 500, "api_misconfigured", ""},
		{"TRACE", "TRACE", "/orders", "Bearer good", 501, "request_method", ""},
		{"a dot segment", "GET", "/orders/../off", "Bearer good", 400, "path_refused", ""},
		{"an encoded dot segment", "GET", "/orders/%2e%2e/off", "Bearer good", 400, "path_refused", ""},
		{"an encoded slash", "GET", "/orders%2f1", "Bearer good", 400, "path_refused", ""},
		{"two slashes", "GET", "//orders", "Bearer good", 400, "path_refused", ""},
		{"a fragment", "GET", "/orders#x", "Bearer good", 400, "path_refused", ""},
		{"a path parameter", "GET", "/orders;x/1", "Bearer good", 400, "path_refused", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var header []string
			if tt.authorization != "" {
				header = []string{"Authorization", tt.authorization}
			}
			res, body := b.call(t, tt.method, tt.path, nil, header...)
			var p struct {
				Status int
				Reason string
				ID     string
				Detail string
			}
			if err := json.Unmarshal([]byte(body), &p); err != nil {
				t.Fatalf("%d %q: %v", res.StatusCode, body, err)
			}
			if res.StatusCode != tt.status || p.Status != tt.status || p.Reason != tt.reason || p.Detail == "" {
				t.Errorf("%d, %+v; want %d, %s", res.StatusCode, p, tt.status, tt.reason)
			}
			if p.ID == "" || p.ID != res.Header.Get("X-Request-Id") || res.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("id %q, header %v", p.ID, res.Header)
			}
			if diff := cmp.Diff(tt.challenge, res.Header.Get("WWW-Authenticate")); diff != "" {
				t.Errorf("challenge (-want +got):\n%s", diff)
			}
		})
	}

	if res, body := b.call(t, "GET", "/plain", nil); res.StatusCode != 401 || body != "plainly token_missing" {
		t.Errorf("in another shape: %d %q", res.StatusCode, body)
	}
	for _, secret := range []string{"Bearer", "garbage", "eDp5"} {
		if strings.Contains(b.log.String(), secret) {
			t.Errorf("%q is in the log: %s", secret, b.log)
		}
	}
	for _, want := range []string{"reason=scope_missing", "face=gateway", "api=orders", "client=c1", "database away"} {
		if !strings.Contains(b.log.String(), want) {
			t.Errorf("%q is not in the log: %s", want, b.log)
		}
	}
}

func TestTwoAuthorizationHeaders(t *testing.T) {
	b := start(t, nil, &api.API{Name: "a", Path: "/", Upstream: upstream(t, ok)})
	res, _ := b.call(t, "GET", "/", nil, "Authorization", "Bearer good", "Authorization", "Bearer good")
	if res.StatusCode != 400 || !strings.Contains(res.Header.Get("WWW-Authenticate"), `error="invalid_request"`) {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

func TestCounters(t *testing.T) {
	b := start(t, nil,
		&api.API{Name: "a", Path: "/a", Upstream: upstream(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })},
		&api.API{Name: "b", Path: "/b", Upstream: "http://127.0.0.1:1", Auth: named("none")},
	)
	b.call(t, "GET", "/a", nil, "Authorization", "Bearer good")
	b.call(t, "GET", "/a", nil)
	b.call(t, "GET", "/b", nil)
	b.call(t, "GET", "/c", nil)
	b.Server.Close() // every handler has returned
	want := []string{"default|a|I'm a teapot|", "default|a|Unauthorized|token_missing", "default|b|Bad Gateway|upstream_failed"}
	if diff := cmp.Diff(want, b.meter); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNewNeedsTheAPIs(t *testing.T) {
	away := errors.New("away")
	s := &shelf{fault: away}
	_, err := gateway.New(gateway.Config{APIs: s, Hub: &feed.Hub{}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
}

func TestWithoutRealmNothingIsServed(t *testing.T) {
	s := &shelf{apis: []*api.API{{Name: "a", Path: "/", Upstream: "http://127.0.0.1:1", Auth: named("none")}}}
	g, err := gateway.New(gateway.Config{APIs: s, Hub: &feed.Hub{}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 404 {
		t.Errorf("status %d", w.Code)
	}
}
