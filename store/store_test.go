package store_test

import (
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"sallyport/store/postgres/pgtest"
	"sallyport/store/storetest"
)

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Database {
		return storetest.Database{URL: filepath.Join(t.TempDir(), "sallyport.db")}
	})
}

func TestPostgres(t *testing.T) {
	pgtest.Start(t) // skips here, once, where there is no PostgreSQL
	storetest.Run(t, func(t *testing.T) storetest.Database {
		url := pgtest.Start(t)
		return storetest.Database{URL: url, CutOff: func(t *testing.T) { terminate(t, url) }}
	})
}

// terminate ends every connection to a database, as its server's restart would.
func terminate(t *testing.T, url string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	_, err = c.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if err != nil {
		t.Fatal(err)
	}
}
