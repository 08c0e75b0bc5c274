package app

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	logBufferSize = 32 << 10
	logDelay      = 50 * time.Millisecond
)

// A logBuffer gathers lines of the log and writes many at once: at a few ten thousand requests a second, a system call
// for each line is a tenth of what a request costs. A line waits logDelay at most; a warning or worse takes what waits
// with it at once.
type logBuffer struct {
	mu      sync.Mutex
	out     io.Writer
	waiting []byte
	timer   *time.Timer // runs while something waits
}

func newLogBuffer(out io.Writer) *logBuffer {
	b := &logBuffer{out: out, waiting: make([]byte, 0, logBufferSize)}
	b.timer = time.AfterFunc(time.Hour, b.Flush)
	b.timer.Stop()
	return b
}

// Write implements io.Writer. It takes whole lines, as slog's handlers write them.
func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting)+len(line) > logBufferSize {
		b.flush()
	}
	if len(b.waiting) == 0 {
		b.timer.Reset(logDelay)
	}
	b.waiting = append(b.waiting, line...)
	return len(line), nil
}

// Flush writes what waits.
func (b *logBuffer) Flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flush()
}

// flush needs mu. A log that cannot be written is lost: there is no other place to say so.
func (b *logBuffer) flush() {
	if len(b.waiting) > 0 {
		_, _ = b.out.Write(b.waiting)
		b.waiting = b.waiting[:0]
	}
}

// A promptHandler lets nothing wait behind a warning.
type promptHandler struct {
	slog.Handler
	buffer *logBuffer
}

func (h promptHandler) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.buffer.Flush()
	}
	return err
}

func (h promptHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return promptHandler{h.Handler.WithAttrs(attrs), h.buffer}
}

func (h promptHandler) WithGroup(name string) slog.Handler {
	return promptHandler{h.Handler.WithGroup(name), h.buffer}
}
