// Package trace takes part in traces that reach across servers. It continues the trace that a request names (W3C Trace
// Context), records the request and its call to an upstream, passes the context on, and sends what was recorded to a
// collector by OTLP over HTTP.
//
// Whoever does not want traces has no Tracer: then no request meets this package, and the fields of a caller's trace pass
// through to the upstream as they came.
//
// A stranger's word on whether a trace is recorded does not count, only a trusted proxy's. Nothing is recorded that may be
// a credential: no query, and no header.
package trace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"sallyport/web"
)

// Config says what is traced and who is told.
type Config struct {
	Endpoint string           // of the collector; a URL without a path gets that of OTLP's specification
	Every    int              // of the traces that begin here, one in so many is recorded; 0: each
	Version  string           // of the program
	Log      *slog.Logger     // required
	Now      func() time.Time // required

	Exporter sdk.SpanExporter // takes the place of the collector; tests put others here
}

// A Tracer is a web.Tracer.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	now      func() time.Time
}

var _ web.Tracer = (*Tracer)(nil)

// CheckEndpoint says what is wrong with the address of a collector.
func CheckEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("it is not the address of a collector; write it like http://127.0.0.1:4318")
	}
	return nil
}

// New returns a tracer. It needs no collector that is there: what cannot be sent is dropped, and the log told now and
// then. Close must be called in the end.
func New(ctx context.Context, c Config) (*Tracer, error) {
	exporter := c.Exporter
	if exporter == nil {
		u, err := url.Parse(c.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("the address of the collector: %w", err)
		}
		if u.Path == "" || u.Path == "/" {
			u.Path = "/v1/traces"
		}
		if exporter, err = otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String())); err != nil {
			return nil, fmt.Errorf("the exporter of traces: %w", err)
		}
	}
	// RESOURCE attributes of the environment (OTEL_RESOURCE_ATTRIBUTES) name what only the operator knows.
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "sallyport"), attribute.String("service.version", c.Version),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("what traces say of this program: %w", err)
	}
	t := &Tracer{now: c.Now}
	t.provider = sdk.NewTracerProvider(
		sdk.WithBatcher(&patient{SpanExporter: exporter, log: c.Log, now: c.Now}),
		sdk.WithResource(about),
		sdk.WithSampler(sampler{share: sdk.TraceIDRatioBased(1 / float64(max(1, c.Every)))}),
	)
	t.tracer = t.provider.Tracer("sallyport/web/trace", trace.WithInstrumentationVersion(c.Version))
	return t, nil
}

// Close sends what is waiting and ends the tracer.
func (t *Tracer) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("the last traces could not be sent: %w", err)
	}
	return nil
}

// A sampler decides whether a trace is recorded: a trusted proxy's word goes, otherwise it is a matter of the trace's id,
// so that servers of one configuration decide alike.
type sampler struct{ share sdk.Sampler }

type trustedKey struct{}

// ShouldSample implements sdk.Sampler.
func (s sampler) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	if parent.IsValid() && (!parent.IsRemote() || p.ParentContext.Value(trustedKey{}) != nil) {
		r := sdk.SamplingResult{Decision: sdk.Drop, Tracestate: parent.TraceState()}
		if parent.IsSampled() {
			r.Decision = sdk.RecordAndSample
		}
		return r
	}
	return s.share.ShouldSample(p)
}

// Description implements sdk.Sampler.
func (s sampler) Description() string { return "sallyport{" + s.share.Description() + "}" }

// patient sends spans and tells the log of failures, at most once a minute: a collector that is away must not fill it.
type patient struct {
	sdk.SpanExporter
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex // guards told
	told time.Time
}

const tellEvery = time.Minute

// ExportSpans implements sdk.SpanExporter.
func (p *patient) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := p.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); p.told.IsZero() || now.Sub(p.told) >= tellEvery {
		p.told = now
		p.log.Warn("traces could not be sent and are lost", "spans", len(spans), "cause", err)
	}
	return nil // it has been told
}
