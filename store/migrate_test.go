package store_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/store"
	"sallyport/store/migrations"
	"sallyport/store/postgres/pgtest"
)

func databases(t *testing.T, test func(t *testing.T, name, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite", filepath.Join(t.TempDir(), "test.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, "postgres", pgtest.Start(t)) })
}

// history is what is built in, and more at its end.
func history(t *testing.T, more ...migrations.Migration) []migrations.Migration {
	t.Helper()
	all, err := migrations.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range more {
		m.Version = int64(len(all) + 1)
		all = append(all, m)
	}
	return all
}

func TestMigrationHistory(t *testing.T) {
	databases(t, func(t *testing.T, name, url string) {
		// The writer of SQLite is not to be disturbed, so migrations come before a store is in use.
		migrate := func(all []migrations.Migration) error {
			return store.Migrate(t.Context(), url, all)
		}
		if err := migrate(history(t)); err != nil {
			t.Fatal(err)
		}
		if err := migrate(history(t)); err != nil {
			t.Fatalf("again: %v", err)
		}
		broken := migrations.Migration{Name: "broken", Text: `CREATE TABLE half (x BIGINT); CREATE TABLE half (x BIGINT)`, Checksum: "b"}
		if err := migrate(history(t, broken)); err == nil || !strings.Contains(err.Error(), "_broken") {
			t.Errorf("a migration that fails: %v", err)
		}
		mended := migrations.Migration{Name: "mended", Text: `CREATE TABLE half (x BIGINT)`, Checksum: "m"}
		if err := migrate(history(t, mended)); err != nil {
			t.Errorf("the first half of a failed migration stayed: %v", err)
		}
		if err := migrate(history(t)); err == nil || !strings.Contains(err.Error(), "newer than this program") {
			t.Errorf("a database that is newer: %v", err)
		}
		if _, err := store.Open(t.Context(), store.Options{URL: url}); err == nil || !strings.Contains(err.Error(), "newer than this program") {
			t.Errorf("a database that is newer was opened: %v", err)
		}
		other := history(t, mended)
		other[0].Checksum = strings.Repeat("0", 64)
		if err := migrate(other); err == nil || !strings.Contains(err.Error(), "another text") {
			t.Errorf("a changed migration: %v", err)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	for _, url := range []string{"", "mysql://localhost/x", "postgres://%zz", "postgres://h/db?pool_max_conns=many", "postgres://h/db?pool_max_conns=1"} {
		s, err := store.Open(t.Context(), store.Options{URL: url})
		if err == nil {
			s.Close()
			t.Errorf("%q was opened", url)
			continue
		}
		if !strings.Contains(err.Error(), "database: ") {
			t.Errorf("%q: %v does not say what it is about", url, err)
		}
	}
	_, err := store.Open(t.Context(), store.Options{URL: "postgres://me:hunter2@127.0.0.1:1/db?connect_timeout=2", Log: slog.New(slog.DiscardHandler)})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("nobody listens there, and the password is nobody's business: %v", err)
	}
}
