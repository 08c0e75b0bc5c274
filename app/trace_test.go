package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// traced starts a server with an API and returns what its upstream is told when the API is called with a trace.
func traced(t *testing.T, endpoint string) (header http.Header, s *serving) {
	t.Helper()
	told := make(chan http.Header, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.Header }))
	t.Cleanup(upstream.Close)
	c := quiet(t)
	c.OTLPEndpoint = endpoint
	s = serve(t, c, "realm: default\napis: [{name: open, path: /open, auth: [none], upstream: '"+upstream.URL+"'}]")
	r, err := http.NewRequest("GET", "http://"+s.addr+"/open/1?key=hush", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Traceparent", traceparent)
	r.Header.Set("Tracestate", "vendor=1")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return <-told, s
}

func TestTracesPassThrough(t *testing.T) {
	header, _ := traced(t, "")
	if got := header["Traceparent"]; len(got) != 1 || got[0] != traceparent || header.Get("Tracestate") != "vendor=1" {
		t.Errorf("%q %q", got, header["Tracestate"])
	}
}

// The whole way: the caller's trace, ours, the upstream's; and what there is to tell is told before the server is gone.
func TestTraces(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	var mu sync.Mutex
	var reports string
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		reports += string(body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	defer collector.Close()
	header, s := traced(t, collector.URL)
	m := regexp.MustCompile(`^00-0af7651916cd43dd8448eb211c80319c-([0-9a-f]{16})-01$`).FindStringSubmatch(header.Get("Traceparent"))
	if m == nil || m[1] == traceparent[36:52] || header.Get("Tracestate") != "vendor=1" {
		t.Fatalf("the upstream was told %q %q", header["Traceparent"], header["Tracestate"])
	}
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{`"GET open"`, `"sallyport.api"`, `"/open/1"`, strings.ToUpper(m[1]), strings.ToUpper(traceparent[36:52])} {
		if !strings.Contains(reports, want) {
			t.Errorf("%s is not told:\n%s", want, reports)
		}
	}
	if strings.Contains(reports, "hush") {
		t.Error("a query is told")
	}
}
