package metrics_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/oauth"
	"sallyport/web"
	"sallyport/web/metrics"
)

func newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Config{
		Version: "v1.2.3", Faces: []string{"gateway", "authserver"}, Grants: []string{"password"}, Dialects: []string{"ddi"},
	})
}

// shows fails unless each line is on the page.
func shows(t *testing.T, m *metrics.Metrics, lines ...string) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	page := w.Body.String()
	for _, line := range lines {
		if !strings.Contains("\n"+page, "\n"+line+"\n") {
			t.Errorf("%s is not on the page:\n%s", line, sallyport(page))
		}
	}
	return page
}

func sallyport(page string) string {
	var ours []string
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "sallyport_") && !strings.Contains(line, "_bucket{") {
			ours = append(ours, line)
		}
	}
	return strings.Join(ours, "")
}

func TestRequests(t *testing.T) {
	m := newMetrics()
	now := time.Unix(1e9, 0)
	clock := func() time.Time { return now }
	front := &web.Front{
		IDs: web.NewIDs(), Faults: slog.New(slog.DiscardHandler), Now: clock, Observe: m.Request(clock),
		Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			web.VisitOf(r.Context()).Face = r.URL.Query().Get("face")
			now = now.Add(3 * time.Millisecond)
			switch r.URL.Path {
			case "/panic":
				panic("x")
			case "/missing":
				w.WriteHeader(404)
			}
			_, _ = io.WriteString(w, "12345")
		}),
	}
	for _, path := range []string{"/?face=gateway", "/?face=gateway", "/missing?face=gateway", "/panic?face=authserver", "/?face=made-up"} {
		front.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	shows(t, m,
		`sallyport_http_requests_total{class="2xx",face="gateway"} 2`,
		`sallyport_http_requests_total{class="4xx",face="gateway"} 1`,
		`sallyport_http_requests_total{class="5xx",face="authserver"} 1`,
		`sallyport_http_requests_total{class="2xx",face="other"} 1`,
		`sallyport_http_response_bytes_total{face="gateway"} 15`,
		`sallyport_http_request_duration_seconds_bucket{face="gateway",le="0.0025"} 0`,
		`sallyport_http_request_duration_seconds_bucket{face="gateway",le="0.005"} 3`,
	)
}

func TestTokenEvents(t *testing.T) {
	m := newMetrics()
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 100 {
				m.TokenEvent("token_issued", "password", "ddi", "")
				m.TokenEvent("token_refused", "made_up", "made-up", "client_unknown")
				m.TokenEvent("token_refused", "", "", "grant_type_missing")
			}
		})
	}
	workers.Wait()
	shows(t, m,
		`sallyport_token_events_total{dialect="ddi",event="token_issued",grant="password",reason=""} 800`,
		`sallyport_token_events_total{dialect="other",event="token_refused",grant="other",reason="client_unknown"} 800`,
		`sallyport_token_events_total{dialect="standard",event="token_refused",grant="none",reason="grant_type_missing"} 800`,
	)
}

func TestCountersAreBounded(t *testing.T) {
	m := newMetrics()
	for i := range 6000 {
		m.TokenEvent("token_refused", fmt.Sprint("g", i), "", "r")
	}
	page := shows(t, m, `sallyport_token_events_total{dialect="standard",event="token_refused",grant="other",reason="r"} 6000`)
	if n := strings.Count(page, "\nsallyport_token_events_total{"); n != 1 {
		t.Errorf("%d counters", n)
	}
	for i := range 6000 {
		m.TokenEvent("token_refused", "", "", fmt.Sprint("r", i))
	}
	if n := strings.Count(shows(t, m), "\nsallyport_token_events_total{"); n > 5001 {
		t.Errorf("%d counters", n)
	}
}

func TestCalls(t *testing.T) {
	m := newMetrics()
	call := m.Call("default", "orders")
	call(200, "", 3*time.Millisecond)
	call(403, oauth.ScopeMissing, time.Microsecond)
	call(0, "", time.Second)
	m.Call("default", "orders")(200, "", time.Millisecond) // made again when the APIs are read again
	shows(t, m,
		`sallyport_gateway_calls_total{api="orders",class="2xx",realm="default"} 2`,
		`sallyport_gateway_calls_total{api="orders",class="4xx",realm="default"} 1`,
		`sallyport_gateway_calls_total{api="orders",class="aborted",realm="default"} 1`,
		`sallyport_gateway_refusals_total{api="orders",realm="default",reason="scope_missing"} 1`,
		`sallyport_gateway_call_duration_seconds_count{api="orders",realm="default"} 4`,
	)
}

// An API that nobody calls costs nothing; one that was called once is shown whole, so that rates can be taken.
func TestUnusedAPIsAreNotShown(t *testing.T) {
	m := newMetrics()
	call := m.Call("default", "orders")
	m.Call("default", "unused")
	if page := shows(t, m); strings.Contains(page, `api="`) {
		t.Error("an API is shown that was not called")
	}
	call(200, "", time.Millisecond)
	page := shows(t, m, `sallyport_gateway_calls_total{api="orders",class="5xx",realm="default"} 0`)
	if strings.Contains(page, `api="unused"`) {
		t.Error("an API is shown that was not called")
	}
}

func TestGaugeAndBuild(t *testing.T) {
	m := newMetrics()
	depth := 7.0
	m.Gauge("sallyport_password_queue", "Passwords waiting to be hashed.", func() float64 { return depth })
	page := shows(t, m, "sallyport_password_queue 7")
	if !strings.Contains(page, `version="v1.2.3"`) || !strings.Contains(page, "go_goroutines") {
		t.Errorf("page %s", page)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := newMetrics()
	call := m.Call("default", "orders")
	m.TokenEvent("token_issued", "password", "ddi", "")
	if n := testing.AllocsPerRun(100, func() {
		call(200, "", time.Millisecond)
		m.TokenEvent("token_issued", "password", "ddi", "")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
