package feed_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/feed"
)

func TestCacheLoadsOnceAndKeeps(t *testing.T) {
	var loads atomic.Int64
	c := feed.NewCache(10, func(_ context.Context, k string) (string, error) {
		loads.Add(1)
		return "v:" + k, nil
	})
	if _, ok := c.Peek("a"); ok {
		t.Error("Peek found what was never loaded")
	}
	for range 3 {
		if v, err := c.Get(t.Context(), "a"); v != "v:a" || err != nil {
			t.Fatalf("Get = %q, %v", v, err)
		}
	}
	if v, ok := c.Peek("a"); !ok || v != "v:a" {
		t.Errorf("Peek = %q, %v", v, ok)
	}
	if n := loads.Load(); n != 1 {
		t.Errorf("%d loads, want 1", n)
	}
	c.Drop("a")
	if _, ok := c.Peek("a"); ok {
		t.Error("Peek found what was dropped")
	}
	_, _ = c.Get(t.Context(), "a")
	c.DropAll()
	_, _ = c.Get(t.Context(), "a")
	if n := loads.Load(); n != 3 {
		t.Errorf("%d loads after two drops, want 3", n)
	}
}

func TestCacheSharesOneLoad(t *testing.T) {
	var loads atomic.Int64
	release := make(chan struct{})
	c := feed.NewCache(10, func(context.Context, int) (int, error) {
		loads.Add(1)
		<-release
		return 42, nil
	})
	var started, done sync.WaitGroup
	for range 50 {
		started.Add(1)
		done.Go(func() {
			started.Done()
			if v, err := c.Get(context.Background(), 1); v != 42 || err != nil {
				t.Errorf("Get = %d, %v", v, err)
			}
		})
	}
	started.Wait()
	close(release)
	done.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("%d loads, want 1", n)
	}
}

func TestCacheDoesNotKeepErrors(t *testing.T) {
	away := errors.New("away")
	fail := true
	c := feed.NewCache(10, func(context.Context, int) (int, error) {
		if fail {
			return 0, away
		}
		return 1, nil
	})
	if _, err := c.Get(t.Context(), 1); !errors.Is(err, away) {
		t.Fatalf("err = %v", err)
	}
	fail = false
	if v, err := c.Get(t.Context(), 1); v != 1 || err != nil {
		t.Errorf("Get = %d, %v", v, err)
	}
}

func TestCacheSurvivesAPanic(t *testing.T) {
	c := feed.NewCache(10, func(context.Context, int) (int, error) { panic("boom") })
	for range 2 {
		if _, err := c.Get(t.Context(), 1); err == nil {
			t.Error("no error")
		}
	}
}

// A value that was read before the news must not stay after it, nor be given to somebody who asks after it.
func TestCacheDropDuringLoad(t *testing.T) {
	for name, drop := range map[string]func(*feed.Cache[int, string]){
		"Drop":    func(c *feed.Cache[int, string]) { c.Drop(1) },
		"DropAll": func(c *feed.Cache[int, string]) { c.DropAll() },
	} {
		t.Run(name, func(t *testing.T) {
			loading, release := make(chan struct{}), make(chan struct{})
			var loads atomic.Int64
			c := feed.NewCache(10, func(context.Context, int) (string, error) {
				if loads.Add(1) == 1 {
					close(loading)
					<-release
					return "old", nil
				}
				return "new", nil
			})
			first := make(chan string)
			go func() {
				v, _ := c.Get(context.Background(), 1)
				first <- v
			}()
			<-loading
			drop(c)
			if v, _ := c.Get(t.Context(), 1); v != "new" {
				t.Errorf("after the drop: %q", v)
			}
			close(release)
			if v := <-first; v != "old" {
				t.Errorf("who asked before the drop got %q", v)
			}
			if v, _ := c.Peek(1); v != "new" {
				t.Errorf("kept %q", v)
			}
		})
	}
}

func TestCacheCallerStopsWaiting(t *testing.T) {
	release := make(chan struct{})
	c := feed.NewCache(10, func(ctx context.Context, _ int) (int, error) {
		<-release
		return 7, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Get(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	close(release) // the load goes on for others, although the one who began it has gone
	if v, err := c.Get(t.Context(), 1); v != 7 || err != nil {
		t.Errorf("Get = %d, %v", v, err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	const most = 100
	c := feed.NewCache(most, func(_ context.Context, k int) (int, error) { return k, nil })
	for range 20 { // in daily use
		for k := range 10 {
			_, _ = c.Get(t.Context(), -1-k)
		}
	}
	for k := range 5000 { // made up, asked for once
		_, _ = c.Get(t.Context(), k)
	}
	// Evicting lags behind, the more so on a busy machine.
	held := 0
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		held = 0
		for k := range 5000 {
			if _, ok := c.Peek(k); ok {
				held++
			}
		}
		if held <= 2*most {
			return
		}
	}
	t.Errorf("%d of the made-up keys are held, bound %d", held, most)
}

// Whoever asks after a change was told sees it, whatever else is going on.
func TestCacheIsNeverStale(t *testing.T) {
	const keys = 4
	var stored [keys]atomic.Int64
	c := feed.NewCache(10, func(_ context.Context, k int) (int64, error) { return stored[k].Load(), nil })
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for w := range 2 {
		wg.Go(func() {
			for i := range 3000 {
				k := (i + w) % keys
				stored[k].Add(1)
				if i%50 == 0 {
					c.DropAll()
				} else {
					c.Drop(k)
				}
			}
		})
	}
	var told [keys]atomic.Int64
	wg.Go(func() {
		for i := range 3000 {
			k := i % keys
			n := stored[k].Add(1)
			c.Drop(k)
			told[k].Store(n)
		}
	})
	for range 4 {
		wg.Go(func() {
			for i := range 6000 {
				k := i % keys
				atLeast := told[k].Load()
				if v, err := c.Get(context.Background(), k); err != nil || v < atLeast {
					errs <- fmt.Errorf("got %d after %d was told, %v", v, atLeast, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
}
