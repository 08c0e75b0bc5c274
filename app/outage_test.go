package app_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sallyport/app"
	"sallyport/app/apptest"
	"sallyport/store/postgres/pgtest"
)

// A wire lies between the server and PostgreSQL, and can be cut.
type wire struct {
	dir      string
	network  string
	database string // what the other end listens on

	mu       sync.Mutex // guards what follows
	listener net.Listener
	open     map[net.Conn]bool
}

// newWire returns a wire and the URL of the database through it.
func newWire(t *testing.T, database string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	dir, err := os.MkdirTemp("", "wire") // short: the path of a socket is limited
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{dir: dir, network: "tcp", database: u.Host, open: map[net.Conn]bool{}}
	if host := q.Get("host"); strings.HasPrefix(host, "/") {
		w.network, w.database = "unix", filepath.Join(host, ".s.PGSQL.5432")
	}
	u.Host = ""
	q.Set("host", w.dir)
	u.RawQuery = q.Encode()
	w.mend(t)
	t.Cleanup(func() { w.cut(); _ = os.RemoveAll(dir) })
	return w, u.String()
}

func (w *wire) mend(t *testing.T) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(w.dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.listener = l
	w.mu.Unlock()
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial(w.network, w.database)
			if err != nil {
				near.Close()
				continue
			}
			w.mu.Lock()
			w.open[near], w.open[far] = true, true
			w.mu.Unlock()
			go func() { _, _ = io.Copy(far, near); far.Close() }()
			go func() { _, _ = io.Copy(near, far); near.Close() }()
		}
	}()
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listener.Close()
	for c := range w.open {
		c.Close()
	}
	clear(w.open)
}

const outageYAML = `
realm: default
dialects: [digirunner, ddi, kustvakt]
all_scope: all
scopes: [{name: read}]
users: [{name: dory, password: dorypass}]
clients:
  - {id: app, secret: secret, trusted: true, grants: [password, client_credentials, refresh_token], scopes: [read], access_token: {format: reference}}
  - {id: sealed, secret: secret, grants: [client_credentials], scopes: [read], access_token: {format: opaque}}
`

// storedTokens asks each front door for a token that has to be stored.
var storedTokens = []struct {
	name, path, contentType, body, authorization string
	unavailable                                  string // in the answer while the store is away
}{
	{"standard", "/token", "application/x-www-form-urlencoded", "grant_type=client_credentials&client_id=app&client_secret=secret", "", `"error":"temporarily_unavailable"`},
	{"ddi", "/oauth2/token/", "application/json", `{"client_id":"app","client_secret":"secret","grant_type":"client_credentials"}`, "", `"error":`},
	{"kustvakt", "/api/oauth2/token", "application/x-www-form-urlencoded", "grant_type=client_credentials&client_id=app&client_secret=secret&scope=read", "", `"error":`},
	{"digirunner", "/oauth/token", "application/x-www-form-urlencoded", "grant_type=password&username=dory&password=ZG9yeXBhc3M=", "Basic YXBwOmMyVmpjbVYw", `"error":`},
}

func ask(t *testing.T, s *apptest.Server, i int) apptest.Answer {
	t.Helper()
	c := storedTokens[i]
	return s.Do(t, http.MethodPost, c.path, c.body, "Content-Type", c.contentType, "Authorization", c.authorization)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 seconds", what)
		}
	}
}

func TestDatabaseGone(t *testing.T) {
	w, database := newWire(t, pgtest.Start(t))
	s := apptest.New(t, outageYAML, apptest.With(func(c *app.Config) { c.Database = database }))
	allAnswer := func() {
		t.Helper()
		for i, c := range storedTokens {
			if a := ask(t, s, i); a.Status != http.StatusOK {
				t.Fatalf("%s: %d %s", c.name, a.Status, a.Body)
			}
		}
	}
	allAnswer()
	sealed := []string{"client_id", "sealed", "client_secret", "secret", "grant_type", "client_credentials"}
	if a := s.Post(t, "/token", sealed...); a.Status != http.StatusOK {
		t.Fatalf("sealed token: %d %s", a.Status, a.Body)
	}

	w.cut()
	eventually(t, "/readyz 503", func() bool { return s.Get(t, "/readyz", "").Status == http.StatusServiceUnavailable })
	for i, c := range storedTokens {
		a := ask(t, s, i)
		if a.Status != http.StatusServiceUnavailable || !strings.Contains(a.Body, c.unavailable) {
			t.Errorf("%s without a database: %d %s", c.name, a.Status, a.Body)
		}
		if strings.Contains(a.Body, "PGSQL") || strings.Contains(a.Body, "dial") {
			t.Errorf("%s tells a stranger the cause: %s", c.name, a.Body)
		}
	}
	// What needs no database goes on.
	if a := s.Post(t, "/token", sealed...); a.Status != http.StatusOK {
		t.Errorf("sealed token without a database: %d %s", a.Status, a.Body)
	}
	if a := s.Get(t, "/healthz", ""); a.Status != http.StatusOK {
		t.Errorf("/healthz without a database: %d", a.Status)
	}

	w.mend(t)
	eventually(t, "/readyz 200", func() bool { return s.Get(t, "/readyz", "").Status == http.StatusOK })
	eventually(t, "a stored token", func() bool { return ask(t, s, 0).Status == http.StatusOK })
	allAnswer()
}

// A database whose disk is full refuses writes; every front door says so in its own shape, and nothing that was
// acknowledged is lost.
func TestDiskFull(t *testing.T) {
	ctx := context.Background()
	database := pgtest.Start(t)
	s := apptest.New(t, outageYAML, apptest.With(func(c *app.Config) { c.Database = database }))
	before := member1(t, ask(t, s, 0).Body, "access_token")
	db, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	run := func(statements string) {
		t.Helper()
		if _, err := db.Exec(ctx, statements); err != nil {
			t.Fatal(err)
		}
	}
	tables := tablesOf(t, db)
	run(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$`)
	for _, table := range tables {
		run(`CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON ` + table + ` FOR EACH STATEMENT EXECUTE FUNCTION full_disk()`)
	}
	for i, c := range storedTokens {
		if a := ask(t, s, i); a.Status != http.StatusServiceUnavailable || !strings.Contains(a.Body, c.unavailable) {
			t.Errorf("%s on a full disk: %d %s", c.name, a.Status, a.Body)
		}
	}
	if a := s.Post(t, "/introspect", "client_id", "app", "client_secret", "secret", "token", before); !strings.Contains(a.Body, `"active":true`) {
		t.Errorf("a token from before is lost: %d %s", a.Status, a.Body)
	}
	for _, table := range tables {
		run(`DROP TRIGGER full_disk ON ` + table)
	}
	for i, c := range storedTokens {
		if a := ask(t, s, i); a.Status != http.StatusOK {
			t.Errorf("%s with room again: %d %s", c.name, a.Status, a.Body)
		}
	}
}

func tablesOf(t *testing.T, db *pgx.Conn) []string {
	t.Helper()
	rows, err := db.Query(context.Background(), `SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) == 0 {
		t.Fatal(errors.Join(err, errors.New("no tables")))
	}
	return tables
}
