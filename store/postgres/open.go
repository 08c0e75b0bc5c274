package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"sallyport/feed"
	"sallyport/store/engine"
)

// Name is what the migrations call this database.
const Name = "postgres"

const (
	defaultConns = 16
	maxIdle      = time.Second      // a connection that rested longer is tried before it is used
	maxWork      = 20 * time.Second // for one transaction, so that a database that hangs is noticed
)

// A DB is an open database. It implements engine.Engine.
type DB struct {
	config  *pgx.ConnConfig
	conns   *engine.Pool[*conn]
	publish func(...feed.Change)
	log     *slog.Logger
	origin  atomic.Pointer[string] // marks our own notifications, which were told already

	stop  context.CancelFunc // ends the listener; nil before Start
	ended chan struct{}      // closed when the listener has ended
	close func() error       // shut, once
}

// rename draws a new mark. What was marked with the old one and is heard from now on counts as somebody else's.
func (d *DB) rename() { d.origin.Store(new(rand.Text()[:8])) }

// A conn is a connection of the pool.
type conn struct {
	*pgx.Conn
	used time.Time // when it was given back
}

// Open reads the URL and connects once, to tell at the start what is wrong.
func Open(ctx context.Context, rawURL string, c engine.Config) (*DB, error) {
	config, size, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	d := &DB{
		config: config, publish: c.Publish, log: c.Log,
		ended: make(chan struct{}),
	}
	d.rename()
	d.close = sync.OnceValue(d.shut)
	d.conns = engine.NewPool(size, d.connect, hangUp)
	if err := d.Ping(ctx); err != nil {
		return nil, errors.Join(err, d.conns.Close())
	}
	return d, nil
}

// parse reads the URL. What it does not set gets values fit for a server: nobody waits for ever.
func parse(rawURL string) (*pgx.ConnConfig, int, error) {
	size := defaultConns
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, 0, errors.New("database: the URL cannot be read; write postgres://user:password@host:5432/database, with %XX for special characters")
	}
	q := u.Query()
	if n := q.Get("pool_max_conns"); n != "" {
		if size, err = strconv.Atoi(n); err != nil || size < 2 || size > 1000 {
			return nil, 0, fmt.Errorf("database: pool_max_conns=%.20q is not a number from 2 to 1000", n)
		}
		q.Del("pool_max_conns")
		u.RawQuery = q.Encode()
	}
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, 0, fmt.Errorf("database: %w", err) // pgx leaves the password out
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	for name, value := range map[string]string{
		"application_name":                    "sallyport",
		"statement_timeout":                   "15s",
		"lock_timeout":                        "5s",
		"idle_in_transaction_session_timeout": "30s",
		// The statements rely on seeing what a racer has just committed.
		"default_transaction_isolation": "read committed",
	} {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	return config, size, nil
}

func (d *DB) connect(ctx context.Context) (*conn, error) {
	c, err := pgx.ConnectConfig(ctx, d.config)
	if err != nil {
		return nil, classify(err)
	}
	return &conn{Conn: c, used: time.Now()}, nil
}

func hangUp(c *conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return c.Close(ctx)
}

// borrow lends a connection that answers.
func (d *DB) borrow(ctx context.Context) (*conn, error) {
	for {
		c, err := d.conns.Get(ctx)
		if err != nil {
			return nil, classify(err)
		}
		if time.Since(c.used) < maxIdle || c.Ping(ctx) == nil {
			return c, nil
		}
		d.conns.Put(c, false)
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
	}
}

func (d *DB) giveBack(c *conn) {
	c.used = time.Now()
	d.conns.Put(c, !c.IsClosed() && c.PgConn().TxStatus() == 'I')
}

func (d *DB) shut() error {
	if d.stop != nil {
		d.stop()
		<-d.ended
	}
	return d.conns.Close()
}
