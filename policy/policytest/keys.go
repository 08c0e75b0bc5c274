package policytest

import (
	"context"
	"sync"
	"testing"

	"sallyport/client"
	"sallyport/credential"
	"sallyport/key"
	"sallyport/policy"
	"sallyport/usage"
)

// Master is the key under which the secrets of Keys are sealed.
var Master = key.Master{1}

// Clients are clients by id, all of realm "default".
type Clients map[string]*client.Client

var _ policy.Clients = Clients(nil)

// Get implements policy.Clients.
func (c Clients) Get(_ context.Context, realm, id string) (*client.Client, error) {
	if realm != "default" {
		return nil, nil
	}
	return c[id], nil
}

// Keys are credentials in memory.
type Keys struct {
	Fail error // what Find fails with

	held map[string]*credential.Held // by realm and hash
}

// Add makes a credential known, in the place of one with its hash.
func (k *Keys) Add(tb testing.TB, c *credential.Credential) *credential.Held {
	tb.Helper()
	h, err := credential.Hold(c, Master)
	if err != nil {
		tb.Fatal(err)
	}
	if k.held == nil {
		k.held = map[string]*credential.Held{}
	}
	k.held[c.Realm+"/"+string(c.Hash[:])] = h
	return h
}

// Find finds a credential, as credential.Directory does.
func (k *Keys) Find(_ context.Context, realm string, kind credential.Kind, hash [32]byte) (*credential.Held, error) {
	h := k.held[realm+"/"+string(hash[:])]
	if k.Fail != nil || h == nil || h.Kind != kind {
		return nil, k.Fail
	}
	return h, nil
}

// Counts counts in memory, as a Leaser and a Store do.
type Counts struct {
	Fail error // what everything fails with

	mu   sync.Mutex // guards used
	used map[usage.Counter]int64
}

var _ policy.Uses = (*Counts)(nil)

// Take implements policy.Uses.
func (n *Counts) Take(ctx context.Context, c usage.Counter, most int64) (ok bool, remaining int64, err error) {
	granted, used, err := n.LeaseUsage(ctx, c, 1, most)
	return granted == 1, most - used, err
}

// Refund implements policy.Uses.
func (n *Counts) Refund(c usage.Counter) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.used[c]--
}

// LeaseUsage counts as usage.Store does.
func (n *Counts) LeaseUsage(_ context.Context, c usage.Counter, want, most int64) (granted, used int64, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.Fail != nil {
		return 0, 0, n.Fail
	}
	if n.used == nil {
		n.used = map[usage.Counter]int64{}
	}
	granted = max(0, min(want, most-n.used[c]))
	n.used[c] += granted
	return granted, n.used[c], nil
}

// Used is what was counted under a subject of realm "default" that has no period.
func (n *Counts) Used(subject string) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.used[usage.Counter{Realm: "default", Subject: subject}]
}
