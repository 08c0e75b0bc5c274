package sqlite

import (
	"context"
	"errors"
	"fmt"

	"sallyport/feed"
	"sallyport/store/engine"
)

var _ engine.Engine = (*DB)(nil)

// Start implements engine.Engine.
func (d *DB) Start(context.Context) error {
	seq, err := d.writer.readSeq()
	if err != nil {
		return err
	}
	d.writer.seq = seq
	d.started = true
	go d.writer.run()
	go func() {
		defer close(d.heard)
		for range d.writer.lost {
			d.publish(feed.Change{Kind: feed.All})
		}
	}()
	return nil
}

// Query implements engine.Engine.
func (d *DB) Query(ctx context.Context, each func(engine.Row) error, statement string, args ...any) error {
	s, err := d.readers.Get(ctx)
	if err != nil {
		return err
	}
	err = classify(s.query(each, statement, args...))
	d.readers.Put(s, !engine.IsAway(err))
	return err
}

// Write implements engine.Engine.
func (d *DB) Write(ctx context.Context, fn func(engine.Tx) error) ([]feed.Change, error) {
	j := &job{fn: fn, done: make(chan struct{})}
	if err := d.writer.do(ctx, j); err != nil {
		return nil, err
	}
	return j.news, nil
}

// WriteOne implements engine.Engine.
func (d *DB) WriteOne(ctx context.Context, fn func(engine.Tx) error) error {
	return d.writer.do(ctx, &job{fn: fn, single: true, done: make(chan struct{})})
}

// Ping implements engine.Engine.
func (d *DB) Ping(ctx context.Context) error {
	var seq int64
	return d.Query(ctx, engine.One(&seq), engine.SeqNow)
}

// Size implements engine.Engine. What waits in the write-ahead log is counted where it will go.
func (d *DB) Size(ctx context.Context) (int64, error) {
	s, err := d.readers.Get(ctx)
	if err != nil {
		return 0, err
	}
	var pages, size int64
	err = s.conn.QueryRowContext(ctx, `SELECT page_count, page_size FROM pragma_page_count, pragma_page_size`).Scan(&pages, &size)
	err = classify(err)
	d.readers.Put(s, !engine.IsAway(err))
	return pages * size, err
}

// Close implements engine.Engine.
func (d *DB) Close() error { return d.close() }

func (d *DB) shut() error {
	if d.started {
		d.writer.close()
		<-d.heard
	}
	err := d.readers.Close()
	return errors.Join(err, d.writer.s.close(), d.db.Close())
}

// Migrate implements engine.Engine. It uses the writer's connection, so it must be over before Start.
func (d *DB) Migrate(ctx context.Context, step func(engine.Tx) error) error {
	s := d.writer.s
	if _, err := s.exec(begin); err != nil {
		return classify(err)
	}
	err := engine.Call(step, script{ctx, s})
	if err == nil {
		_, err = s.exec(commit)
	}
	if err != nil {
		if _, e := s.exec(rollback); e != nil {
			d.log.Debug("rolling back", "error", e)
		}
		return classify(err)
	}
	return nil
}

// A script is a transaction whose statements are not prepared.
type script struct {
	ctx context.Context
	s   *session
}

func (t script) Exec(text string, args ...any) (int64, error) {
	r, err := t.s.conn.ExecContext(t.ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (t script) Query(each func(engine.Row) error, text string, args ...any) error {
	rows, err := t.s.conn.QueryContext(t.ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (t script) Tell(changes ...feed.Change) {
	panic(fmt.Sprint("a migration tells nothing: ", changes))
}
