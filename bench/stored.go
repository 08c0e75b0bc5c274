package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"

	"sallyport/bench/rig"
)

// storedTokens is how many tokens are stored to learn what one takes.
const storedTokens = 20000

// storedPerToken returns the bytes of the SQLite database that one live token takes, by kind. Each kind gets a fresh
// database; it is measured closed, with nothing left in the write-ahead log.
func (b *bed) storedPerToken(ctx context.Context) (map[string]float64, error) {
	out := map[string]float64{}
	for kind, request := range map[string][]byte{
		"reference access token": clientCredentials("reference"),
		"refresh token (grant)":  post("/token", "opaque", url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}}),
		"opaque access token":    clientCredentials("opaque"),
		"JWT access token":       clientCredentials("jwt-es256"),
	} {
		n, err := b.stored(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("storing a %s: %w", kind, err)
		}
		out[kind] = n
	}
	return out, nil
}

func (b *bed) stored(ctx context.Context, request []byte) (float64, error) {
	dir, err := os.MkdirTemp(b.dir, "stored-")
	if err != nil {
		return 0, err
	}
	data := []string{"--data", dir}
	if err := b.apply(ctx, data); err != nil {
		return 0, err
	}
	// The first start makes keys and the like: not what is asked for.
	if err := b.issue(ctx, data, request, 1); err != nil {
		return 0, err
	}
	before, err := databaseBytes(dir)
	if err != nil {
		return 0, err
	}
	if err := b.issue(ctx, data, request, storedTokens); err != nil {
		return 0, err
	}
	after, err := databaseBytes(dir)
	return float64(after-before) / storedTokens, err
}

// issue starts the server on a database, asks for n tokens and stops it.
func (b *bed) issue(ctx context.Context, data []string, request []byte, n int64) error {
	p, err := b.serve(ctx, data)
	if err != nil {
		return err
	}
	defer p.Stop()
	var sent atomic.Int64
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, 16)
	for range cap(errs) {
		go func() { errs <- issueShare(ctx, p.Addr, request, &sent, n) }()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func issueShare(ctx context.Context, addr string, request []byte, sent *atomic.Int64, n int64) error {
	c, err := rig.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	for sent.Add(1) <= n && ctx.Err() == nil {
		status, body, err := c.Do(request)
		if err != nil {
			return err
		}
		if status != 200 {
			return fmt.Errorf("status %d: %s", status, body)
		}
	}
	return nil
}

func databaseBytes(dir string) (total int64, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.db*"))
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	if total == 0 {
		return 0, fmt.Errorf("there is no database in %s", dir)
	}
	return total, nil
}
