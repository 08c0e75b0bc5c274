package user

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"sallyport/oauth"
)

// MaxPasswordLength is the longest password that is hashed, in bytes.
const MaxPasswordLength = 1024

const (
	maxQueue  = 64          // checks that wait for a worker; the next is told to come back
	busyRetry = time.Second // when it is told to
)

// A Hasher makes and checks slow password hashes, a bounded number at a time, so that sign-ins can neither starve the rest
// of the server nor fill its memory: each check takes as much as its hash says, 19 MiB for one of ours.
type Hasher struct {
	workers chan struct{} // one element per check that runs
	queued  atomic.Int64  // callers waiting for a worker
}

// NewHasher returns a hasher that runs at most that many checks at once; 0 means one less than the processors, at least
// one.
func NewHasher(workers int) *Hasher {
	if workers < 1 {
		workers = max(1, runtime.GOMAXPROCS(0)-1)
	}
	return &Hasher{workers: make(chan struct{}, workers)}
}

// Hash returns an argon2id hash of password in PHC form.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	switch {
	case password == "":
		return "", fmt.Errorf("password: it is empty; give at least one character")
	case len(password) > MaxPasswordLength:
		return "", fmt.Errorf("password: %d bytes are too long; use at most %d", len(password), MaxPasswordLength)
	}
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return newArgon2(password), nil
}

// Verify reports whether password matches the stored hash and whether the hash should be replaced by a new one of the same
// password, being of an older form or weaker than today's. A password over MaxPasswordLength matches nothing. The error is
// of reason Busy when the queue is full, the context's when that ends first, and a plain one when the hash cannot be read.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (ok, upgrade bool, err error) {
	if hex, isDigest := strings.CutPrefix(hash, digestPrefix); isDigest { // the everyday case: no interface, no worker
		d, valid := digestOf(hex)
		if !valid {
			return false, false, errHash("it is not sha256: and 64 hex digits")
		}
		return len(password) <= MaxPasswordLength && d.matches(password), false, nil
	}
	s, err := parseHash(hash)
	if err != nil || len(password) > MaxPasswordLength {
		return false, false, err
	}
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave()
	ok = s.matches(password)
	return ok, ok && s.outdated(password), nil
}

// Decoy does the work of one Verify and tells nothing: what is done for a name that does not exist, so that the time of the
// answer does not tell that. Its errors are those of Verify.
func (h *Hasher) Decoy(ctx context.Context, password string) error {
	if len(password) > MaxPasswordLength {
		return nil
	}
	if err := h.enter(ctx); err != nil {
		return err
	}
	defer h.leave()
	wasteArgon2(password)
	return nil
}

// enter waits for a worker.
func (h *Hasher) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case h.workers <- struct{}{}:
		return nil
	default:
	}
	defer h.queued.Add(-1)
	if h.queued.Add(1) > maxQueue {
		e := oauth.Fail(oauth.Busy, "")
		e.RetryAfter = busyRetry
		return e
	}
	select {
	case h.workers <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Hasher) leave() { <-h.workers }
