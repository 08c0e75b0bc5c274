package app

import (
	"context"
	"time"
)

const (
	tickEvery  = time.Minute
	dropAtOnce = 500 // rows in one transaction, so that nobody waits long for its end
)

// work starts what a server does by itself. Close ends it.
func (a *App) work(ctx context.Context) {
	a.every(ctx, "keys", func() error { return a.ring.Tick(ctx) })
	a.every(ctx, "expiry", func() error {
		for {
			n, err := a.store.DropExpired(ctx, a.now(), dropAtOnce)
			if err != nil || n < dropAtOnce || ctx.Err() != nil {
				return err
			}
		}
	})
}

// every does something at the start and each minute. What fails is tried again the next time.
func (a *App) every(ctx context.Context, name string, do func() error) {
	a.working.Go(func() {
		tick := time.NewTicker(tickEvery)
		defer tick.Stop()
		for {
			if err := do(); err != nil && ctx.Err() == nil {
				a.log.Warn("background work failed; it is tried again in a minute", "work", name, "cause", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}
