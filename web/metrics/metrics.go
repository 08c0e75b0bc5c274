// Package metrics counts what happens and shows it to Prometheus. It owns one registry, which nothing else writes to, and
// hands out hooks in the form of functions: whoever calls them knows nothing of Prometheus.
//
// Labels only ever take values from lists known at start, from the deployment, or from the stable names of reasons.
// Nothing that a stranger sends becomes a label, or memory could be filled with counters.
package metrics

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Other stands in for a label value that is not on its list.
const Other = "other"

// Config says which values labels may take.
type Config struct {
	Version  string   // of the program
	Faces    []string // who serves requests (web.Visit's Face)
	Grants   []string // grant types
	Dialects []string // front doors; the standard one, "", is counted as "standard"
}

// Metrics are the counters of one process.
type Metrics struct {
	registry *prometheus.Registry
	http     httpCounters
	tokens   tokenCounters
	gateway  gatewayCounters
}

// New returns counters at zero.
func New(c Config) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "sallyport_build_info",
		Help:        "Always 1; the labels say what is running.",
		ConstLabels: prometheus.Labels{"version": c.Version, "go_version": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.http.register(m.registry, c.Faces)
	m.tokens.register(m.registry, c)
	m.gateway.register(m.registry)
	return m
}

// Handler serves the counters to Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Gauge shows what read returns whenever Prometheus asks: how many passwords wait to be hashed, for example. The name
// begins with sallyport_ and is given once.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// buckets of durations in seconds, from a token out of memory to a slow upstream.
func buckets() []float64 {
	return []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
}

// classes are the label values of statuses: no more is told apart, so that a counter is an array away.
var classes = [...]string{"aborted", "1xx", "2xx", "3xx", "4xx", "5xx"}

// classOf returns the index in classes. 0 is a connection that was cut before there was an answer.
func classOf(status int) int {
	if c := status / 100; c > 0 && c < len(classes) {
		return c
	}
	return 0
}
