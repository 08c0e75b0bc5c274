package trace

import (
	"context"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"sallyport/web"
)

// A span is a web.Span.
type span struct {
	tracer *Tracer
	ctx    context.Context // holds own
	own    trace.Span
}

// Begin implements web.Tracer.
func (t *Tracer) Begin(v *web.Visit, r *http.Request) web.Span {
	var ctx context.Context = v
	// Trace Context section 3.2: of two traceparents none counts.
	if len(r.Header["Traceparent"]) == 1 {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	if v.Trusted {
		ctx = context.WithValue(ctx, trustedKey{}, true)
	}
	s := &span{tracer: t}
	s.ctx, s.own = t.tracer.Start(ctx, methodName(r.Method), trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(v.Start()))
	return s
}

// methodName is the method if it is one of RFC 9110 section 9.1 or RFC 5789: names of spans must be few.
func methodName(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH":
		return method
	}
	return "_OTHER"
}

// End implements web.Span. The attributes have the names of OpenTelemetry's semantic conventions for HTTP.
func (s *span) End(v *web.Visit) {
	defer s.own.End(trace.WithTimestamp(s.tracer.now()))
	if !s.own.IsRecording() {
		return
	}
	method := methodName(v.Method())
	for _, name := range []string{v.API, v.Face} {
		if name != "" {
			s.own.SetName(method + " " + name)
			break
		}
	}
	scheme := "http"
	if v.Secure {
		scheme = "https"
	}
	attributes := append(make([]attribute.KeyValue, 0, 16),
		attribute.String("http.request.method", method),
		attribute.String("url.scheme", scheme),
		attribute.String("url.path", v.Path()),
		attribute.String("server.address", v.Host()),
		attribute.Int("http.response.status_code", v.Status()),
		attribute.Int64("http.response.body.size", v.Bytes()),
		attribute.String("sallyport.request_id", v.ID))
	if v.Source.IsValid() {
		attributes = append(attributes, attribute.String("client.address", v.Source.String()))
	}
	if method == "_OTHER" {
		attributes = append(attributes, attribute.String("http.request.method_original", v.Method()))
	}
	for _, a := range [...]struct{ name, value string }{
		{"sallyport.face", v.Face}, {"sallyport.api", v.API}, {"sallyport.client", v.Client}, {"sallyport.reason", v.Reason},
	} {
		if a.value != "" {
			attributes = append(attributes, attribute.String(a.name, a.value))
		}
	}
	if v.Status() >= 500 || v.Status() == 0 {
		s.own.SetStatus(codes.Error, "")
		if v.Reason == "" {
			attributes = append(attributes, attribute.String("error.type", strconv.Itoa(v.Status())))
		} else {
			attributes = append(attributes, attribute.String("error.type", v.Reason))
		}
	}
	s.own.SetAttributes(attributes...)
}

// Upstream implements web.Span.
func (s *span) Upstream(out *http.Request) func(status int, err error) {
	ctx, call := s.tracer.tracer.Start(s.ctx, methodName(out.Method), trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(s.tracer.now()))
	delete(out.Header, "Traceparent")
	delete(out.Header, "Tracestate")
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(out.Header))
	if call.IsRecording() {
		call.SetAttributes(
			attribute.String("http.request.method", methodName(out.Method)),
			attribute.String("url.full", out.URL.Scheme+"://"+out.URL.Host+out.URL.EscapedPath()),
			attribute.String("server.address", out.URL.Hostname()),
		)
		if port, err := strconv.Atoi(out.URL.Port()); err == nil {
			call.SetAttributes(attribute.Int("server.port", port))
		}
	}
	return func(status int, err error) {
		defer call.End(trace.WithTimestamp(s.tracer.now()))
		if !call.IsRecording() {
			return
		}
		if status != 0 {
			call.SetAttributes(attribute.Int("http.response.status_code", status))
		}
		if err != nil || status >= 400 {
			call.SetStatus(codes.Error, "")
		}
		if err != nil {
			call.RecordError(err)
		}
	}
}
