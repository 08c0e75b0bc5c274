package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"sallyport/feed"
	"sallyport/store/engine"
)

var _ engine.Engine = (*DB)(nil)

const maxAttempts = 5

// Query implements engine.Engine.
func (d *DB) Query(ctx context.Context, each func(engine.Row) error, statement string, args ...any) error {
	c, err := d.borrow(ctx)
	if err != nil {
		return err
	}
	t := transaction{ctx: ctx, conn: c.Conn}
	err = t.Query(each, statement, args...)
	d.giveBack(c)
	return failed(ctx, err)
}

// failed is classify, but for a caller that left: cutting its statement short looks like a fault of the network.
func failed(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return context.Cause(ctx)
	}
	return classify(err)
}

// work is the context of a write that has begun: it goes on when the caller leaves, but not for ever.
func work(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), maxWork)
}

// WriteOne implements engine.Engine. The statement is a transaction by itself, which saves two round trips.
func (d *DB) WriteOne(ctx context.Context, fn func(engine.Tx) error) error {
	_, err := d.attempt(ctx, func(c *conn) ([]feed.Change, error) {
		ctx, cancel := work(ctx)
		defer cancel()
		return nil, engine.Call(fn, &transaction{ctx: ctx, conn: c.Conn})
	})
	return err
}

// Write implements engine.Engine.
func (d *DB) Write(ctx context.Context, fn func(engine.Tx) error) ([]feed.Change, error) {
	return d.attempt(ctx, func(c *conn) ([]feed.Change, error) {
		ctx, cancel := work(ctx)
		defer cancel()
		t := &transaction{ctx: ctx, conn: c.Conn}
		err := d.inside(t, func() error {
			if err := engine.Call(fn, t); err != nil || len(t.news) == 0 {
				return err
			}
			return t.announce(*d.origin.Load())
		})
		return t.news, err
	})
}

// attempt runs a write on a connection, again if it lost against another one.
func (d *DB) attempt(ctx context.Context, write func(*conn) ([]feed.Change, error)) ([]feed.Change, error) {
	for n := 1; ; n++ {
		c, err := d.borrow(ctx)
		if err != nil {
			return nil, err
		}
		news, err := write(c)
		d.giveBack(c)
		if err == nil {
			return news, nil
		}
		if !worthRepeating(err) || n == maxAttempts {
			return nil, classify(err)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Duration(n) * (time.Millisecond + rand.N(10*time.Millisecond))):
		}
	}
}

// inside runs fn between BEGIN and COMMIT.
func (d *DB) inside(t *transaction, fn func() error) error {
	tx, err := t.conn.Begin(t.ctx)
	if err != nil {
		return err
	}
	if err := fn(); err != nil {
		if e := tx.Rollback(t.ctx); e != nil {
			d.log.Debug("rolling back", "error", e) // giveBack drops the connection
		}
		return err
	}
	err = tx.Commit(t.ctx)
	if err != nil && len(t.news) > 0 {
		// The answer may be lost and the commit not: the news is heard of like another's, or was passed over just now.
		d.rename()
		d.publish(feed.Change{Kind: feed.All})
	}
	return err
}

// Ping implements engine.Engine.
func (d *DB) Ping(ctx context.Context) error {
	var one int64
	return d.Query(ctx, engine.One(&one), `SELECT 1::bigint`)
}

// Size implements engine.Engine.
func (d *DB) Size(ctx context.Context) (n int64, err error) {
	err = d.Query(ctx, engine.One(&n), `SELECT pg_database_size(current_database())`)
	return n, err
}

// Close implements engine.Engine.
func (d *DB) Close() error { return d.close() }

// migrationLock is the key of the advisory lock that keeps migrators apart: "sallyprt" in ASCII.
const migrationLock int64 = 0x73616c6c79707274

// Migrate implements engine.Engine.
func (d *DB) Migrate(ctx context.Context, step func(engine.Tx) error) error {
	c, err := d.borrow(ctx)
	if err != nil {
		return err
	}
	defer d.giveBack(c)
	t := &transaction{ctx: ctx, conn: c.Conn}
	err = d.inside(t, func() error {
		// A migration, or the wait for another process's, may take longer than a request ever should.
		if _, err := t.Exec(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0`); err != nil {
			return err
		}
		if _, err := t.Exec(`SELECT pg_advisory_xact_lock($1)`, migrationLock); err != nil {
			return err
		}
		return engine.Call(step, t)
	})
	return classify(err)
}
