package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sallyport/web"
)

// httpCounters count requests. Everything is resolved beforehand: a request costs one look-up in a small map.
type httpCounters struct {
	faces map[string]*faceCounters // never modified after register
}

type faceCounters struct {
	requests [len(classes)]prometheus.Counter
	took     prometheus.Observer
	bytes    prometheus.Counter
}

func (h *httpCounters) register(r *prometheus.Registry, faces []string) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sallyport_http_requests_total", Help: "Requests served, by face and class of status.",
	}, []string{"face", "class"})
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sallyport_http_request_duration_seconds", Help: "How long requests took, by face.", Buckets: buckets(),
	}, []string{"face"})
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sallyport_http_response_bytes_total", Help: "Bytes of bodies answered, by face.",
	}, []string{"face"})
	r.MustRegister(requests, took, bytes)
	h.faces = map[string]*faceCounters{}
	for _, face := range append([]string{Other}, faces...) {
		c := &faceCounters{took: took.WithLabelValues(face), bytes: bytes.WithLabelValues(face)}
		for i, class := range classes {
			c.requests[i] = requests.WithLabelValues(face, class)
		}
		h.faces[face] = c
	}
}

// Request returns the hook for web.Front's Observe.
func (m *Metrics) Request(now func() time.Time) func(*web.Visit) {
	return func(v *web.Visit) {
		c := m.http.faces[v.Face]
		if c == nil {
			c = m.http.faces[Other]
		}
		c.requests[classOf(v.Status())].Inc()
		c.took.Observe(v.Took(now()).Seconds())
		c.bytes.Add(float64(v.Bytes()))
	}
}
