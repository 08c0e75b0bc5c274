// Package engine is the seam between the statements of package store and the two databases that run them: what a database
// must be able to do, and the little that both do the same way.
//
// It refuses to know what is stored. A statement is one text for both databases, with $1 placeholders; whole numbers travel
// as int64, text as string, bytes as []byte.
package engine

import (
	"context"
	"log/slog"

	"sallyport/feed"
)

// A Row is the current row of a result.
type Row interface {
	Scan(dest ...any) error
}

// A Tx runs statements inside one transaction. It is good only during the call it is given to.
type Tx interface {
	// Exec runs a statement and returns how many rows it touched.
	Exec(statement string, args ...any) (int64, error)
	// Query runs a statement and calls each for every row.
	Query(each func(Row) error, statement string, args ...any) error
	// Tell has the changes told to everybody once the transaction is durable, and to nobody if it fails.
	Tell(changes ...feed.Change)
}

// An Engine is a database. Its errors are an Away where the database is at fault rather than the statement.
type Engine interface {
	// Migrate runs step in a transaction of its own which no other migrator of the same database can enter meanwhile.
	// Statements need not be registered, and one text may hold several.
	Migrate(ctx context.Context, step func(Tx) error) error
	// Start begins listening for changes made elsewhere. It is called once, after the migrations.
	Start(ctx context.Context) error
	// Query runs a statement that only reads and calls each for every row.
	Query(ctx context.Context, each func(Row) error, statement string, args ...any) error
	// Write runs fn in a transaction and returns, once that is durable, the changes it told. fn may be run again after a
	// failure that is worth a repetition. A write that has begun is finished even if ctx ends.
	Write(ctx context.Context, fn func(Tx) error) ([]feed.Change, error)
	// WriteOne is Write for an fn that runs exactly one statement and tells nothing; it costs less.
	WriteOne(ctx context.Context, fn func(Tx) error) error
	// Ping makes a round trip.
	Ping(ctx context.Context) error
	// Size returns the bytes the database takes on disk.
	Size(ctx context.Context) (int64, error)
	// Close waits for what has begun and ends every connection.
	Close() error
}

// Config is what both databases need to know.
type Config struct {
	Statements []string                     // every statement that Query, Write and WriteOne will be asked to run
	Publish    func(changes ...feed.Change) // takes the changes made elsewhere
	Log        *slog.Logger
}

// SeqNext and SeqNow are the two statements the engines run on their own. The row of change_seq counts the transactions
// that told something, so that a listener notices when it missed one.
const (
	SeqNext = `UPDATE change_seq SET seq = seq + 1 WHERE id = 1 RETURNING seq`
	SeqNow  = `SELECT seq FROM change_seq WHERE id = 1`
)
