package app_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/app/apptest"
)

const callersYAML = `realm: default
scopes: [{name: read}]
clients:
  - {id: shop, secret: shop-secret-1, grants: [client_credentials], scopes: [read]}
apis:
`

// engines are the two databases a server may run on.
var engines = map[string][]apptest.Option{"sqlite": nil, "postgres": {apptest.Postgres()}}

func shopToken(t *testing.T, s *apptest.Server) string {
	t.Helper()
	answer := s.Post(t, "/token", "grant_type", "client_credentials", "client_id", "shop", "client_secret", "shop-secret-1")
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer.Body), &body); err != nil || body.AccessToken == "" {
		t.Fatalf("no token: %d %s", answer.Status, answer.Body)
	}
	return body.AccessToken
}

// TestQuotaIsExact: of 200 callers who make 2,000 calls between them, exactly 1,000 are served, and the upstream sees as
// many.
func TestQuotaIsExact(t *testing.T) {
	for engine, options := range engines {
		t.Run(engine, func(t *testing.T) {
			var reached atomic.Int64
			upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
			defer upstream.Close()
			s := apptest.New(t, callersYAML+`  - {name: orders, path: /orders, upstream: `+upstream.URL+`, scopes: [read], policies: [{quota: {calls: 1000, per: ever}}]}`, options...)
			token := shopToken(t, s)
			s.Client.Transport = &http.Transport{MaxIdleConnsPerHost: 200}
			defer s.Client.CloseIdleConnections()
			var served, refused atomic.Int64
			var wg sync.WaitGroup
			for range 200 {
				wg.Go(func() {
					for range 10 {
						switch a := s.Get(t, "/orders", token); a.Status {
						case 200:
							served.Add(1)
						case 429:
							refused.Add(1)
						default:
							t.Errorf("status %d: %s", a.Status, a.Body)
						}
					}
				})
			}
			wg.Wait()
			if served.Load() != 1000 || refused.Load() != 1000 || reached.Load() != 1000 {
				t.Errorf("%d served, %d refused, %d reached the upstream; want 1000 of each", served.Load(), refused.Load(), reached.Load())
			}
		})
	}
}

// TestRevocationUnderLoad: no call that begins after the acknowledgement of a revocation is served.
func TestRevocationUnderLoad(t *testing.T) {
	for engine, options := range engines {
		t.Run(engine, func(t *testing.T) {
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
			defer upstream.Close()
			s := apptest.New(t, callersYAML+`  - {name: orders, path: /orders, upstream: `+upstream.URL+`, scopes: [read], policies: [{ratelimit: {rate: 1000000/s}}]}`, options...)
			s.Client.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
			defer s.Client.CloseIdleConnections()
			for round := range 5 {
				revokeUnderLoad(t, s, round)
			}
		})
	}
}

func revokeUnderLoad(t *testing.T, s *apptest.Server, round int) {
	token := shopToken(t, s)
	var acknowledged atomic.Int64 // Unix time in nanoseconds
	var before, after, late atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for ctx.Err() == nil {
				began := time.Now().UnixNano()
				status := s.Get(t, "/orders", token).Status
				switch acked := acknowledged.Load(); {
				case acked == 0 || began <= acked:
					before.Add(1)
				case status == 200:
					late.Add(1)
				default:
					after.Add(1)
				}
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	if a := s.Post(t, "/revoke", "token", token, "client_id", "shop", "client_secret", "shop-secret-1"); a.Status != 200 {
		t.Errorf("revocation: %d %s", a.Status, a.Body)
	}
	acknowledged.Store(time.Now().UnixNano())
	time.Sleep(100 * time.Millisecond)
	stop()
	wg.Wait()
	t.Logf("round %d: %d calls before, %d refused after", round, before.Load(), after.Load())
	if late.Load() > 0 || before.Load() == 0 || after.Load() == 0 {
		t.Errorf("round %d: %d calls served after the acknowledgement (%d before, %d refused after)", round, late.Load(), before.Load(), after.Load())
	}
}
