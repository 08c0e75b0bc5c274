package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sallyport/store/postgres/pgtest"
)

func connect(t *testing.T, addr string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	return c
}

func scan[T any](t *testing.T, c *pgx.Conn, query string, args ...any) T {
	t.Helper()
	var v T
	if err := c.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func TestStartGivesSeparateEmptyDatabases(t *testing.T) {
	a, b := connect(t, pgtest.Start(t)), connect(t, pgtest.Start(t))
	if _, err := a.Exec(t.Context(), "CREATE TABLE thing (id BIGINT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	const count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
	if n := scan[int](t, a, count); n != 1 {
		t.Errorf("tables in the first database: %d, want 1", n)
	}
	if n := scan[int](t, b, count); n != 0 {
		t.Errorf("tables in the second database: %d, want 0", n)
	}
}

func TestDatabaseIsDroppedAfterTheTest(t *testing.T) {
	var addr string
	t.Run("one", func(t *testing.T) {
		addr = pgtest.Start(t)
		// Left open on purpose: the database must go all the same.
		if _, err := pgx.Connect(t.Context(), addr); err != nil {
			t.Fatal(err)
		}
	})
	if addr == "" {
		t.Skip("the subtest was skipped")
	}
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, pgtest.Start(t))
	if n := scan[int](t, c, "SELECT count(*) FROM pg_database WHERE datname = $1", strings.TrimPrefix(u.Path, "/")); n != 0 {
		t.Error("the database is still there")
	}
}

func TestDurability(t *testing.T) {
	if got := scan[string](t, connect(t, pgtest.StartDurable(t)), "SHOW fsync"); got != "on" {
		t.Errorf("StartDurable: fsync is %s, want on", got)
	}
}

func TestStopEndsTheServer(t *testing.T) {
	s, err := pgtest.Launch(pgtest.Options{})
	skipWithoutPostgres(t, err)
	connect(t, s.URL())
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Error("second Stop: ", err)
	}
	if c, err := pgx.Connect(t.Context(), s.URL()); err == nil {
		_ = c.Close(t.Context())
		t.Error("the server still answers")
	}
	if dir := socketDir(t, s.URL()); exists(dir) {
		t.Errorf("%s is still there", dir)
	}
}

// A killed owner cannot clean up, so the server has to notice by itself.
func TestServerEndsWithItsOwner(t *testing.T) {
	const role = "PGTEST_OWNER"
	if os.Getenv(role) != "" {
		s, err := pgtest.Launch(pgtest.Options{})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("url", s.URL())
		select {}
	}
	if s, err := pgtest.Launch(pgtest.Options{}); err != nil {
		skipWithoutPostgres(t, err)
	} else if err := s.Stop(); err != nil {
		t.Fatal(err)
	}

	owner := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	owner.Env = append(os.Environ(), role+"=1")
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	_ = owner.Process.Kill()
	_ = owner.Wait()
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "url ")
	if !ok {
		t.Fatalf("the owner said %q", line)
	}
	dir := socketDir(t, addr)
	for deadline := time.Now().Add(time.Minute); exists(dir); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there a minute after its owner was killed", dir)
		}
	}
}

func skipWithoutPostgres(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, pgtest.ErrAbsent) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func socketDir(t *testing.T, addr string) string {
	t.Helper()
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("host")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
