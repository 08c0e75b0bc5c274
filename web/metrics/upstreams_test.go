package metrics_test

import (
	"strings"
	"testing"

	"sallyport/web/metrics"
)

func TestUpstreams(t *testing.T) {
	m := newMetrics()
	known := []metrics.Upstream{
		{Realm: "default", API: "orders", Target: "http://a:1", Up: true, InFlight: 3},
		{Realm: "default", API: "orders", Target: "http://b:1", Ejections: 2},
		{Realm: "staff", API: "orders", Target: "http://a:1", Up: true},
		// The same server for callers from two networks.
		{Realm: "default", API: "near", Target: "http://c:1", Up: true, InFlight: 1, Ejections: 1},
		{Realm: "default", API: "near", Target: "http://c:1", Up: false, InFlight: 4, Ejections: 2},
	}
	m.Upstreams(func(yield func(metrics.Upstream)) {
		for _, u := range known {
			yield(u)
		}
	})
	shows(t, m,
		`sallyport_upstream_up{api="orders",realm="default",target="http://a:1"} 1`,
		`sallyport_upstream_up{api="orders",realm="default",target="http://b:1"} 0`,
		`sallyport_upstream_up{api="orders",realm="staff",target="http://a:1"} 1`,
		`sallyport_upstream_up{api="near",realm="default",target="http://c:1"} 0`,
		`sallyport_upstream_in_flight{api="orders",realm="default",target="http://a:1"} 3`,
		`sallyport_upstream_in_flight{api="near",realm="default",target="http://c:1"} 5`,
		`sallyport_upstream_ejections_total{api="orders",realm="default",target="http://b:1"} 2`,
		`sallyport_upstream_ejections_total{api="near",realm="default",target="http://c:1"} 3`,
	)
	known = known[:1]
	if page := shows(t, m); strings.Contains(page, "http://b:1") {
		t.Error("a target that is gone is still shown")
	}
}
