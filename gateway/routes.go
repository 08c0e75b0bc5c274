package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/api"
	"sallyport/feed"
)

const (
	loadTimeout = 10 * time.Second       // for reading all APIs
	loadRetry   = 500 * time.Millisecond // between two attempts
	newsWait    = 250 * time.Millisecond // a call waits so long at most for a table that knows of a change
)

// routes holds the table and keeps it current. A change is in force for every call that begins after it was published,
// as long as the store answers; when it does not, the last table serves on.
type routes struct {
	store   api.Store
	compile func([]*api.API) *table // called by one goroutine at a time
	log     *slog.Logger

	heard   atomic.Uint64 // pieces of news so far
	failing atomic.Bool   // the last attempt to read failed
	table   atomic.Pointer[table]
	wake    chan struct{} // holds one token when there is news
	stop    context.CancelFunc
	stopped chan struct{} // closed when the goroutine has ended

	mu   sync.Mutex
	next chan struct{} // closed and replaced whenever an attempt has ended
}

// watchRoutes reads the APIs and starts the goroutine that reads them again; close ends it.
func watchRoutes(c Config, m *compiler) (*routes, error) {
	ctx, stop := context.WithCancel(context.Background())
	w := &routes{
		store:   c.APIs,
		compile: m.compile,
		log:     c.Log,
		wake:    make(chan struct{}, 1),
		stop:    stop,
		stopped: make(chan struct{}),
		next:    make(chan struct{}),
	}
	c.Hub.Subscribe(w.hear) // before reading, so that nothing falls in between
	if err := w.load(ctx); err != nil {
		stop()
		return nil, fmt.Errorf("read the APIs: %w", err)
	}
	go w.run(ctx)
	return w, nil
}

func (w *routes) close() {
	w.stop()
	<-w.stopped
}

func (w *routes) hear(c feed.Change) {
	switch c.Kind {
	case feed.API, feed.Realm, feed.All:
		w.heard.Add(1)
		select {
		case w.wake <- struct{}{}:
		default: // it is awake already
		}
	}
}

func (w *routes) run(ctx context.Context) {
	defer close(w.stopped)
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		for w.load(ctx) != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(loadRetry):
			}
		}
	}
}

// load reads the APIs and swaps the table.
func (w *routes) load(ctx context.Context) error {
	seen := w.heard.Load()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	apis, err := w.store.APIs(ctx)
	if err == nil {
		t := w.compile(apis)
		t.seen = seen
		w.report(t)
		w.table.Store(t)
	} else if ctx.Err() != context.Canceled {
		w.log.Error("the APIs could not be read; the gateway goes on with those it knows", "cause", err)
	}
	w.failing.Store(err != nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.next)
	w.next = make(chan struct{})
	return err
}

// report logs what cannot be served.
func (w *routes) report(t *table) {
	for _, r := range t.all {
		if r.fault != nil {
			w.log.Error("an API cannot be served; its callers are refused", "realm", r.api.Realm, "api", r.api.Name, "cause", r.fault)
		}
	}
}

// current returns the table to decide on.
func (w *routes) current(ctx context.Context) *table {
	heard, t := w.heard.Load(), w.table.Load()
	if t.seen >= heard || w.failing.Load() {
		return t
	}
	return w.await(ctx, heard)
}

// await returns a table that knows the first n pieces of news, or the best there is if that takes too long.
func (w *routes) await(ctx context.Context, n uint64) *table {
	timer := time.NewTimer(newsWait)
	defer timer.Stop()
	for {
		w.mu.Lock()
		next := w.next
		w.mu.Unlock()
		if t := w.table.Load(); t.seen >= n || w.failing.Load() {
			return t
		}
		select {
		case <-next:
		case <-timer.C:
			return w.table.Load()
		case <-ctx.Done():
			return w.table.Load()
		}
	}
}
