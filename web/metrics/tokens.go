package metrics

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// tokenCounters count what came of requests at the token service. Counters are made when they are first needed and found
// without a lock from then on.
type tokenCounters struct {
	vec      *prometheus.CounterVec
	grants   map[string]bool
	dialects map[string]bool

	mu    sync.Mutex // held while a counter is added
	known atomic.Pointer[map[tokenOutcome]prometheus.Counter]
}

type tokenOutcome struct{ event, grant, dialect, reason string }

// maxOutcomes bounds the counters, should a reason ever be something else than a stable name.
const maxOutcomes = 5000

func (t *tokenCounters) register(r *prometheus.Registry, c Config) {
	t.vec = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sallyport_token_events_total", Help: "Tokens issued, refused and revoked, by grant, front door and reason.",
	}, []string{"event", "grant", "dialect", "reason"})
	r.MustRegister(t.vec)
	t.grants, t.dialects = set(c.Grants), set(c.Dialects)
	t.known.Store(&map[tokenOutcome]prometheus.Counter{})
}

// TokenEvent counts an event of the token service. The names are those of an audit event: its kind, grant, dialect and
// reason. A grant or dialect that is not known counts as Other, none as "none" and "standard".
func (m *Metrics) TokenEvent(event, grant, dialect, reason string) {
	t := &m.tokens
	key := tokenOutcome{event, listed(grant, t.grants, "none"), listed(dialect, t.dialects, "standard"), reason}
	c := (*t.known.Load())[key]
	if c == nil {
		c = t.add(key)
	}
	c.Inc()
}

func (t *tokenCounters) add(key tokenOutcome) prometheus.Counter {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := *t.known.Load()
	if len(old) >= maxOutcomes {
		return t.vec.WithLabelValues(key.event, key.grant, key.dialect, Other)
	}
	c := t.vec.WithLabelValues(key.event, key.grant, key.dialect, key.reason)
	known := maps.Clone(old)
	known[key] = c
	t.known.Store(&known)
	return c
}

func listed(value string, list map[string]bool, empty string) string {
	switch {
	case value == "":
		return empty
	case list[value]:
		return value
	}
	return Other
}

func set(values []string) map[string]bool {
	s := map[string]bool{}
	for _, v := range values {
		s[v] = true
	}
	return s
}
