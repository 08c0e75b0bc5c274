package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"sallyport/store/engine"
)

// A session is a connection with its prepared statements. One goroutine at a time may use it.
type session struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt // by text; nil until first used
}

// own are the statements of this package.
var own = []string{begin, commit, rollback, savepoint, release, undo, engine.SeqNext, engine.SeqNow}

const (
	begin     = `BEGIN IMMEDIATE`
	commit    = `COMMIT`
	rollback  = `ROLLBACK`
	savepoint = `SAVEPOINT job`
	release   = `RELEASE job`
	undo      = `ROLLBACK TO job`
)

func newSession(ctx context.Context, db *sql.DB, statements []string, pragmas ...string) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range pragmas {
		if _, err := conn.ExecContext(ctx, p); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", p, err), conn.Close())
		}
	}
	s := &session{conn: conn, prepared: make(map[string]*sql.Stmt, len(statements)+len(own))}
	for _, text := range slices.Concat(statements, own) {
		s.prepared[text] = nil
	}
	return s, nil
}

// statement returns the prepared form of a registered statement.
func (s *session) statement(text string) (*sql.Stmt, error) {
	p, ok := s.prepared[text]
	if p != nil {
		return p, nil
	}
	if !ok {
		return nil, fmt.Errorf("statement is not registered: %s", text)
	}
	// Not the caller's context: the statement outlives the call.
	p, err := s.conn.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	s.prepared[text] = p
	return p, nil
}

// exec runs a statement to its end. A context is not taken: everything here is short, and watching one costs more.
func (s *session) exec(text string, args ...any) (int64, error) {
	p, err := s.statement(text)
	if err != nil {
		return 0, err
	}
	r, err := p.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (s *session) query(each func(engine.Row) error, text string, args ...any) (err error) {
	p, err := s.statement(text)
	if err != nil {
		return err
	}
	rows, err := p.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *session) close() error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, p := range s.prepared {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(append(errs, s.conn.Close())...)
}
