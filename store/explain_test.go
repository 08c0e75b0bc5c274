package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sallyport/store"
	"sallyport/store/postgres/pgtest"
)

// Statements that read a whole table, each small or read as a whole on purpose: lists of configuration, keys, and what
// the deletion of a realm leaves.
var mayScan = regexp.MustCompile(`FROM realm ORDER|FROM scope ORDER|FROM api ORDER|FROM signing_key WHERE expires_at|` +
	`DELETE FROM (reference|revocation|ticket) WHERE realm = \$1$`)

// TestNoStatementScansSQLite asks SQLite how it runs every statement.
func TestNoStatementScansSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s, err := store.Open(t.Context(), store.Options{URL: path, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range store.Statements() {
		plan := strings.Join(sqlitePlan(t, db, statement), "\n")
		scans := strings.Contains(plan, "SCAN")
		if scans != mayScan.MatchString(statement) {
			t.Errorf("%s\n%s", statement, plan)
		}
		if strings.Contains(statement, "bucket < $1") && !strings.Contains(plan, "(bucket<?") && !strings.Contains(plan, "bucket<?)") {
			t.Errorf("expiry is not by the key:\n%s\n%s", statement, plan)
		}
	}
}

func sqlitePlan(t *testing.T, db *sql.DB, statement string) (plan []string) {
	t.Helper()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+statement, make([]any, parameters(statement))...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}

var parameter = regexp.MustCompile(`\$[0-9]+`)

func parameters(statement string) int {
	found := parameter.FindAllString(statement, -1)
	slices.Sort(found)
	return len(slices.Compact(found))
}

// TestNoStatementScansPostgres fills the tables, so that a plan says what the planner does with many rows.
func TestNoStatementScansPostgres(t *testing.T) {
	url := pgtest.Start(t)
	s, err := store.Open(t.Context(), store.Options{URL: url, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	fill := `
		INSERT INTO realm SELECT 'r' || i, '{}' FROM generate_series(1, 2000) i;
		INSERT INTO client SELECT 'r' || i, 'c' || j, '{}' FROM generate_series(1, 100) i, generate_series(1, 50) j;
		INSERT INTO scope SELECT 'r' || i, 'c' || j, '' FROM generate_series(1, 100) i, generate_series(1, 50) j;
		INSERT INTO api SELECT 'r' || i, 'c' || j, '{}' FROM generate_series(1, 100) i, generate_series(1, 50) j;
		INSERT INTO credential SELECT 'r' || i, 'k' || j, 'c' || j % 10, 'apikey', sha256((i || '/' || j)::bytea), '{}' FROM generate_series(1, 100) i, generate_series(1, 50) j;
		INSERT INTO account SELECT 'r' || i, 'c' || j, '', '{}', 'c' || j || '@example.org' FROM generate_series(1, 100) i, generate_series(1, 50) j;
		INSERT INTO session SELECT sha256((i || '/' || j)::bytea), j % 700, 'r' || i, 's' || j, 'c' || j % 50 + 1, '{}', 0, 0 FROM generate_series(1, 100) i, generate_series(1, 500) j;
		INSERT INTO consent SELECT 'r' || i, 'c' || j, 'c' || k, '{}' FROM generate_series(1, 100) i, generate_series(1, 50) j, generate_series(1, 10) k;
		INSERT INTO factor SELECT 'r' || i, 'f' || j, 'c' || j % 50 + 1, '', '', '{}', j, 0 FROM generate_series(1, 100) i, generate_series(1, 500) j;
		INSERT INTO registration SELECT 'r' || i, 'c' || j, 0 FROM generate_series(1, 100) i, generate_series(1, 50) j;
		INSERT INTO initial_token SELECT sha256((i || '/' || j)::bytea), j % 700, 'r' || i, 1, 0 FROM generate_series(1, 100) i, generate_series(1, 500) j;
		INSERT INTO signing_key SELECT 'r' || i, 'ES256', 1, i, '', '', 0, 0, 0 FROM generate_series(1, 5000) i;
		INSERT INTO family SELECT i % 700, sha256(i::text::bytea), 'r', 'c', 'u' || i % 1000, '', '', '', 1, 0, 0, 0, 0 FROM generate_series(1, 50000) i;
		INSERT INTO reference SELECT i % 700, sha256(i::text::bytea), 'r', 'c', 'u' || i % 1000, i, '', 0, '', '', 0, 0, 0 FROM generate_series(1, 50000) i;
		INSERT INTO revocation SELECT i % 700, 'r', 't', sha256(i::text::bytea), 0, 0 FROM generate_series(1, 50000) i;
		INSERT INTO ticket SELECT sha256(i::text::bytea), i % 700, 'r', 'k', '', 0 FROM generate_series(1, 50000) i;
		INSERT INTO audit_event (at, kind, realm, client, account, grant_type, dialect, reason, source, detail)
			SELECT i, '', 'r' || i % 100, '', '', '', '', '', '', '' FROM generate_series(1, 20000) i;
		INSERT INTO acme_item SELECT 'certificates/' || i, '', 0 FROM generate_series(1, 20000) i;
		INSERT INTO acme_lock SELECT 'l' || i, '', 0 FROM generate_series(1, 20000) i;
		INSERT INTO usage_count SELECT 'r' || i % 100, 's' || i, i % 50, i % 700, 1, 1 FROM generate_series(1, 50000) i;
		ANALYZE`
	if _, err := c.Exec(t.Context(), fill); err != nil {
		t.Fatal(err)
	}
	for n, statement := range store.Statements() {
		if mayScan.MatchString(statement) || strings.HasPrefix(statement, "SELECT realm, kind, subject, MAX") {
			continue // revocations are loaded as a whole
		}
		if statement == "DELETE FROM family WHERE realm = $1" {
			continue // here all are of one realm
		}
		plan := postgresPlan(t, c, fmt.Sprint("s", n), statement)
		if strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s\n%s", statement, plan)
		}
		if strings.Contains(statement, "bucket < $1") && !strings.Contains(plan, "Index Cond: ((bucket < ") && !strings.Contains(plan, "Index Cond: (bucket < ") {
			t.Errorf("expiry is not by the key:\n%s\n%s", statement, plan)
		}
	}
}

// postgresPlan prepares a statement and asks for its plan with values of the types PostgreSQL found.
func postgresPlan(t *testing.T, c *pgx.Conn, name, statement string) string {
	t.Helper()
	d, err := c.Prepare(t.Context(), name, statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	args := make([]string, len(d.ParamOIDs))
	for i, oid := range d.ParamOIDs {
		switch oid {
		case 20, 23:
			args[i] = "1"
		case 17:
			args[i] = `'\x01'`
		case 25:
			args[i] = "'r'"
		default:
			t.Fatalf("%s: parameter %d has type %d, which is neither a whole number, text nor bytes", statement, i+1, oid)
		}
	}
	explain := "EXPLAIN EXECUTE " + name
	if len(args) > 0 {
		explain += " (" + strings.Join(args, ", ") + ")"
	}
	rows, err := c.Query(t.Context(), explain, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", explain, err)
	}
	return strings.Join(lines, "\n")
}
