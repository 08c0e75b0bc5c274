package metrics

import (
	"sync"
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

// apiCounters are those of one API.
type apiCounters struct {
	calls [len(classes)]prometheus.Counter
	took  prometheus.Observer
}

// Call returns the hook that counts the calls of one API. A call that was forwarded looks nothing up; one that was refused
// has time. The counters come into being with the API's first call: of ten thousand APIs, most may never be called, and
// each has two dozen lines on the page.
func (m *Metrics) Call(realm, api string) func(status int, reason oauth.Reason, took time.Duration) {
	g := &m.gateway
	counters := sync.OnceValue(func() *apiCounters {
		c := &apiCounters{took: g.took.WithLabelValues(realm, api)}
		for i, class := range classes {
			c.calls[i] = g.calls.WithLabelValues(realm, api, class)
		}
		return c
	})
	return func(status int, reason oauth.Reason, took time.Duration) {
		c := counters()
		c.calls[classOf(status)].Inc()
		c.took.Observe(took.Seconds())
		if reason != "" {
			g.refusals.WithLabelValues(realm, api, string(reason)).Inc()
		}
	}
}
