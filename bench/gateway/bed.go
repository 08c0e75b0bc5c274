package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sallyport/bench/rig"
)

const (
	gatewayCore = 1                                             // counted from 1
	secret      = "tXq3TgVJmQy0m0aVYHk9vP3m4r6tQ1u0xkzWc8bN2dE" // of every client here; only these servers know it
)

// oneProc is what a Go server gets that runs on one core.
var oneProc = []string{"GOMAXPROCS=1", "GOGC=400"}

// A benchCase is one row of the table.
type benchCase struct {
	name   string
	server *rig.Process
	ours   bool
	peer   bool // of the aim
	aimed  bool
	load   func(int) (rig.Worker, error)
	single []byte // one request, for the run at a constant rate
	fresh  bool   // each request of a round is one that was never sent before
}

// A measurement is one case in one round.
type measurement struct {
	cpu  float64 // µs of the gateway process per call
	rate float64 // calls per second, with load and upstream on the other core
}

// bed is everything that runs.
type bed struct {
	dir, binary string
	options     options
	upstream    *rig.Process
	sallyport   *rig.Process
	running     []*rig.Process
	cases       []benchCase
}

func (b *bed) keep(p *rig.Process, err error) (*rig.Process, error) {
	if p != nil {
		b.running = append(b.running, p)
	}
	return p, err
}

func (b *bed) close() {
	for _, p := range b.running {
		p.Stop()
	}
	b.running = nil
}

// startUpstream starts the server behind all gateways.
func (b *bed) startUpstream(ctx context.Context) (err error) {
	b.upstream, err = b.role(ctx, "upstream", 0)
	return err
}

// role starts this program as one of its servers.
func (b *bed) role(ctx context.Context, role string, core int, args ...string) (*rig.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	c := rig.Command{Addr: addr, Name: self, Args: append([]string{"-role", role, addr}, args...), Env: oneProc, Core: core}
	return b.keep(rig.Start(ctx, c))
}

// compared is what Sallyport serves in the comparison.
func compared(upstream string) string {
	limit := `policies: [{ratelimit: {rate: 1000000/s, burst: 1000000, by: client}}]`
	return fmt.Sprintf(`realm: default
scopes: [{name: read}]
clients:
  - {id: bench, secret: %[2]s, grants: [client_credentials], scopes: [read], access_token: {format: jwt, alg: RS256, ttl: 24h}}
apis:
  - {name: plain, path: /plain, upstream: 'http://%[1]s', auth: [none]}
  - {name: bearer, path: /bearer, upstream: 'http://%[1]s', auth: [bearer], scopes: [read], %[3]s}
  - {name: key, path: /key, upstream: 'http://%[1]s', auth: [apikey], scopes: [read], %[3]s}
`, upstream, secret, limit)
}

// serve applies a deployment file to a new SQLite database and starts Sallyport on it.
func (b *bed) serve(ctx context.Context, name, yaml string) (*rig.Process, string, error) {
	data := filepath.Join(b.dir, name)
	file := filepath.Join(b.dir, name+".yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		return nil, "", err
	}
	if _, err := b.command(ctx, "apply", "-f", file, "--data", data); err != nil {
		return nil, "", err
	}
	p, err := b.start(ctx, data)
	return p, data, err
}

func (b *bed) start(ctx context.Context, data string) (*rig.Process, error) {
	addr, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	metrics, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	return b.keep(rig.Start(ctx, rig.Command{
		Addr: addr, Name: b.binary, Args: []string{"serve", "--listen", addr, "--metrics-listen", metrics, "--data", data},
		Env: []string{"GOMAXPROCS=1"}, Core: gatewayCore,
	}))
}

