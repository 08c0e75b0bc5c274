package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"sallyport/api"
	"sallyport/audit"
	"sallyport/client"
	"sallyport/consent"
	"sallyport/credential"
	"sallyport/deployment"
	"sallyport/factor"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/store/engine"
	"sallyport/store/postgres"
	"sallyport/store/sqlite"
	"sallyport/ticket"
	"sallyport/token"
	"sallyport/usage"
	"sallyport/user"
)

var (
	_ realm.Store      = (*Store)(nil)
	_ client.Store     = (*Store)(nil)
	_ user.Store       = (*Store)(nil)
	_ key.Store        = (*Store)(nil)
	_ token.Store      = (*Store)(nil)
	_ ticket.Book      = (*Store)(nil)
	_ session.Store    = (*Store)(nil)
	_ consent.Store    = (*Store)(nil)
	_ factor.Store     = (*Store)(nil)
	_ user.Editor      = (*Store)(nil)
	_ client.Registry  = (*Store)(nil)
	_ api.Store        = (*Store)(nil)
	_ credential.Store = (*Store)(nil)
	_ audit.Store      = (*Store)(nil)
	_ deployment.Store = (*Store)(nil)
	_ usage.Store      = (*Store)(nil)
)

// Options says which database to open.
type Options struct {
	// URL is postgres://user@host/database with the parameters PostgreSQL's own programs take, and pool_max_conns
	// (default 16); or the path of an SQLite file, which is made if there is none.
	URL string
	// Hub is told of every change. Nil: nobody is.
	Hub *feed.Hub
	// Log takes what nobody waits for: a lost listener, a repeated transaction. Nil: slog.Default().
	Log *slog.Logger
	// Now is the clock that dates migrations. Nil: time.Now.
	Now func() time.Time
}

// A Store is an open database. Its methods may be called by many goroutines.
type Store struct {
	engine engine.Engine
	hub    *feed.Hub
	now    func() time.Time
	apis   decodedAPIs
}

// IsPostgres reports whether a URL names a PostgreSQL database; otherwise it is the path of an SQLite file.
func IsPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// Open opens the database, brings its schema up to date and starts to listen for changes made elsewhere.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Hub == nil {
		o.Hub = &feed.Hub{}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{hub: o.Hub, now: o.Now}
	c := engine.Config{Statements: statements(), Publish: o.Hub.Publish, Log: o.Log}
	name, err := sqlite.Name, error(nil)
	switch {
	case o.URL == "":
		return nil, errors.New("database: no URL is given; write postgres://user@host/database or the path of an SQLite file")
	case IsPostgres(o.URL):
		name = postgres.Name
		s.engine, err = postgres.Open(ctx, o.URL, c)
	case strings.Contains(o.URL, "://"):
		return nil, errors.New("database: the URL has an unknown scheme; write postgres://user@host/database or the path of an SQLite file")
	default:
		s.engine, err = sqlite.Open(ctx, o.URL, c)
	}
	if err != nil {
		return nil, fault("open", err)
	}
	if err = s.migrate(ctx, name); err == nil {
		err = s.engine.Start(ctx)
	}
	if err != nil {
		return nil, errors.Join(fault("open", err), s.engine.Close())
	}
	return s, nil
}

// Close waits for the writes that have begun and closes the database.
func (s *Store) Close() error {
	if err := s.engine.Close(); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// Ping makes a round trip to the database.
func (s *Store) Ping(ctx context.Context) error { return fault("ping", s.engine.Ping(ctx)) }

// Size returns the bytes the database takes on disk.
func (s *Store) Size(ctx context.Context) (int64, error) {
	n, err := s.engine.Size(ctx)
	return n, fault("size", err)
}
