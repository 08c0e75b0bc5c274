package metrics

import "github.com/prometheus/client_golang/prometheus"

// An Upstream is what is known of one server that calls of an API go to.
type Upstream struct {
	Realm, API, Target string // the target by its URL

	Up        bool // it passes its health requests, and is not ejected
	InFlight  int64
	Ejections int64 // so far
}

// Upstreams shows what each yields, whenever Prometheus asks. It is called once. A server that is named several times for
// one API, for callers from different addresses perhaps, is shown once: the calls are added up, and it is up if all say so.
func (m *Metrics) Upstreams(each func(yield func(Upstream))) {
	label := []string{"realm", "api", "target"}
	m.registry.MustRegister(&upstreams{
		each: each,
		up: prometheus.NewDesc("sallyport_upstream_up",
			"1 if the target passes its health requests and is not ejected, 0 otherwise.", label, nil),
		inFlight: prometheus.NewDesc("sallyport_upstream_in_flight",
			"Calls under way to the target, copies included.", label, nil),
		ejections: prometheus.NewDesc("sallyport_upstream_ejections_total",
			"How often the target was left alone because calls to it failed.", label, nil),
	})
}

// upstreams reads what there is at each scrape, so that a target that is gone leaves nothing behind.
type upstreams struct {
	each                    func(yield func(Upstream))
	up, inFlight, ejections *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (u *upstreams) Describe(ch chan<- *prometheus.Desc) {
	ch <- u.up
	ch <- u.inFlight
	ch <- u.ejections
}

// Collect implements prometheus.Collector. Nothing is sent from within each, which may hold a lock.
func (u *upstreams) Collect(ch chan<- prometheus.Metric) {
	type key struct{ realm, api, target string }
	all := map[key]*Upstream{}
	u.each(func(s Upstream) {
		k := key{s.Realm, s.API, s.Target}
		if known := all[k]; known != nil {
			known.Up = known.Up && s.Up
			known.InFlight += s.InFlight
			known.Ejections += s.Ejections
			return
		}
		all[k] = &s
	})
	for k, s := range all {
		up := 0.0
		if s.Up {
			up = 1
		}
		ch <- prometheus.MustNewConstMetric(u.up, prometheus.GaugeValue, up, k.realm, k.api, k.target)
		ch <- prometheus.MustNewConstMetric(u.inFlight, prometheus.GaugeValue, float64(s.InFlight), k.realm, k.api, k.target)
		ch <- prometheus.MustNewConstMetric(u.ejections, prometheus.CounterValue, float64(s.Ejections), k.realm, k.api, k.target)
	}
}
