package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sallyport/bench/rig"
)

const (
	secret   = "tXq3TgVJmQy0m0aVYHk9vP3m4r6tQ1u0xkzWc8bN2dE" // of every client here; only these servers know it
	username = "dory"
	password = "dorypass"
)

// twoProcs lets a server use two cores: with one, a sync of the disk holds up everybody.
var twoProcs = []string{"GOMAXPROCS=2"}

// A bed is everything that runs.
type bed struct {
	dir, binary string
	baseline    *rig.Process
	upstream    *rig.Process
	sqlite      *rig.Process
	postgres    *rig.Process
	cases       []benchCase
	firstToken  time.Duration
	idleBytes   int64
}

// deploymentFile registers a client for each kind of token, and an API in front of upstream.
func deploymentFile(upstream string) string {
	sum := sha256.Sum256([]byte(secret))
	hash := "sha256:" + hex.EncodeToString(sum[:])
	var b strings.Builder
	fmt.Fprintf(&b, "realm: default\nscopes: [{name: read}, {name: write}]\nusers: [{name: %s, password: %s}]\nclients:\n", username, password)
	for _, c := range []struct{ id, token string }{
		{"opaque", "format: opaque"},
		{"reference", "format: reference"},
		{"jwt-eddsa", "format: jwt, alg: EdDSA"},
		{"jwt-es256", "format: jwt, alg: ES256"},
		{"jwt-rs256", "format: jwt, alg: RS256"},
	} {
		fmt.Fprintf(&b, "  - {id: %s, secret_hash: %q, type: confidential, grants: [client_credentials, password, refresh_token], scopes: [read, write], access_token: {%s, ttl: 24h}}\n", c.id, hash, c.token)
	}
	fmt.Fprintf(&b, "apis:\n  - {name: bench, path: /bench, upstream: 'http://%s', auth: [bearer], scopes: [read]}\n", upstream)
	return b.String()
}

// setUp starts every server and lists the cases.
func setUp(ctx context.Context, dir, binary string, o options) (b *bed, err error) {
	b = &bed{dir: dir, binary: binary}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return b, err
	}
	if b.upstream, err = b.role(ctx, self, "upstream"); err != nil {
		return b, err
	}
	if b.baseline, err = b.role(ctx, self, "baseline"); err != nil {
		return b, err
	}
	data := []string{"--data", filepath.Join(dir, "data")}
	if err = b.apply(ctx, data); err != nil {
		return b, err
	}
	began := time.Now()
	if b.sqlite, err = b.serve(ctx, data); err != nil {
		return b, err
	}
	if _, err = tokenFor(b.sqlite.Addr, "opaque"); err != nil {
		return b, err
	}
	b.firstToken = time.Since(began)
	time.Sleep(time.Second)
	if b.idleBytes, err = b.sqlite.Resident(); err != nil {
		return b, err
	}
	if o.postgres != "" {
		data := []string{"--data", filepath.Join(dir, "pgdata"), "--database", o.postgres}
		if err = b.apply(ctx, data); err != nil {
			return b, err
		}
		if b.postgres, err = b.serve(ctx, data); err != nil {
			return b, err
		}
	}
	return b, b.listCases()
}

func (b *bed) role(ctx context.Context, self, role string) (*rig.Process, error) {
	addr, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	return rig.Start(ctx, rig.Command{Addr: addr, Name: self, Args: []string{"-role", role, addr}, Env: twoProcs})
}

func (b *bed) apply(ctx context.Context, data []string) error {
	file := filepath.Join(b.dir, "bench.yaml")
	if err := os.WriteFile(file, []byte(deploymentFile(b.upstream.Addr)), 0o600); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, b.binary, append([]string{"apply", "-f", file}, data...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("apply: %w\n%s", err, out)
	}
	return nil
}

func (b *bed) serve(ctx context.Context, data []string) (*rig.Process, error) {
	addr, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	return rig.Start(ctx, rig.Command{Addr: addr, Name: b.binary, Args: append([]string{"serve", "--listen", addr}, data...), Env: twoProcs})
}

func (b *bed) close() {
	for _, p := range []*rig.Process{b.baseline, b.sqlite, b.postgres, b.upstream} {
		p.Stop()
	}
}
