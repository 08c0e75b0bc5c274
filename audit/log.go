package audit

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	queueSize    = 1024             // stored events that wait for the store
	batchSize    = 100              // written at once at most
	storeTimeout = 10 * time.Second // of one write
	attempts     = 3                // to write a batch
	pause        = time.Second      // between them
)

// A Log is a Recorder that writes every event to a slog.Logger, and those of stored kinds to a Store as well. The store is
// written by one goroutine behind a bounded queue: a store that is slow or away never holds up a request. What it could
// not take is in the log already, and the log says that it is only there.
type Log struct {
	store Store
	log   *slog.Logger
	hooks []func(Event)

	mu     sync.RWMutex // held for reading while sending to queue, for writing while closing it
	closed bool         // guarded by mu
	queue  chan Event
	stop   chan struct{} // closed by Close: no more pauses
	done   chan struct{} // closed when the goroutine has ended
}

var _ Recorder = (*Log)(nil)

// NewLog returns a log and starts its goroutine, which Close ends. Each hook sees every event, on the goroutine that
// recorded it; metrics count with one. Store may be nil: then nothing is stored.
func NewLog(store Store, log *slog.Logger, hooks ...func(Event)) *Log {
	l := &Log{
		store: store, log: log, hooks: hooks,
		queue: make(chan Event, queueSize), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go l.run()
	return l
}

// Record implements Recorder.
func (l *Log) Record(ctx context.Context, e Event) {
	for _, hook := range l.hooks {
		hook(e)
	}
	l.write(ctx, e)
	if l.store == nil || !e.Kind.Stored() {
		return
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if !l.closed {
		select {
		case l.queue <- e:
			return
		default:
		}
	}
	l.log.LogAttrs(ctx, slog.LevelError, "audit event not stored: the queue is full or closed", slog.String("kind", string(e.Kind)))
}

// write puts an event into the log. The names of the attributes are fixed; operators search for them.
func (l *Log) write(ctx context.Context, e Event) {
	level := slog.LevelInfo
	if e.Kind == RefreshReplayed {
		level = slog.LevelWarn
	}
	if !l.log.Enabled(ctx, level) {
		return
	}
	var room [9]slog.Attr
	attrs := room[:0]
	for _, a := range [...]struct{ name, value string }{
		{"realm", e.Realm}, {"client", e.Client}, {"user", e.User}, {"grant", e.Grant}, {"dialect", e.Dialect},
		{"reason", string(e.Reason)}, {"detail", e.Detail},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	if e.Source.IsValid() {
		attrs = append(attrs, slog.String("source", e.Source.String()))
	}
	l.log.LogAttrs(ctx, level, string(e.Kind), attrs...)
}

// run stores what is queued until the queue is closed and empty.
func (l *Log) run() {
	defer close(l.done)
	for e := range l.queue {
		batch := append(make([]Event, 0, batchSize), e)
		for more := true; more && len(batch) < batchSize; {
			select {
			case next, ok := <-l.queue:
				if more = ok; ok {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		l.append(batch)
	}
}

func (l *Log) append(batch []Event) {
	var err error
	for n := range attempts {
		if n > 0 {
			select {
			case <-time.After(pause):
			case <-l.stop:
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		err = l.store.AppendEvents(ctx, batch...)
		cancel()
		if err == nil {
			return
		}
	}
	l.log.Error("audit events not stored: the store did not take them", slog.Int("events", len(batch)), slog.Any("error", err))
}

// Close stores what is queued and ends the goroutine. Events recorded afterwards are logged and not stored. The error is
// the context's when that ends first.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
		close(l.stop)
	}
	l.mu.Unlock()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
