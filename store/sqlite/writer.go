package sqlite

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"sallyport/store/engine"
)

const (
	maxBatch   = 256                   // writes that share a commit
	maxGather  = 2 * time.Millisecond  // how long others to share a commit with are waited for, all together
	nextWithin = 50 * time.Microsecond // how long the next of them
	pollEvery  = 50 * time.Millisecond // how soon the writes of other processes are noticed
)

// A writer runs all writes, on one goroutine, which close ends.
type writer struct {
	s     *session // the goroutine's alone, once it runs
	queue chan *job
	lost  chan struct{} // a signal: somebody else told something, and nobody here knows what
	quit  chan struct{} // closed: take no more
	ended chan struct{} // closed: the goroutine is over
	log   *slog.Logger

	closing sync.Once
	seq     int64 // of the last news that are known here; the goroutine's alone, like what follows

	company  int         // how many writes the last commit saw: its own, and those that queued behind it
	patience *time.Timer // of gather
}

func newWriter(s *session, log *slog.Logger) *writer {
	patience := time.NewTimer(time.Hour)
	patience.Stop()
	return &writer{
		patience: patience,
		s:        s, queue: make(chan *job, maxBatch), lost: make(chan struct{}, 1),
		quit: make(chan struct{}), ended: make(chan struct{}), log: log,
	}
}

// do has the goroutine run a job. It returns before the job is over only if that has not begun.
func (w *writer) do(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	select {
	case <-w.quit: // a closed writer must not win a race with room in the queue
		return &engine.Away{Err: engine.ErrClosed}
	default:
	}
	select {
	case w.queue <- j:
	case <-w.quit:
		return &engine.Away{Err: engine.ErrClosed}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		if j.abandon() {
			return context.Cause(ctx)
		}
	case <-w.ended:
		if j.abandon() { // it came too late for the last look at the queue
			return &engine.Away{Err: engine.ErrClosed}
		}
	}
	<-j.done
	return j.err
}

func (w *writer) run() {
	defer close(w.ended)
	defer close(w.lost)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case j := <-w.queue:
			w.batch(j)
		case <-tick.C:
			w.poll()
		case <-w.quit:
			for {
				select {
				case j := <-w.queue:
					w.batch(j)
				default:
					return
				}
			}
		}
	}
}

func (w *writer) close() {
	w.closing.Do(func() { close(w.quit) })
	<-w.ended
}

// poll looks whether another process told something.
func (w *writer) poll() {
	seq, err := w.readSeq()
	if err != nil {
		w.log.Warn("looking for changes by other processes", "error", err)
		return
	}
	if seq != w.seq {
		w.seq = seq
		w.signalLost()
	}
}

func (w *writer) readSeq() (seq int64, err error) {
	err = w.s.query(engine.One(&seq), engine.SeqNow)
	return seq, classify(err)
}

// signalLost never waits: a signal that is still there says the same.
func (w *writer) signalLost() {
	select {
	case w.lost <- struct{}{}:
	default:
	}
}
