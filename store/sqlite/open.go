package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"

	"sallyport/feed"
	"sallyport/store/engine"
)

// Name is what the migrations call this database.
const Name = "sqlite"

// A DB is an open database file. It implements engine.Engine.
type DB struct {
	db      *sql.DB // the source of all connections
	writer  *writer
	readers *engine.Pool[*session]
	publish func(...feed.Change)
	heard   chan struct{} // closed when the goroutine that publishes has ended
	log     *slog.Logger

	started bool         // the writer runs; set once, by Start
	close   func() error // shut, once
}

// Open opens the file, which it makes if there is none, readable by its owner alone.
func Open(ctx context.Context, path string, c engine.Config) (*DB, error) {
	if err := prepare(path); err != nil {
		return nil, &engine.Away{Err: err}
	}
	connector, err := sqlite.NewConnector(source(path))
	if err != nil {
		return nil, err
	}
	d := &DB{db: sql.OpenDB(connector), publish: c.Publish, heard: make(chan struct{}), log: c.Log}
	s, err := d.openWriter(ctx, c.Statements)
	if err != nil {
		return nil, errors.Join(classify(err), d.db.Close())
	}
	d.writer = newWriter(s, c.Log)
	size := min(max(4, 2*runtime.GOMAXPROCS(0)), 16)
	d.readers = engine.NewPool(size, func(ctx context.Context) (*session, error) {
		s, err := newSession(ctx, d.db, c.Statements, "PRAGMA query_only = 1", "PRAGMA cache_size = -4000")
		return s, classify(err)
	}, (*session).close)
	d.close = sync.OnceValue(d.shut)
	return d, nil
}

// openWriter is patient: the change to WAL of a new file fails at once while another process makes the same change.
func (d *DB) openWriter(ctx context.Context, statements []string) (*session, error) {
	for deadline := time.Now().Add(10 * time.Second); ; {
		s, err := newSession(ctx, d.db, statements,
			"PRAGMA journal_mode = WAL",
			"PRAGMA synchronous = FULL", // a commit is on disk when it returns
			"PRAGMA journal_size_limit = 67108864",
			"PRAGMA cache_size = -32000")
		if err == nil || !isBusy(err) || time.Now().After(deadline) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// source is the name by which the driver opens the file. Waiting for other processes comes first: what follows may need it.
func source(path string) string {
	// A "?" or "#" in the path would begin the options or the fragment of a URI.
	escaped := strings.ReplaceAll(url.PathEscape(filepath.ToSlash(path)), "%2F", "/")
	return "file:" + escaped + "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=temp_store(2)"
}

// prepare makes the folder and the file before SQLite does, to fix their modes; SQLite gives its other files the mode of
// the database. An existing file is never opened here: closing it would drop the locks this process holds on it.
func prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	switch {
	case err == nil:
		return f.Close()
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder; name a file in it", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(path, info.Mode().Perm()&^0o077)
	}
	return nil
}
