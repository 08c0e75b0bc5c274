package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sallyport/bench/rig"
)

// aim is what the authorised, rate-limited call may cost, as a share of what it costs HAProxy.
const aim = 0.75

// A report is everything one run found out.
type report struct {
	Started   time.Time
	Options   options
	Machine   string
	Versions  []string
	Rows      []row
	Latencies []latency
	Memory    []memory
	Scale     []scaled
}

type memory struct {
	name  string
	bytes int64
}

type row struct {
	benchCase
	runs []measurement
}

func (r *report) add(c benchCase, m measurement) {
	for i := range r.Rows {
		if r.Rows[i].name == c.name {
			r.Rows[i].runs = append(r.Rows[i].runs, m)
			return
		}
	}
	r.Rows = append(r.Rows, row{c, []measurement{m}})
}

func (w row) sorted(f func(measurement) float64) []float64 {
	var all []float64
	for _, m := range w.runs {
		all = append(all, f(m))
	}
	slices.Sort(all)
	return all
}

func (w row) cpu() float64 {
	s := w.sorted(func(m measurement) float64 { return m.cpu })
	return s[len(s)/2]
}

func (w row) rate() float64 {
	s := w.sorted(func(m measurement) float64 { return m.rate })
	return s[len(s)/2]
}

// peer is what the aim is measured by.
func (r *report) peer() float64 {
	for _, w := range r.Rows {
		if w.peer {
			return w.cpu()
		}
	}
	return 0
}

// saturation is how many calls per second the aimed case can do on its core.
func (r *report) saturation() float64 {
	for _, w := range r.Rows {
		if w.aimed {
			return min(1e6/w.cpu(), w.rate())
		}
	}
	return 0
}

func (r *report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text := r.markdown()
	if err := os.WriteFile(filepath.Join(dir, "gateway.md"), []byte(text), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "gateway.svg"), []byte(r.plot().SVG()), 0o644); err != nil {
		return err
	}
	fmt.Print(text)
	return nil
}

func (r *report) plot() rig.Plot {
	p := rig.Plot{Title: "Gateway CPU per call", Subtitle: "microseconds, lower is better; the teal tick is the aim: three quarters of HAProxy with the same checks", Unit: "µs", CutAbove: 3 * r.peer()}
	for _, w := range r.Rows {
		bar := rig.Bar{Name: w.name, Value: w.cpu(), Ours: w.ours}
		if w.aimed {
			bar.Aim = aim * r.peer()
		}
		if peer := r.peer(); peer > 0 {
			bar.Note = fmt.Sprintf(" · ×%.2f", w.cpu()/peer)
		}
		p.Bars = append(p.Bars, bar)
	}
	return p
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What a call through the gateway costs\n\nMade by `make bench-gateway` on %s; do not edit.\n\n![CPU per call](gateway.svg)\n\n", r.Started.UTC().Format("2006-01-02"))
	fmt.Fprintf(&b, "CPU of the gateway process per call, user and system; median of %d rounds of %s. GET, HTTP/1.1, 1 KiB of JSON, %d keep-alive connections; "+
		"connections to the upstream are kept alive by all. Each gateway has one worker (Go: GOMAXPROCS=1 and GOGC=400, which Sallyport sets by itself while it holds little) pinned to one core; the load and the upstream share another. "+
		"HAProxy checks signature, algorithm, issuer and expiry of an RS256 token and counts by client in a stick table; Sallyport checks the same, the revocation set, the client and the scope, "+
		"counts by client, sets RateLimit fields and counts metrics. HAProxy has no cache for verified tokens; *first seen* is Sallyport without one.\n\n", r.Options.rounds, r.Options.length, r.Options.connections)
	b.WriteString("| gateway | CPU µs | range | × HAProxy with RS256 | calls/s |\n|---|---:|---:|---:|---:|\n")
	for _, w := range r.Rows {
		s := w.sorted(func(m measurement) float64 { return m.cpu })
		fmt.Fprintf(&b, "| %s | %.1f | %.1f–%.1f | %.2f | %.0f |\n", w.name, w.cpu(), s[0], s[len(s)-1], w.cpu()/r.peer(), w.rate())
	}
	b.WriteString("\nThe load may be what limits calls/s of the cheapest rows; the CPU per call is the steadier figure.\n")
	if len(r.Latencies) > 0 {
		r.latencyTable(&b)
	}
	b.WriteString("\n| memory after the load | MiB |\n|---|---:|\n")
	seen := map[string]bool{}
	for _, m := range r.Memory {
		name, _, _ := strings.Cut(m.name, ",")
		if key := fmt.Sprint(name, m.bytes); !seen[key] {
			seen[key] = true
			fmt.Fprintf(&b, "| %s | %.1f |\n", m.name, float64(m.bytes)/(1<<20))
		}
	}
	if len(r.Scale) > 0 {
		r.scaleTable(&b)
	}
	fmt.Fprintf(&b, "\nConditions: %s; %s.\n", r.Machine, strings.Join(r.Versions, ", "))
	return b.String()
}

func (r *report) latencyTable(b *strings.Builder) {
	direct := r.Latencies[0]
	fmt.Fprintf(b, "\n## At a constant rate\n\n%.0f calls/s, half of what Sallyport can do with RS256 and limit on its core, over %d connections, sent when they are due whether or not the last one was answered: "+
		"a stall counts for every call that was due meanwhile. The better of three runs of %s by p99.\n\n", direct.rate, openConnections, r.Options.length)
	b.WriteString("| gateway | p50 µs | p99 µs | max µs | added p50 | added p99 |\n|---|---:|---:|---:|---:|---:|\n")
	for _, l := range r.Latencies {
		fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d |\n", l.name, l.p50.Microseconds(), l.p99.Microseconds(), l.max.Microseconds(),
			(l.p50 - direct.p50).Microseconds(), (l.p99 - direct.p99).Microseconds())
	}
}

func (r *report) scaleTable(b *strings.Builder) {
	fmt.Fprintf(b, "\n## With many APIs and many clients\n\nBearer (opaque), scope and limit by client; calls to all APIs in turn, by %d clients in turn.\n\n", callers)
	b.WriteString("| | CPU µs per call | × the first | memory idle, MiB | after the load, MiB | start, ms |\n|---|---:|---:|---:|---:|---:|\n")
	for _, s := range r.Scale {
		fmt.Fprintf(b, "| %s | %.1f | %.2f | %.1f | %.1f | %d |\n", s.name, s.cpu, s.cpu/r.Scale[0].cpu, float64(s.idle)/(1<<20), float64(s.loaded)/(1<<20), s.start.Milliseconds())
	}
}
