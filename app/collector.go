package app

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	gcMost     = 400       // percent that memory may grow until garbage is collected, while there is little of it
	gcLeast    = 100       // and when there is much: what Go does by itself
	gcHeadroom = 128 << 20 // bytes that it may grow in between
	gcLook     = 5 * time.Second
)

// tuneCollector has garbage collected less often than Go would, as long as that costs little memory: each collection
// costs every request. It ends with the context.
func tuneCollector(ctx context.Context) {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	set := 0
	tick := time.NewTicker(gcLook)
	defer tick.Stop()
	for {
		metrics.Read(sample)
		if percent := gcPercent(sample[0].Value.Uint64()); math.Abs(float64(percent-set)) > gcLeast/10 {
			set = percent
			debug.SetGCPercent(percent)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// gcPercent is how much memory may grow that holds so many live bytes.
func gcPercent(live uint64) int {
	return int(min(max(gcHeadroom*100/max(live, 1), gcLeast), gcMost))
}
