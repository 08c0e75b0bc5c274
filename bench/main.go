// Command bench measures what a token costs: CPU microseconds of the server per request, beside a bare net/http handler
// that reads the same form and writes the same bytes, in one run.
//
//	go run ./bench              the whole run, about four minutes; writes docs/bench/tokens.md and tokens.svg
//	go run ./bench -rounds 1 -seconds 1 -out /tmp/x   a quick look
//
// Every server is a process of its own with GOMAXPROCS=2; the load comes from this process over keep-alive connections.
// Cases take turns, round by round, so that a machine whose speed drifts does not favour one; the median of the rounds is
// reported. CPU time is the operating system's account of the server process, user and system together. Load goes to
// loopback only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"sallyport/bench/rig"
)

type options struct {
	rounds      int
	length      time.Duration
	connections int
	out         string
	postgres    string
	only        string
}

func main() {
	var o options
	var seconds float64
	var role string
	flag.IntVar(&o.rounds, "rounds", 5, "how often each case is measured; the median counts")
	flag.Float64Var(&seconds, "seconds", 3, "length of one measurement")
	flag.IntVar(&o.connections, "connections", 32, "keep-alive connections that send load")
	flag.StringVar(&o.out, "out", "docs/bench", "folder for the table and the plot")
	flag.StringVar(&o.postgres, "postgres", "", "URL of an empty PostgreSQL database: measures the durable cases on it as well")
	flag.StringVar(&o.only, "only", "", "measure only the baseline and cases whose name contains this; writes no report")
	flag.StringVar(&role, "role", "", "internal: run as the baseline or the upstream server")
	flag.Parse()
	o.length = time.Duration(seconds * float64(time.Second))
	if role != "" {
		if err := serveRole(role, flag.Arg(0)); err != nil {
			fatal(err)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// run builds the server, measures everything and writes the report.
func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "sallyport-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	progress("building")
	binary := filepath.Join(dir, "sallyport")
	if err := rig.Build(ctx, binary); err != nil {
		return err
	}
	rep := report{Started: time.Now(), Options: o}
	rep.Machine = rig.Machine()
	rep.Signatures = measureSignatures()

	bench, err := setUp(ctx, dir, binary, o)
	if err != nil {
		return err
	}
	defer bench.close()
	rep.FirstToken, rep.IdleBytes = bench.firstToken, bench.idleBytes
	for round := range o.rounds {
		for i, c := range bench.cases {
			if i > 0 && !strings.Contains(c.name, o.only) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			m, err := bench.measure(ctx, c, o)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			rep.add(c, m)
			progress("round %d of %d  %-34s %8.1f µs CPU  %8.0f requests/s", round+1, o.rounds, c.name, m.cpu, m.rate)
		}
	}
	if o.only != "" {
		return nil
	}
	if rep.Stored, err = bench.storedPerToken(ctx); err != nil {
		return err
	}
	return rep.write(o.out)
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}
