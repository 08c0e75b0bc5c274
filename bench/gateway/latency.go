package main

import (
	"context"
	"time"

	"sallyport/bench/rig"
)

// A latency is one case at a constant rate.
type latency struct {
	name          string
	rate          float64
	p50, p99, max time.Duration
}

const openConnections = 16

// latencies measures every case at the same rate, half of what the aimed case can do, and the upstream without a gateway.
func (b *bed) latencies(ctx context.Context, rep *report) error {
	rate := rep.saturation() / 2
	direct := benchCase{name: "no gateway", server: b.upstream, single: get("/plain/x")}
	for _, c := range append([]benchCase{direct}, b.cases...) {
		if c.single == nil {
			continue
		}
		// The best of three: what is asked is what the gateway adds, not what else the machine was doing.
		var best latency
		for range 3 {
			l, err := rig.OpenLoop(ctx, c.server.Addr, openConnections, rate, b.options.length, c.single)
			if err != nil {
				progress("constant rate: %s: %v", c.name, err)
				continue
			}
			m := latency{c.name, rate, l.At(.5), l.At(.99), l.At(1)}
			if best.name == "" || m.p99 < best.p99 {
				best = m
			}
		}
		if best.name != "" {
			progress("%-44s at %.0f calls/s: p50 %v, p99 %v", best.name, rate, best.p50, best.p99)
			rep.Latencies = append(rep.Latencies, best)
		}
	}
	return nil
}
