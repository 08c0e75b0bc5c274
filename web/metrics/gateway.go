package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sallyport/oauth"
)

// gatewayCounters count calls to APIs. There are as many as the deployment has APIs.
type gatewayCounters struct {
	calls    *prometheus.CounterVec
	refusals *prometheus.CounterVec
	took     *prometheus.HistogramVec
}

func (g *gatewayCounters) register(r *prometheus.Registry) {
	g.calls = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sallyport_gateway_calls_total", Help: "Calls to registered APIs, by class of the status answered.",
	}, []string{"realm", "api", "class"})
	g.refusals = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sallyport_gateway_refusals_total", Help: "Calls that the gateway did not forward, or could not, by reason.",
	}, []string{"realm", "api", "reason"})
	g.took = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sallyport_gateway_call_duration_seconds", Help: "How long calls took, the upstream included.", Buckets: buckets(),
	}, []string{"realm", "api"})
	r.MustRegister(g.calls, g.refusals, g.took)
}

// Call returns the hook that counts the calls of one API. A call that was forwarded looks nothing up; one that was refused
// has time.
func (m *Metrics) Call(realm, api string) func(status int, reason oauth.Reason, took time.Duration) {
	g := &m.gateway
	var calls [len(classes)]prometheus.Counter
	for i, class := range classes {
		calls[i] = g.calls.WithLabelValues(realm, api, class)
	}
	duration := g.took.WithLabelValues(realm, api)
	return func(status int, reason oauth.Reason, took time.Duration) {
		calls[classOf(status)].Inc()
		duration.Observe(took.Seconds())
		if reason != "" {
			g.refusals.WithLabelValues(realm, api, string(reason)).Inc()
		}
	}
}
