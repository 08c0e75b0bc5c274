package trace_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"sallyport/web"
	"sallyport/web/trace"
)

const (
	parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unsent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

func newTracer(t *testing.T, exporter sdk.SpanExporter, every int) *trace.Tracer {
	t.Helper()
	tracer, err := trace.New(t.Context(), trace.Config{Every: every, Version: "v1", Log: slog.New(slog.DiscardHandler), Now: time.Now, Exporter: exporter})
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

// forward serves a request as the gateway does: it calls an upstream, whose header it returns.
func forward(t *testing.T, tracer *trace.Tracer, status int, header ...string) http.Header {
	t.Helper()
	proxies, err := web.ParseProxies([]string{"10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	var sent http.Header
	f := &web.Front{IDs: web.NewIDs(), Now: time.Now, Trace: tracer, Proxies: proxies, Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := web.VisitOf(r.Context())
		v.Face, v.API, v.Client = "gateway", "orders", "c1"
		out, err := http.NewRequest("GET", "http://127.0.0.1:9000/v1/orders?key=hush", nil)
		if err != nil {
			t.Fatal(err)
		}
		out.Header = r.Header
		end := v.Span.Upstream(out)
		if status == http.StatusBadGateway {
			v.Reason = "upstream_failed"
			end(0, errors.New("connection refused"))
		} else {
			end(status, nil)
		}
		sent = out.Header
		w.WriteHeader(status)
	})}
	r := httptest.NewRequest("GET", "/orders/1?access_token=hush", nil)
	r.RemoteAddr = "192.0.2.1:1"
	for i := 0; i < len(header); i += 2 {
		if header[i] == "peer" {
			r.RemoteAddr = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	f.ServeHTTP(httptest.NewRecorder(), r)
	return sent
}

// kept is an exporter that outlives its tracer.
type kept struct{ tracetest.InMemoryExporter }

func (k *kept) Shutdown(context.Context) error { return nil }

func TestTheTraceGoesOn(t *testing.T) {
	for _, tt := range []struct {
		name     string
		every    int
		header   []string
		recorded bool
		ours     bool // the trace begins here
	}{
		{"none", 1, nil, true, true},
		{"a stranger's", 1, []string{"Traceparent", parent, "Tracestate", "a=1"}, true, false},
		{"a stranger's that is not recorded", 1, []string{"Traceparent", unsent}, true, false},
		{"a stranger's, with few recorded", 1 << 30, []string{"Traceparent", parent}, false, false},
		{"a trusted proxy's, with few recorded", 1 << 30, []string{"peer", "10.0.0.1:1", "Traceparent", parent}, true, false},
		{"a trusted proxy's that is not recorded", 1, []string{"peer", "10.0.0.1:1", "Traceparent", unsent}, false, false},
		{"two", 1, []string{"Traceparent", parent, "Traceparent", parent}, true, true},
		{"garbage", 1, []string{"Traceparent", "00-zz-1-01"}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			exporter := &kept{}
			tracer := newTracer(t, exporter, tt.every)
			got := forward(t, tracer, 200, tt.header...)
			if err := tracer.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			spans := exporter.GetSpans()
			if recorded := len(spans) == 2; recorded != tt.recorded {
				t.Fatalf("%d spans", len(spans))
			}
			m := regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-0([01])$`).FindStringSubmatch(got.Get("Traceparent"))
			if m == nil || len(got["Traceparent"]) != 1 {
				t.Fatalf("the upstream got %q", got["Traceparent"])
			}
			if ours := m[1] != parent[3:35]; ours != tt.ours {
				t.Errorf("trace id %s", m[1])
			}
			if m[2] == parent[36:52] || (m[3] == "1") != tt.recorded {
				t.Errorf("the upstream got %v", m)
			}
			if strings.Contains(strings.Join(tt.header, ""), "a=1") && got.Get("Tracestate") != "a=1" {
				t.Errorf("tracestate %q", got.Get("Tracestate"))
			}
			if tt.recorded {
				call, request := spans[0], spans[1]
				if call.Parent.SpanID() != request.SpanContext.SpanID() || call.SpanContext.SpanID().String() != m[2] {
					t.Error("the spans do not hang together")
				}
				if !tt.ours && request.Parent.SpanID().String() != parent[36:52] {
					t.Error("the caller's span is not the parent")
				}
			}
		})
	}
}

func TestWhatIsRecorded(t *testing.T) {
	exporter := &kept{}
	tracer := newTracer(t, exporter, 1)
	forward(t, tracer, 200, "Authorization", "Bearer hush", "Cookie", "hush")
	forward(t, tracer, 502)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range exporter.GetSpans() {
		line := s.SpanKind.String() + " " + s.Name
		if s.Status.Code == codes.Error {
			line += " failed"
		}
		for _, a := range s.Attributes {
			if value := a.Value.String(); a.Key != "sallyport.request_id" {
				line += "\n  " + string(a.Key) + "=" + value
			}
		}
		for _, e := range s.Events {
			line += "\n  " + e.Name
		}
		got = append(got, line)
	}
	text := strings.Join(got, "\n")
	if strings.Contains(text, "hush") {
		t.Error("a credential is recorded")
	}
	request := `server GET orders
  http.request.method=GET
  url.scheme=http
  url.path=/orders/1
  server.address=example.com
  http.response.status_code=200
  http.response.body.size=0
  client.address=192.0.2.1
  sallyport.face=gateway
  sallyport.api=orders
  sallyport.client=c1
`
	call := `client GET
  http.request.method=GET
  url.full=http://127.0.0.1:9000/v1/orders
  server.address=127.0.0.1
  server.port=9000
  http.response.status_code=200
`
	failed := strings.NewReplacer("orders\n  http", "orders failed\n  http", "=200", "=502").Replace(request)
	want := call + request +
		strings.Replace(strings.Replace(call, "client GET", "client GET failed", 1), "  http.response.status_code=200", "  exception", 1) +
		failed + "  sallyport.reason=upstream_failed\n  error.type=upstream_failed"
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A collector that speaks OTLP gets what there is to tell before the program ends.
func TestCollector(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=of-the-collector")
	type attribute struct {
		Key   string `json:"key"`
		Value struct {
			StringValue string `json:"stringValue"`
		} `json:"value"`
	}
	var report struct {
		ResourceSpans []struct {
			Resource struct {
				Attributes []attribute `json:"attributes"`
			} `json:"resource"`
			ScopeSpans []struct {
				Spans []struct {
					Name string `json:"name"`
				} `json:"spans"`
			} `json:"scopeSpans"`
		} `json:"resourceSpans"`
	}
	var mu sync.Mutex
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
			var plain *gzip.Reader
			if plain, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
				body, err = io.ReadAll(plain)
			}
		}
		if err == nil {
			err = json.Unmarshal(body, &report)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("X-Key") != "of-the-collector" {
			t.Errorf("%s %v %v: %.200q", r.URL, r.Header, err, body)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	defer collector.Close()
	tracer, err := trace.New(t.Context(), trace.Config{Endpoint: collector.URL, Version: "v1", Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	forward(t, tracer, 200)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(report.ResourceSpans) != 1 || len(report.ResourceSpans[0].ScopeSpans) != 1 || len(report.ResourceSpans[0].ScopeSpans[0].Spans) != 2 {
		t.Fatalf("%+v", report)
	}
	about := map[string]string{}
	for _, a := range report.ResourceSpans[0].Resource.Attributes {
		about[a.Key] = a.Value.StringValue
	}
	if about["service.name"] != "sallyport" || about["service.version"] != "v1" {
		t.Errorf("%v", about)
	}
}

// A collector that is away costs a line of the log, not one for each batch, and no request.
func TestCollectorIsAway(t *testing.T) {
	var log bytes.Buffer
	tracer, err := trace.New(t.Context(), trace.Config{
		Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now, Exporter: broken{},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 { // several batches
		forward(t, tracer, 200)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "traces could not be sent"); n != 1 {
		t.Errorf("told %d times: %.500s", n, log.String())
	}
}

type broken struct{}

func (broken) ExportSpans(context.Context, []sdk.ReadOnlySpan) error {
	return errors.New("connection refused")
}
func (broken) Shutdown(context.Context) error { return nil }

func TestCheckEndpoint(t *testing.T) {
	for endpoint, ok := range map[string]bool{
		"http://127.0.0.1:4318": true, "https://collector.example.org/custom/v1/traces": true,
		"127.0.0.1:4318": false, "grpc://a:4317": false, "http://": false, "https://user:password@a": false, "http://a/?x=1": false,
	} {
		if err := trace.CheckEndpoint(endpoint); (err == nil) != ok {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}
