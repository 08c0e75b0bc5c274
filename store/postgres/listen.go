package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"sallyport/feed"
	"sallyport/store/engine"
)

const (
	pollEvery  = 500 * time.Millisecond // how soon a missed notification is noticed
	onTheWay   = 100 * time.Millisecond // how long a notification may take that should be here
	pollWithin = 5 * time.Second        // a connection that does not answer in time is lost
	retryEvery = 250 * time.Millisecond // how soon a lost connection is made again
)

// A listener hears what other processes tell. One goroutine runs it, which Close ends.
type listener struct {
	d     *DB
	conn  *pgx.Conn // nil: lost
	heard int64     // the count of the last news that are known here
}

// Start implements engine.Engine.
func (d *DB) Start(ctx context.Context) error {
	l := &listener{d: d}
	if err := l.connect(ctx); err != nil {
		return classify(err)
	}
	life, stop := context.WithCancel(context.Background())
	d.stop = stop
	go func() {
		defer close(d.ended)
		l.run(life)
	}()
	return nil
}

// connect listens first and reads the count then, so that nothing falls in between.
func (l *listener) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pollWithin)
	defer cancel()
	c, err := pgx.ConnectConfig(ctx, l.d.config)
	if err != nil {
		return err
	}
	l.conn = c
	if _, err := c.Exec(ctx, listen); err != nil {
		l.drop()
		return err
	}
	seq, err := l.count(ctx)
	if err != nil {
		l.drop()
		return err
	}
	l.heard = seq
	return nil
}

func (l *listener) run(life context.Context) {
	for life.Err() == nil {
		if l.conn == nil && !l.reconnect(life) {
			continue
		}
		if err := l.hear(life); err != nil && life.Err() == nil {
			l.d.log.Warn("the connection that listens for changes is lost", "error", err)
			l.drop()
		}
	}
	if l.conn != nil {
		l.drop()
	}
}

// reconnect tries once to listen again; what was told meanwhile is unknown.
func (l *listener) reconnect(life context.Context) bool {
	if err := l.connect(life); err != nil {
		select {
		case <-life.Done():
		case <-time.After(retryEvery):
		}
		return false
	}
	l.d.log.Info("listening for changes again")
	l.lost()
	return true
}

// hear takes one notification, or asks for the count when there was none for a while.
func (l *listener) hear(life context.Context) error {
	taken, err := l.wait(life, pollEvery)
	if taken || err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(life, pollWithin)
	defer cancel()
	seq, err := l.count(ctx)
	if err != nil {
		return err
	}
	// The count is seen a moment before the notification that belongs to it.
	for l.heard < seq {
		taken, err := l.wait(life, onTheWay)
		if err != nil {
			return err
		}
		if !taken {
			l.heard = seq
			l.lost()
		}
	}
	return nil
}

// wait takes a notification if one comes in time.
func (l *listener) wait(life context.Context, atMost time.Duration) (taken bool, err error) {
	ctx, cancel := context.WithTimeout(life, atMost)
	defer cancel()
	n, err := l.conn.WaitForNotification(ctx)
	if err == nil {
		l.take(n.Payload)
		return true, nil
	}
	if l.conn.IsClosed() || !errors.Is(err, context.DeadlineExceeded) {
		return false, err
	}
	return false, nil
}

func (l *listener) take(payload string) {
	var n notice
	if err := json.Unmarshal([]byte(payload), &n); err != nil {
		l.d.log.Warn("a notification that cannot be read", "error", err)
		l.lost()
		return
	}
	switch {
	case n.Seq <= l.heard:
	case n.Seq > l.heard+1:
		l.heard = n.Seq
		l.lost()
	default:
		l.heard = n.Seq
		if n.Origin != *l.d.origin.Load() { // our own were told before the write returned
			l.d.publish(n.Changes...)
		}
	}
}

func (l *listener) lost() { l.d.publish(feed.Change{Kind: feed.All}) }

func (l *listener) count(ctx context.Context) (seq int64, err error) {
	t := transaction{ctx: ctx, conn: l.conn}
	err = t.Query(engine.One(&seq), engine.SeqNow)
	return seq, err
}

func (l *listener) drop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.conn.Close(ctx) // it is of no use any more, whatever closing says
	l.conn = nil
}
