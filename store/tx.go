package store

import (
	"context"

	"sallyport/store/engine"
)

// write runs fn in one transaction, tells the feed what fn told, and gives an error its name.
func (s *Store) write(ctx context.Context, op string, fn func(engine.Tx) error) error {
	news, err := s.engine.Write(ctx, fn)
	if err != nil {
		return fault(op, err)
	}
	// On the caller's goroutine: a subscriber may read from the store, and keeps nobody waiting but the one who changed
	// what it is about.
	if len(news) > 0 {
		s.hub.Publish(news...)
	}
	return nil
}

// run executes one statement as a transaction of its own.
func (s *Store) run(ctx context.Context, op, statement string, args ...any) error {
	return fault(op, s.engine.WriteOne(ctx, func(tx engine.Tx) error {
		_, err := tx.Exec(statement, args...)
		return err
	}))
}

// read runs a statement and calls each for every row.
func (s *Store) read(ctx context.Context, op string, each func(engine.Row) error, statement string, args ...any) error {
	return fault(op, s.engine.Query(ctx, each, statement, args...))
}
