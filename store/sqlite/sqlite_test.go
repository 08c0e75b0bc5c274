package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/feed"
	"sallyport/store/engine"
	"sallyport/store/sqlite"
)

const (
	add    = `INSERT INTO t (id, body) VALUES ($1, $2)`
	remove = `DELETE FROM t WHERE id = $1`
	count  = `SELECT COUNT(*) FROM t`
	pragma = `SELECT (SELECT journal_mode FROM pragma_journal_mode), (SELECT synchronous FROM pragma_synchronous), (SELECT foreign_keys FROM pragma_foreign_keys), sqlite_version()`
)

const schema = `CREATE TABLE IF NOT EXISTS t (id BIGINT PRIMARY KEY, body BYTEA);
	CREATE TABLE IF NOT EXISTS change_seq (id BIGINT PRIMARY KEY, seq BIGINT NOT NULL);
	INSERT INTO change_seq (id, seq) VALUES (1, 0) ON CONFLICT DO NOTHING`

type fixture struct {
	*sqlite.DB
	path string
	mu   sync.Mutex
	news []feed.Change
}

// open opens a file with a table of its own; setup is run on the writer's connection before it starts.
func open(t *testing.T, path string, setup ...string) *fixture {
	t.Helper()
	f := &fixture{path: path}
	db, err := sqlite.Open(t.Context(), path, engine.Config{
		Statements: []string{add, remove, count, pragma},
		Publish: func(c ...feed.Change) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.news = append(f.news, c...)
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.DB = db
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, text := range append([]string{schema}, setup...) {
		if err := db.Migrate(t.Context(), func(tx engine.Tx) error { _, err := tx.Exec(text); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

func fresh(t *testing.T, setup ...string) *fixture {
	return open(t, filepath.Join(t.TempDir(), "test.db"), setup...)
}

func (f *fixture) add(id int64, body []byte) error {
	_, err := f.Write(context.Background(), func(tx engine.Tx) error {
		_, err := tx.Exec(add, id, body)
		return err
	})
	return err
}

func (f *fixture) count(t *testing.T) (n int64) {
	t.Helper()
	if err := f.Query(t.Context(), engine.One(&n), count); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSettings(t *testing.T) {
	f := fresh(t)
	var mode, version string
	var synchronous, foreignKeys int64
	_, err := f.Write(t.Context(), func(tx engine.Tx) error {
		return tx.Query(engine.One(&mode, &synchronous, &foreignKeys, &version), pragma)
	})
	if err != nil {
		t.Fatal(err)
	}
	if mode != "wal" || synchronous != 2 || foreignKeys != 1 {
		t.Errorf("journal_mode %s, synchronous %d, foreign_keys %d; want wal, 2 (full), 1", mode, synchronous, foreignKeys)
	}
	var have, want [3]int
	want = [3]int{3, 51, 3} // the first without a fault that could damage a WAL file while two connections checkpoint it
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &have[0], &have[1], &have[2]); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if have[i] != want[i] {
			if have[i] < want[i] {
				t.Errorf("SQLite %s is older than 3.51.3", version)
			}
			break
		}
	}
}

func TestFileIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a ?#%é", "data")
	path := filepath.Join(dir, "odd ?name#%20.db")
	f := open(t, path)
	if err := f.add(1, nil); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{dir: 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: mode %o, want %o", name, got, want)
		}
	}
}

func TestExistingFileIsMadePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestCannotOpen(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"a folder": dir, "a text file": text, "below a file": filepath.Join(text, "x", "y.db")} {
		db, err := sqlite.Open(t.Context(), path, engine.Config{Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			t.Errorf("%s: opened", name)
			db.Close()
			continue
		}
		if !engine.IsAway(err) {
			t.Errorf("%s: %v is not of the kind Away", name, err)
		}
	}
}

// A write that fails or panics leaves nothing and harms no write that shares its commit.
func TestFailedWriteHarmsNoOther(t *testing.T) {
	f := fresh(t)
	boom := errors.New("boom")
	var all sync.WaitGroup
	for n := range int64(300) {
		all.Go(func() {
			_, err := f.Write(t.Context(), func(tx engine.Tx) error {
				tx.Tell(feed.Change{Kind: feed.User})
				if _, err := tx.Exec(add, n, []byte("x")); err != nil {
					return err
				}
				switch n % 3 {
				case 1:
					return boom
				case 2:
					panic("oh no")
				}
				return nil
			})
			switch {
			case n%3 == 0 && err != nil, n%3 == 1 && !errors.Is(err, boom), n%3 == 2 && (err == nil || !strings.Contains(err.Error(), "oh no")):
				t.Errorf("write %d: %v", n, err)
			}
		})
	}
	all.Wait()
	if n := f.count(t); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}
}

func TestStatementsMustBeRegistered(t *testing.T) {
	f := fresh(t)
	if err := f.Query(t.Context(), func(engine.Row) error { return nil }, `SELECT 1`); err == nil {
		t.Error("an unknown statement was run")
	}
	if err := f.Query(t.Context(), func(engine.Row) error { return nil }, remove, int64(1)); err == nil {
		t.Error("a reading connection wrote")
	}
}

// A full disk refuses writes, loses nothing, and is over as soon as there is room.
func TestFullDisk(t *testing.T) {
	f := fresh(t, `PRAGMA max_page_count = 60`)
	body := make([]byte, 20_000)
	stored := int64(0)
	var err error
	for err == nil && stored < 1000 {
		if err = f.add(stored, body); err == nil {
			stored++
		}
	}
	if !engine.IsAway(err) || stored == 0 {
		t.Fatalf("after %d writes: %v", stored, err)
	}
	var all sync.WaitGroup
	for n := range int64(20) {
		all.Go(func() {
			if err := f.add(1000+n, body); !engine.IsAway(err) {
				t.Errorf("a write to a full disk: %v", err)
			}
		})
	}
	all.Wait()
	if n := f.count(t); n != stored {
		t.Fatalf("%d rows, want %d", n, stored)
	}
	err = f.WriteOne(t.Context(), func(tx engine.Tx) error { _, err := tx.Exec(remove, int64(0)); return err })
	if err != nil {
		t.Fatal(err)
	}
	if err := f.add(1000, body); err != nil {
		t.Errorf("a write when there is room again: %v", err)
	}
	if n := f.count(t); n != stored {
		t.Errorf("%d rows, want %d", n, stored)
	}
}

// Another process that holds the file for long makes writes wait, not readers; who does not want to wait any more may go.
func TestLockedByAnotherProcess(t *testing.T) {
	f := fresh(t)
	if err := f.add(1, nil); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", f.path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = f.Write(ctx, func(tx engine.Tx) error { _, err := tx.Exec(add, int64(2), []byte{}); return err })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while locked: %v", err)
	}
	if n := f.count(t); n != 1 {
		t.Errorf("%d rows while locked", n)
	}
	if _, err := conn.ExecContext(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := f.add(3, nil); err != nil {
		t.Error(err)
	}
	if n := f.count(t); n != 2 {
		t.Errorf("%d rows: the write that was given up was done all the same", n)
	}
}

// Changes by others are told; our own, and rows that nobody keeps a copy of, are not told as theirs.
func TestNewsOfOthers(t *testing.T) {
	f := fresh(t)
	other := open(t, f.path)
	tell := func(tx engine.Tx) error { tx.Tell(feed.Change{Kind: feed.User}); return nil }
	if news, err := f.Write(t.Context(), tell); err != nil || len(news) != 1 {
		t.Fatal(news, err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		other.mu.Lock()
		n := len(other.news)
		other.mu.Unlock()
		if n > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("never heard of")
		}
	}
	if err := f.add(1, nil); err != nil { // no news
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), other.Close()); err != nil {
		t.Fatal(err)
	}
	if len(other.news) != 1 || other.news[0].Kind != feed.All {
		t.Errorf("the other heard %v", other.news)
	}
	if len(f.news) != 0 {
		t.Errorf("the writer heard %v of itself", f.news)
	}
}
