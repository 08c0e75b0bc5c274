package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sallyport/bench/rig"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/store"
)

// A scaled is the authorised, rate-limited call with many APIs or many clients.
type scaled struct {
	name          string
	apis, clients int
	cpu           float64
	idle, loaded  int64         // bytes of memory before and after the calls
	start         time.Duration // until the server answered
}

const callers = 1000 // clients whose tokens take turns in every row, so that rows differ in one thing alone

// measureScale measures one row after the other, each with a database and a process of its own. The rounds take turns.
func (b *bed) measureScale(ctx context.Context) ([]scaled, error) {
	if err := b.startUpstream(ctx); err != nil {
		return nil, err
	}
	rows := []scaled{
		{name: "10 APIs", apis: 10, clients: callers},
		{name: "1,000 APIs", apis: 1000, clients: callers},
		{name: "10,000 APIs", apis: 10_000, clients: callers},
		{name: "10 APIs, 1,000,000 clients", apis: 10, clients: 1_000_000},
	}
	servers := make([]*rig.Process, len(rows))
	loads := make([][][]byte, len(rows))
	for i := range rows {
		r := &rows[i]
		progress("preparing %s", r.name)
		data := filepath.Join(b.dir, fmt.Sprintf("scale%d", i))
		if err := b.seed(ctx, data, *r); err != nil {
			return nil, err
		}
		began := time.Now()
		p, err := b.start(ctx, data)
		if err != nil {
			return nil, err
		}
		servers[i], r.start = p, time.Since(began)
		time.Sleep(time.Second)
		r.idle = resident(p)
		if loads[i], err = scaledLoad(p.Addr, *r); err != nil {
			return nil, err
		}
		if err := b.sendEach(ctx, p.Addr, loads[i]); err != nil {
			return nil, err
		}
	}
	runs := make([][]float64, len(rows))
	for round := range b.options.rounds {
		for i := range rows {
			m, err := b.measure(ctx, benchCase{server: servers[i], load: rig.InTurn(loads[i])})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", rows[i].name, err)
			}
			runs[i] = append(runs[i], m.cpu)
			progress("round %d of %d  %-44s %7.1f µs CPU", round+1, b.options.rounds, rows[i].name, m.cpu)
		}
	}
	for i := range rows {
		slices.Sort(runs[i])
		rows[i].cpu, rows[i].loaded = runs[i][len(runs[i])/2], resident(servers[i])
	}
	return rows, nil
}

// seed fills a database: the APIs by the deployment file, the clients past it, for a file of a million would measure the
// reading of files.
func (b *bed) seed(ctx context.Context, data string, r scaled) error {
	var y strings.Builder
	y.WriteString("realm: default\nscopes: [{name: read}]\naccess_token: {format: opaque, ttl: 24h}\napis:\n")
	for i := range r.apis {
		fmt.Fprintf(&y, "  - {name: a%d, path: /team%d/api%d, upstream: 'http://%s', auth: [bearer], scopes: [read], policies: [{ratelimit: {rate: 1000000/s, burst: 1000000}}]}\n", i, i%97, i, b.upstream.Addr)
	}
	p, _, err := b.serve(ctx, filepath.Base(data), y.String())
	if err != nil {
		return err
	}
	p.Stop()
	s, err := store.Open(ctx, store.Options{URL: filepath.Join(data, "sallyport.db")})
	if err != nil {
		return err
	}
	defer s.Close()
	sum := sha256.Sum256([]byte(secret))
	hash := "sha256:" + hex.EncodeToString(sum[:])
	const batch = 5000
	for from := 0; from < r.clients; from += batch {
		var set deployment.ChangeSet
		for i := from; i < min(from+batch, r.clients); i++ {
			set.Clients = append(set.Clients, &client.Client{
				Realm: "default", ID: fmt.Sprintf("c%d", i), Type: client.Confidential, Status: client.On,
				Secrets: []client.Secret{{ID: "1", Hash: hash}}, Grants: []string{"client_credentials"}, Scopes: []string{"read"},
			})
		}
		if err := s.Commit(ctx, set); err != nil {
			return err
		}
	}
	return nil
}

// scaledLoad gets tokens for clients from all over the realm and makes calls to all APIs from them.
func scaledLoad(addr string, r scaled) ([][]byte, error) {
	c, err := rig.Dial(addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	tokens := make([]string, callers)
	for i := range tokens {
		if tokens[i], err = ask(c, fmt.Sprintf("c%d", i*(r.clients/callers))); err != nil {
			return nil, err
		}
	}
	requests := make([][]byte, max(r.apis, callers))
	for i := range requests {
		api := i % r.apis
		requests[i] = get(fmt.Sprintf("/team%d/api%d/x", api%97, api), "Authorization: Bearer "+tokens[i%callers])
	}
	return requests, nil
}

// sendEach makes every call once: what an API or a caller costs the first time is not what is measured.
func (b *bed) sendEach(ctx context.Context, addr string, requests [][]byte) error {
	all := make(chan []byte, len(requests))
	for _, r := range requests {
		all <- r
	}
	close(all)
	_, err := rig.DriveAll(ctx, addr, b.options.connections, all)
	return err
}