func (b *bed) command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, b.binary, args...)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("sallyport %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// setUp starts everything that is compared and lists the cases.
func (b *bed) setUp(ctx context.Context) (err error) {
	if err = b.startUpstream(ctx); err != nil {
		return err
	}
	var data string
	if b.sallyport, data, err = b.serve(ctx, "compare", compared(b.upstream.Addr)); err != nil {
		return err
	}
	token, err := tokenFor(b.sallyport.Addr, "bench")
	if err != nil {
		return err
	}
	key, err := b.apiKey(ctx, data, "bench")
	if err != nil {
		return err
	}
	nginx, err := b.keep(b.nginx(ctx))
	if err != nil {
		return err
	}
	plain, err := b.keep(b.haproxy(ctx, false))
	if err != nil {
		return err
	}
	jwt, err := b.keep(b.haproxy(ctx, true))
	if err != nil {
		return err
	}
	proxy, err := b.role(ctx, "reverseproxy", gatewayCore, b.upstream.Addr)
	if err != nil {
		return err
	}
	bearer := "Authorization: Bearer " + token
	b.add("nginx, plain", nginx, get("/plain/x"))
	b.add("HAProxy, plain", plain, get("/plain/x"))
	b.add("HAProxy, RS256 + limit by client", jwt, get("/bearer/x", bearer)).peer = true
	b.add("httputil.ReverseProxy, tuned, plain", proxy, get("/plain/x"))
	b.add("Sallyport, plain", b.sallyport, get("/plain/x")).ours = true
	c := b.add("Sallyport, RS256 + limit by client", b.sallyport, get("/bearer/x", bearer))
	c.ours, c.aimed = true, true
	c = b.add("Sallyport, RS256 first seen + limit", b.sallyport, nil)
	c.ours, c.fresh = true, true
	b.add("Sallyport, API key + limit by client", b.sallyport, get("/key/x", "X-Api-Key: "+key)).ours = true
	return nil
}

func (b *bed) add(name string, server *rig.Process, request []byte) *benchCase {
	b.cases = append(b.cases, benchCase{name: name, server: server, load: rig.Always(request), single: request})
	return &b.cases[len(b.cases)-1]
}

// measure runs one case once. A short run before the clock starts fills caches and connections.
func (b *bed) measure(ctx context.Context, c benchCase) (m measurement, err error) {
	if c.fresh {
		return b.measureFresh(ctx, c)
	}
	if _, err = rig.Drive(ctx, c.server.Addr, b.options.connections, b.options.length/10, c.load); err != nil {
		return m, err
	}
	return timed(c.server, func() (int64, error) {
		return rig.Drive(ctx, c.server.Addr, b.options.connections, b.options.length, c.load)
	})
}

// measureFresh sends tokens that the gateway has never seen, each once.
func (b *bed) measureFresh(ctx context.Context, c benchCase) (m measurement, err error) {
	requests := make(chan []byte, b.options.firstSeen)
	err = b.mint(ctx, b.options.firstSeen, func(token string) {
		requests <- get("/bearer/x", "Authorization: Bearer "+token)
	})
	if err != nil {
		return m, err
	}
	close(requests)
	return timed(c.server, func() (int64, error) { return rig.DriveAll(ctx, c.server.Addr, b.options.connections, requests) })
}

func timed(server *rig.Process, do func() (int64, error)) (m measurement, err error) {
	before, err := server.CPU()
	if err != nil {
		return m, err
	}
	began := time.Now()
	n, err := do()
	if err != nil {
		return m, err
	}
	took := time.Since(began)
	after, err := server.CPU()
	if err != nil {
		return m, err
	}
	if n == 0 {
		return m, errors.New("no call was answered")
	}
	return measurement{cpu: float64((after - before).Microseconds()) / float64(n), rate: float64(n) / took.Seconds()}, nil
}

// get writes a request as a caller would.
func get(path string, header ...string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench/1\r\nAccept: */*\r\n%s\r\n", path, strings.Join(append(header, ""), "\r\n"))
}

func tokenRequest(client string) []byte {
	const body = "grant_type=client_credentials"
	return fmt.Appendf(nil, "POST /token HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		base64.StdEncoding.EncodeToString([]byte(client+":"+secret)), len(body), body)
}

func tokenFor(addr, client string) (string, error) {
	c, err := rig.Dial(addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	return ask(c, client)
}

func ask(c *rig.Conn, client string) (string, error) {
	status, body, err := c.Do(tokenRequest(client))
	if err != nil {
		return "", err
	}
	var a struct {
		AccessToken string `json:"access_token"`
	}
	if status != 200 {
		return "", fmt.Errorf("status %d: %s", status, body)
	}
	err = json.Unmarshal(body, &a)
	return a.AccessToken, err
}

// mint gets tokens of the client bench.
func (b *bed) mint(ctx context.Context, n int, take func(token string)) error {
	c, err := rig.Dial(b.sallyport.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	for range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		token, err := ask(c, "bench")
		if err != nil {
			return err
		}
		take(token)
	}
	return nil
}

// apiKey has Sallyport make a key for a client.
func (b *bed) apiKey(ctx context.Context, data, client string) (string, error) {
	out, err := b.command(ctx, "client", "key", "add", client, "--json", "--data", data)
	if err != nil {
		return "", err
	}
	var made struct {
		Generated []struct {
			Key string `json:"key"`
		} `json:"generated"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return "", err
	}
	if len(made.Generated) != 1 {
		return "", fmt.Errorf("sallyport client key add made %d keys", len(made.Generated))
	}
	return made.Generated[0].Key, nil
}
