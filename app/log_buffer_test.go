package app

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A countedWriter counts the calls it takes.
type countedWriter struct {
	mu    sync.Mutex
	calls int
	all   bytes.Buffer
}

func (w *countedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	return w.all.Write(p)
}

func (w *countedWriter) seen() (calls int, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls, w.all.String()
}

func TestLogLinesWaitForEachOtherButNotLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &countedWriter{}
		log := newLog(Config{LogLevel: "info", LogFormat: "json"}, newLogBuffer(w))
		for range 10 {
			log.Info("token_issued")
		}
		if calls, _ := w.seen(); calls != 0 {
			t.Fatalf("%d writes before the delay is over", calls)
		}
		time.Sleep(logDelay + time.Millisecond)
		synctest.Wait()
		if calls, text := w.seen(); calls != 1 || strings.Count(text, "token_issued") != 10 {
			t.Fatalf("%d writes:\n%s", calls, text)
		}
		log.Info("later")
		time.Sleep(logDelay + time.Millisecond)
		synctest.Wait()
		if _, text := w.seen(); !strings.Contains(text, "later") {
			t.Error("the second delay did not end")
		}
	})
}

func TestLogDoesNotHoldBackAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &countedWriter{}
		log := newLog(Config{LogLevel: "info"}, newLogBuffer(w)).With("realm", "default").WithGroup("g")
		log.Info("before")
		log.Log(t.Context(), slog.LevelWarn, "disk full")
		_, text := w.seen()
		if before, warning := strings.Index(text, "before"), strings.Index(text, "disk full"); before < 0 || warning < before {
			t.Errorf("got %q", text)
		}
	})
}

func TestLogBufferKeepsLinesWholeUnderLoad(t *testing.T) {
	w := &countedWriter{}
	buffer := newLogBuffer(w)
	var wg sync.WaitGroup
	line := strings.Repeat("x", 99) + "\n"
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				_, _ = buffer.Write([]byte(line))
			}
		})
	}
	wg.Wait()
	buffer.Flush()
	calls, text := w.seen()
	if text != strings.Repeat(line, 8000) {
		t.Errorf("%d bytes, want %d; or a line is torn", len(text), 8000*len(line))
	}
	if calls > 200 {
		t.Errorf("%d writes for 8000 lines", calls)
	}
}
