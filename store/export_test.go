package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"sallyport/store/engine"
	"sallyport/store/migrations"
	"sallyport/store/postgres"
	"sallyport/store/sqlite"
)

// Statements lists every statement to the tests that prepare and explain them.
var Statements = statements

// Migrate brings a database to another history than the one that is built in.
func Migrate(ctx context.Context, url string, all []migrations.Migration) (err error) {
	s := &Store{now: time.Now}
	c := engine.Config{Log: slog.New(slog.DiscardHandler)}
	name := sqlite.Name
	if IsPostgres(url) {
		name = postgres.Name
		s.engine, err = postgres.Open(ctx, url, c)
	} else {
		s.engine, err = sqlite.Open(ctx, url, c)
	}
	if err != nil {
		return err
	}
	return errors.Join(s.migrateTo(ctx, name, all), s.Close())
}
