// Command signin measures what signing in costs: CPU microseconds of the server for a whole authorization code flow, and for a
// silent one (prompt=none), beside a bare net/http handler that redirects, in one run.
//
//	go run ./bench/signin        about a minute; writes docs/bench/signin.md
//
// The server is a process of its own with GOMAXPROCS=2, on SQLite in a temporary folder; the load comes from this process. The
// cases take turns; the median of the rounds is reported. A password is hashed once: checks that succeeded are remembered for
// a minute, so what is measured is everything but the hash.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"sallyport/bench/rig"
)

func main() {
	rounds := flag.Int("rounds", 5, "how often each case is measured; the median counts")
	seconds := flag.Float64("seconds", 2, "length of one measurement")
	out := flag.String("out", "docs/bench", "folder for the table")
	only := flag.String("only", "", "measure only cases whose name contains this; writes no table")
	role := flag.String("role", "", "internal: run as the baseline")
	flag.Parse()
	var err error
	if *role != "" {
		err = http.ListenAndServe(flag.Arg(0), http.HandlerFunc(baseline))
	} else {
		err = run(context.Background(), *rounds, time.Duration(*seconds*float64(time.Second)), *out, *only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "signin:", err)
		os.Exit(1)
	}
}

// baseline is the least an endpoint of a flow can do: read the query and redirect.
func baseline(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", "https://rp.example.org/callback?code=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&iss=http%3A%2F%2F127.0.0.1&state="+q.Get("state"))
	w.WriteHeader(http.StatusSeeOther)
}

const deployment = `realm: default
id_token_alg: ES256
users: [{name: dory, password: dorypass}]
clients:
  - id: rp
    type: public
    grants: [authorization_code]
    scopes: [openid]
    redirect_uris: ["https://rp.example.org/callback"]
    access_token: {format: opaque}
    openid: {skip_consent: true}
`

// A measured is one case: what it does, how many requests that is, and what it cost.
type measured struct {
	name     string
	requests int
	server   *rig.Process
	newFlow  func() (flow, error)
	cpu      []float64 // µs per flow
}

// A flow is carried out again and again by one worker.
type flow func() error

func run(ctx context.Context, rounds int, length time.Duration, out, only string) error {
	dir, err := os.MkdirTemp("", "sallyport-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, bare, err := start(ctx, dir)
	if err != nil {
		return err
	}
	defer server.Stop()
	defer bare.Stop()
	cases := []*measured{
		{name: "bare handler, one redirect", requests: 1, server: bare, newFlow: func() (flow, error) { return redirects(bare.Addr), nil }},
		{name: "silent: prompt=none", requests: 1, server: server, newFlow: func() (flow, error) { return silent(server.Addr, false) }},
		{name: "silent: prompt=none, code redeemed (ID token ES256)", requests: 2, server: server, newFlow: func() (flow, error) { return silent(server.Addr, true) }},
		{name: "whole: page, password, code redeemed (ID token ES256)", requests: 5, server: server, newFlow: func() (flow, error) { return whole(server.Addr), nil }},
	}
	for round := range rounds {
		for _, c := range cases {
			if !strings.Contains(c.name, only) {
				continue
			}
			cpu, err := measure(c, length)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.cpu = append(c.cpu, cpu)
			fmt.Fprintf(os.Stderr, "round %d of %d  %-55s %8.1f µs CPU\n", round+1, rounds, c.name, cpu)
		}
	}
	if only != "" {
		return nil
	}
	return write(filepath.Join(out, "signin.md"), cases, rounds, length)
}

// start builds and starts the server and the baseline.
func start(ctx context.Context, dir string) (server, bare *rig.Process, err error) {
	binary, file := filepath.Join(dir, "sallyport"), filepath.Join(dir, "bench.yaml")
	if err := rig.Build(ctx, binary); err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(file, []byte(deployment), 0o600); err != nil {
		return nil, nil, err
	}
	data := filepath.Join(dir, "data")
	if text, err := exec.CommandContext(ctx, binary, "apply", "-f", file, "--data", data).CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("apply: %w\n%s", err, text)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	procs := []string{"GOMAXPROCS=2"}
	if server, err = process(ctx, binary, func(addr string) []string { return []string{"serve", "--listen", addr, "--data", data} }, procs); err != nil {
		return nil, nil, err
	}
	bare, err = process(ctx, self, func(addr string) []string { return []string{"-role", "baseline", addr} }, procs)
	return server, bare, err
}

func process(ctx context.Context, name string, args func(addr string) []string, env []string) (*rig.Process, error) {
	addr, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	return rig.Start(ctx, rig.Command{Addr: addr, Name: name, Args: args(addr), Env: env})
}

const workers = 16

// measure returns the server's CPU time per flow.
func measure(c *measured, length time.Duration) (float64, error) {
	flows := make([]flow, workers)
	for i := range flows {
		var err error
		if flows[i], err = c.newFlow(); err != nil {
			return 0, err
		}
		if err := flows[i](); err != nil { // caches and connections
			return 0, err
		}
	}
	before, err := c.server.CPU()
	if err != nil {
		return 0, err
	}
	var mu sync.Mutex
	var n int
	var first error
	var wg sync.WaitGroup
	end := time.Now().Add(length)
	for _, f := range flows {
		wg.Go(func() {
			done := 0
			var err error
			for err == nil && time.Now().Before(end) {
				if err = f(); err == nil {
					done++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			n += done
			if first == nil {
				first = err
			}
		})
	}
	wg.Wait()
	after, err := c.server.CPU()
	if first != nil {
		err = first
	}
	if n == 0 && err == nil {
		err = fmt.Errorf("no flow came to its end in %s", length)
	}
	return float64((after - before).Microseconds()) / float64(max(n, 1)), err
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return s[len(s)/2]
}

func write(file string, cases []*measured, rounds int, length time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, `# What signing in costs

CPU time of the server process for a whole flow, user and system together; median of %d rounds of %s each. `+"`go run ./bench/signin`"+`
measures it again. Every flow is by a public client with PKCE and an opaque access token, on SQLite with every write durable;
%d browsers at a time. No password is hashed but the first. The bare handler is net/http reading a query and redirecting; the last
column is against as many of its answers as the flow has requests.

%s

| flow | requests | CPU µs | bare handler | ratio |
|---|---|---|---|---|
`, rounds, length, workers, rig.Machine())
	floor := median(cases[0].cpu)
	for _, c := range cases {
		cpu := median(c.cpu)
		fmt.Fprintf(&b, "| %s | %d | %.1f | %.1f | %.2f |\n", c.name, c.requests, cpu, floor*float64(c.requests), cpu/(floor*float64(c.requests)))
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}
