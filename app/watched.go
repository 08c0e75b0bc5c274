package app

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// A watched value is read from files, and again when they change. A change that cannot be read is logged, and the last
// good value stays in use, as it does when the files are gone.
type watched[T any] struct {
	what  string // for the log
	files []string
	read  func() (T, error)
	log   *slog.Logger
	now   func() time.Time

	mu      sync.Mutex // guards what follows
	current T
	state   string    // of the files when they were read
	looked  time.Time // when they were last looked at
	fault   string    // why they cannot be read, as far as the log has it
}

// lookEvery is how often the files are looked at, at most.
const lookEvery = 5 * time.Second

// watch reads files for the first time, when a fault is one of the settings.
func watch[T any](what string, files []string, read func() (T, error), log *slog.Logger, now func() time.Time) (*watched[T], error) {
	w := &watched[T]{what: what, files: files, read: read, log: log, now: now, looked: now()}
	w.state = w.look()
	var err error
	w.current, err = read()
	return w, err
}

// look describes the files' state.
func (w *watched[T]) look() string {
	var b strings.Builder
	for _, file := range w.files {
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintln(&b, info.ModTime().UnixNano(), info.Size())
		} else {
			fmt.Fprintln(&b, "gone")
		}
	}
	return b.String()
}

// get returns the value.
func (w *watched[T]) get() T {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); now.Sub(w.looked) >= lookEvery {
		w.looked = now
		if state := w.look(); state != w.state {
			w.again(state)
		}
	}
	return w.current
}

// again needs mu. A fault is logged once, not at each look.
func (w *watched[T]) again(state string) {
	value, err := w.read()
	if err == nil {
		w.current, w.state, w.fault = value, state, ""
		w.log.Info(w.what + " was read again")
		return
	}
	if w.fault != err.Error() {
		w.fault = err.Error()
		w.log.Error(w.what+" changed and cannot be read; the old one stays in use", "cause", err)
	}
}
