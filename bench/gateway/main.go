// Command gateway measures what a call through a gateway costs: CPU microseconds of the gateway process per call, and
// latency at a constant rate, for Sallyport beside nginx, HAProxy and a tuned httputil.ReverseProxy, in one run.
//
//	make bench-gateway                     installs nginx and HAProxy, the whole run; writes docs/bench/gateway.md and .svg
//	go run ./bench/gateway -rounds 1 -seconds 1 -out /tmp/x -scale=false     a quick look
//
// Each gateway is one process with one worker, pinned to the first core; the load and the upstream share the other. All
// keep connections to the upstream alive. Cases take turns, round by round; the median of the rounds is reported. Linux
// only. Load goes to loopback only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"sallyport/bench/rig"
)

type options struct {
	rounds      int
	length      time.Duration
	connections int
	firstSeen   int
	out         string
	only        string
	scale       bool
}

func main() {
	var o options
	var seconds float64
	var role string
	flag.IntVar(&o.rounds, "rounds", 5, "how often each case is measured; the median counts")
	flag.Float64Var(&seconds, "seconds", 3, "length of one measurement")
	flag.IntVar(&o.connections, "connections", 32, "keep-alive connections that send load")
	flag.IntVar(&o.firstSeen, "first-seen", 6000, "tokens per round that were never seen before")
	flag.StringVar(&o.out, "out", "docs/bench", "folder for the table and the plot")
	flag.StringVar(&o.only, "only", "", "measure only cases whose name contains this, or those with many APIs and clients (scale); writes no report")
	flag.BoolVar(&o.scale, "scale", true, "measure with many APIs and many clients as well")
	flag.StringVar(&role, "role", "", "internal: run as the upstream or the reverse proxy")
	flag.Parse()
	o.length = time.Duration(seconds * float64(time.Second))
	if role != "" {
		fatal(serveRole(role, flag.Args()))
	}
	if os.Getenv("SALLYPORT_BENCH_PINNED") == "" && runtime.NumCPU() > 1 {
		fatal(again())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fatal(err)
	}
}

// again runs this program on the second core, which the load and the upstream are to share.
func again() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return fmt.Errorf("taskset is needed to keep the load off the gateway's core (Debian: util-linux)")
	}
	return syscall.Exec(taskset, append([]string{"taskset", "-c", "1", self}, os.Args[1:]...), append(os.Environ(), "SALLYPORT_BENCH_PINNED=1"))
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// run measures everything and writes the report.
func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "sallyport-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "sallyport")
	progress("building")
	if err := rig.Build(ctx, binary); err != nil {
		return err
	}
	b := &bed{dir: dir, binary: binary, options: o}
	defer b.close()
	if err := b.setUp(ctx); err != nil {
		return err
	}
	rep := report{Started: time.Now(), Options: o, Machine: rig.Machine(), Versions: b.versions(ctx)}
	for round := range o.rounds {
		for _, c := range b.cases {
			if !strings.Contains(c.name, o.only) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			m, err := b.measure(ctx, c)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			rep.add(c, m)
			progress("round %d of %d  %-44s %7.1f µs CPU  %8.0f calls/s", round+1, o.rounds, c.name, m.cpu, m.rate)
		}
	}
	if o.only != "" && o.only != "scale" {
		return nil
	}
	if o.only == "scale" {
		b.close()
		_, err := b.measureScale(ctx)
		return err
	}
	if err := b.latencies(ctx, &rep); err != nil {
		return err
	}
	for _, c := range rep.Rows {
		rep.Memory = append(rep.Memory, memory{c.name, resident(c.server)})
	}
	b.close()
	if o.scale {
		if rep.Scale, err = b.measureScale(ctx); err != nil {
			return err
		}
	}
	return rep.write(o.out)
}

func resident(p *rig.Process) int64 {
	n, err := p.Resident()
	if err != nil {
		return 0
	}
	return n
}
