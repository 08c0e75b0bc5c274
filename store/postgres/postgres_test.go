package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sallyport/feed"
	"sallyport/store/engine"
	"sallyport/store/postgres"
	"sallyport/store/postgres/pgtest"
)

const schema = `CREATE TABLE IF NOT EXISTS t (id BIGINT PRIMARY KEY, n BIGINT NOT NULL);
	CREATE TABLE IF NOT EXISTS change_seq (id BIGINT PRIMARY KEY, seq BIGINT NOT NULL);
	INSERT INTO change_seq (id, seq) VALUES (1, 0) ON CONFLICT DO NOTHING`

type fixture struct {
	*postgres.DB
	mu   sync.Mutex
	news []feed.Change
}

func open(t *testing.T, url string) *fixture {
	t.Helper()
	f := &fixture{}
	db, err := postgres.Open(t.Context(), url, engine.Config{
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
	if err := db.Migrate(t.Context(), func(tx engine.Tx) error { _, err := tx.Exec(schema); return err }); err != nil {
		t.Fatal(err)
	}
	if err := db.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

// hears waits until a change was published.
func (f *fixture) hears(t *testing.T, want feed.Change) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		f.mu.Lock()
		found := slices.Contains(f.news, want)
		if found {
			f.news = nil
		}
		f.mu.Unlock()
		if found {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never heard %+v", want)
		}
	}
}

func execute(t *testing.T, url, statement string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// News that did not arrive, in every way they may fail to, end in "everything may have changed".
func TestGapsAreNoticed(t *testing.T) {
	url := pgtest.Start(t)
	f := open(t, url)
	all := feed.Change{Kind: feed.All}
	user := feed.Change{Kind: feed.User, Realm: "default", ID: "dory"}
	notify := func(seq int) string {
		return fmt.Sprintf(`NOTIFY sallyport_change, '{"o":"x","s":%d,"c":[{"k":"user","r":"default","i":"dory"}]}'`, seq)
	}
	for _, c := range []struct {
		name, statement string
		want            feed.Change
	}{
		{"the next", `UPDATE change_seq SET seq = 1; ` + notify(1), user},
		{"one is missing", `UPDATE change_seq SET seq = 3; ` + notify(3), all},
		{"the next again", `UPDATE change_seq SET seq = 4; ` + notify(4), user},
		{"none comes", `UPDATE change_seq SET seq = 6`, all},
		{"nonsense", `NOTIFY sallyport_change, 'nonsense'`, all},
		{"the next after that", `UPDATE change_seq SET seq = 7; ` + notify(7), user},
	} {
		execute(t, url, c.statement)
		f.hears(t, c.want)
		t.Log(c.name)
	}
}

func TestOwnNewsAreNotRepeated(t *testing.T) {
	url := pgtest.Start(t)
	f, other := open(t, url), open(t, url)
	var told feed.Change
	for n := range 20 {
		told = feed.Change{Kind: feed.User, ID: fmt.Sprint(n)}
		news, err := f.Write(t.Context(), func(tx engine.Tx) error { tx.Tell(told); return nil })
		if err != nil || len(news) != 1 {
			t.Fatal(news, err)
		}
	}
	other.hears(t, told)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.news {
		if c.Kind != feed.All { // which a slow machine may cause
			t.Errorf("heard of itself: %+v", c)
		}
	}
}

// When a commit fails, nobody knows whether its news came true: everything is looked at anew.
func TestNewsOfAFailedCommitAreNotPassedOver(t *testing.T) {
	f := open(t, pgtest.Start(t))
	failing := `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''at the commit''; END';
		CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()`
	if err := f.Migrate(t.Context(), func(tx engine.Tx) error { _, err := tx.Exec(failing); return err }); err != nil {
		t.Fatal(err)
	}
	_, err := f.Write(t.Context(), func(tx engine.Tx) error {
		tx.Tell(feed.Change{Kind: feed.User, ID: "dory"})
		_, err := tx.Exec(`INSERT INTO t (id, n) VALUES (1, 1)`)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "at the commit") {
		t.Fatalf("got %v, want a commit that fails", err)
	}
	f.hears(t, feed.Change{Kind: feed.All})
}

// Two transactions that lock the same rows in opposite order: PostgreSQL ends one, and that one is run again.
func TestDeadlockIsRepeated(t *testing.T) {
	f := open(t, pgtest.Start(t))
	const set = `INSERT INTO t (id, n) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = t.n + 1`
	for _, id := range []int64{1, 2} {
		if err := f.WriteOne(t.Context(), func(tx engine.Tx) error { _, err := tx.Exec(set, id); return err }); err != nil {
			t.Fatal(err)
		}
	}
	var runs atomic.Int32
	var both, all sync.WaitGroup
	both.Add(2)
	for _, order := range [][]int64{{1, 2}, {2, 1}} {
		first := true
		all.Go(func() {
			_, err := f.Write(t.Context(), func(tx engine.Tx) error {
				runs.Add(1)
				if _, err := tx.Exec(set, order[0]); err != nil {
					return err
				}
				if first { // each holds one row now
					first = false
					both.Done()
					both.Wait()
				}
				_, err := tx.Exec(set, order[1])
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var sum int64
	if err := f.Query(t.Context(), engine.One(&sum), `SELECT SUM(n)::bigint FROM t`); err != nil || sum != 6 {
		t.Errorf("sum %d, %v; want 6", sum, err)
	}
	if n := runs.Load(); n < 3 {
		t.Errorf("%d runs: there was no deadlock to repeat", n)
	}
}

func TestFailuresLeaveNothing(t *testing.T) {
	f := open(t, pgtest.Start(t))
	const add = `INSERT INTO t (id, n) VALUES ($1, 0)`
	for name, fn := range map[string]func(tx engine.Tx) error{
		"error": func(engine.Tx) error { return errors.New("boom") },
		"panic": func(engine.Tx) error { panic("boom") },
		"sql":   func(tx engine.Tx) error { _, err := tx.Exec(add, int64(1)); return err },
	} {
		_, err := f.Write(t.Context(), func(tx engine.Tx) error {
			tx.Tell(feed.Change{Kind: feed.User})
			if _, err := tx.Exec(add, int64(1)); err != nil {
				return err
			}
			return fn(tx)
		})
		if err == nil || engine.IsAway(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var n, seq int64
	if err := f.Query(t.Context(), engine.One(&n, &seq), `SELECT (SELECT COUNT(*) FROM t), (SELECT seq FROM change_seq)`); err != nil || n != 0 || seq != 0 {
		t.Errorf("%d rows, count %d, %v", n, seq, err)
	}
}

// A write that has begun is finished though its caller has left.
func TestBegunIsFinished(t *testing.T) {
	f := open(t, pgtest.Start(t))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := f.Write(ctx, func(tx engine.Tx) error {
		cancel()
		_, err := tx.Exec(`INSERT INTO t (id, n) VALUES (1, 1)`)
		return err
	})
	var n int64
	if q := f.Query(t.Context(), engine.One(&n), `SELECT COUNT(*) FROM t`); err != nil || q != nil || n != 1 {
		t.Errorf("%d rows, %v, %v", n, err, q)
	}
}

// The kinds of failure that are the server's fault, as PostgreSQL itself reports them.
func TestAwayIsRecognised(t *testing.T) {
	url := pgtest.Start(t)
	f := open(t, url+"&statement_timeout=200&default_transaction_read_only=off")
	each := func(engine.Row) error { return nil }
	for name, statement := range map[string]string{
		"timeout": `SELECT pg_sleep(5)`,
		"killed":  `SELECT pg_terminate_backend(pg_backend_pid())`,
		"full":    `DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$`,
		"io":      `DO $$ BEGIN RAISE EXCEPTION 'broken' USING ERRCODE = '58030'; END $$`,
		"standby": `DO $$ BEGIN RAISE EXCEPTION 'read only' USING ERRCODE = '25006'; END $$`,
	} {
		if err := f.Query(t.Context(), each, statement); !engine.IsAway(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, statement := range map[string]string{
		"syntax": `SELEC 1`, "no table": `SELECT * FROM nowhere`, "division": `SELECT 1/0`,
	} {
		if err := f.Query(t.Context(), each, statement); err == nil || engine.IsAway(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := f.Query(ctx, each, `SELECT pg_sleep(0.15)`); err == nil {
		t.Error("a caller's deadline was ignored")
	}
	execute(t, url, `SELECT 1`)
	if err := f.Ping(t.Context()); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	c := engine.Config{Log: slog.New(slog.DiscardHandler)}
	for _, url := range []string{
		"postgres://me:hunter2@127.0.0.1:1/db?connect_timeout=2",
		"postgres://me:hunter2@/db?host=" + t.TempDir(),
	} {
		db, err := postgres.Open(t.Context(), url, c)
		if err == nil {
			db.Close()
			t.Fatalf("%s: opened", url)
		}
		if !engine.IsAway(err) || strings.Contains(err.Error(), "hunter2") || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
