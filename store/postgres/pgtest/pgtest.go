package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Env names the environment variable with the URL of a server to share.
const Env = "SALLYPORT_TEST_POSTGRES"

// The two servers a test process may start, each at its first use. They end
// with the process; see script.
var (
	fast    = sync.OnceValues(func() (*Server, error) { return Launch(Options{}) })
	durable = sync.OnceValues(func() (*Server, error) { return Launch(Options{Durable: true}) })
)

// Start returns the URL of a fresh, empty database that is dropped at the end
// of the test. Where PostgreSQL is absent it skips the test, and fails it when
// CI is set.
func Start(tb testing.TB) string {
	tb.Helper()
	if server := os.Getenv(Env); server != "" {
		return create(tb, server)
	}
	return create(tb, launched(tb, fast))
}

// StartDurable is [Start] on a server that syncs every commit to disk. It
// never uses the shared server, whose settings are not known.
func StartDurable(tb testing.TB) string {
	tb.Helper()
	return create(tb, launched(tb, durable))
}

func launched(tb testing.TB, launch func() (*Server, error)) string {
	tb.Helper()
	s, err := launch()
	if errors.Is(err, ErrAbsent) && os.Getenv("CI") == "" {
		tb.Skip("SKIPPED, not tested on PostgreSQL: ", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return s.URL()
}

// create makes a database on the server and returns the server's URL with that name.
func create(tb testing.TB, server string) string {
	tb.Helper()
	u, err := url.Parse(server)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		// The URL may hold a password, and so may the parser's error.
		tb.Fatalf("%s is not a URL of the form postgres://user@host/database", Env)
	}
	name := "test_" + strings.ToLower(rand.Text())
	// template0 and C: the same ordering on every server, and nobody else's objects.
	execute(tb, server, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
	tb.Cleanup(func() { execute(tb, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	return u.String()
}

func execute(tb testing.TB, server, statement string) {
	tb.Helper()
	// tb.Context ends before clean-up functions run.
	ctx := context.WithoutCancel(tb.Context())
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		tb.Fatal("connecting to the test server: ", err)
	}
	_, err = c.Exec(ctx, statement)
	if err := errors.Join(err, c.Close(ctx)); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}
