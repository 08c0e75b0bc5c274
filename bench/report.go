package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sallyport/bench/rig"
)

// A report is everything one run found out.
type report struct {
	Started    time.Time
	Options    options
	Machine    string
	Signatures map[string]float64 // CPU µs of one raw signature, by algorithm
	Rows       []row
	Stored     map[string]float64 // bytes per live token, by kind
	FirstToken time.Duration
	IdleBytes  int64
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

// floor is what a case is compared with: the baseline, plus one raw signature for a JWT.
func (r *report) floor(w row) float64 { return r.Rows[0].cpu() + r.Signatures[w.alg] }

func (r *report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "tokens.md"), []byte(r.markdown()), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "tokens.svg"), []byte(r.plot().SVG()), 0o644); err != nil {
		return err
	}
	fmt.Print(r.markdown())
	return nil
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What a token costs\n\nMade by `make bench` on %s; do not edit.\n\n![CPU per request](tokens.svg)\n\n", r.Started.UTC().Format("2006-01-02"))
	fmt.Fprintf(&b, "Server CPU per request, user and system, of the server process alone; median of %d rounds of %s with %d keep-alive connections. "+
		"GOMAXPROCS=2 for each server, on cores shared with the load. The baseline is a bare net/http handler that reads the same form and writes as many bytes. It collects garbage as Go does by default, Sallyport as `serve` does by default (GOGC=400). "+
		"A JWT's floor is the baseline plus one raw signature. Durable rows return after the commit is on disk (SQLite: WAL, synchronous=FULL).\n\n", r.Options.rounds, r.Options.length, r.Options.connections)
	b.WriteString("| case | CPU µs | range | × baseline | × floor | aim | requests/s |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, w := range r.Rows {
		s := w.sorted(func(m measurement) float64 { return m.cpu })
		name, aim := w.name, ""
		if w.durable {
			name += " (durable)"
		}
		if w.limit > 0 {
			aim = fmt.Sprintf("≤ %.1f", w.limit)
		}
		fmt.Fprintf(&b, "| %s | %.1f | %.1f–%.1f | %.2f | %.2f | %s | %.0f |\n", name, w.cpu(), s[0], s[len(s)-1], w.cpu()/r.Rows[0].cpu(), w.cpu()/r.floor(w), aim, w.rate())
	}
	b.WriteString("\n| raw signature, all cores busy | CPU µs |\n|---|---:|\n")
	for _, alg := range slices.Sorted(maps.Keys(r.Signatures)) {
		fmt.Fprintf(&b, "| %s | %.1f |\n", alg, r.Signatures[alg])
	}
	b.WriteString("\n| stored per live token (SQLite) | bytes |\n|---|---:|\n")
	for _, kind := range slices.Sorted(maps.Keys(r.Stored)) {
		fmt.Fprintf(&b, "| %s | %.0f |\n", kind, r.Stored[kind])
	}
	fmt.Fprintf(&b, "\n| process | |\n|---|---:|\n| memory when idle | %.1f MiB |\n| from start to first token | %d ms |\n",
		float64(r.IdleBytes)/(1<<20), r.FirstToken.Milliseconds())
	fmt.Fprintf(&b, "\nConditions: %s. Introspection and the gateway call use one token, whose verification is cached after the first time, as it is for any caller that uses a token twice.\n", r.Machine)
	return b.String()
}

// cutAbove times the baseline, a bar would dwarf the others.
const cutAbove = 15

// plot draws a bar for each case: brass for ours, grey for the baseline, and a tick at the aim.
func (r *report) plot() rig.Plot {
	base := r.Rows[0].cpu()
	p := rig.Plot{Title: "Server CPU per request", Subtitle: "microseconds, lower is better; the teal tick is the aim", Unit: "µs", CutAbove: cutAbove * base}
	for _, w := range r.Rows {
		name := w.name
		if w.durable {
			name += ", durable"
		}
		p.Bars = append(p.Bars, rig.Bar{
			Name: name, Value: w.cpu(), Ours: w.server != r.Rows[0].server, Aim: w.limit * r.floor(w), Note: fmt.Sprintf(" · ×%.2f", w.cpu()/base),
		})
	}
	return p
}
