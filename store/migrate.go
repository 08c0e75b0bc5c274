package store

import (
	"context"
	"fmt"

	"sallyport/store/engine"
	"sallyport/store/migrations"
)

const (
	migrationTable = `CREATE TABLE IF NOT EXISTS migration (
		version    BIGINT NOT NULL PRIMARY KEY,
		name       TEXT NOT NULL,
		checksum   TEXT NOT NULL,
		applied_at BIGINT NOT NULL)`
	migrationList = `SELECT version, name, checksum FROM migration ORDER BY version`
	migrationAdd  = `INSERT INTO migration (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)`
)

// migrate brings the schema up to date. Each step locks out other processes, looks at what there is, and applies at most
// one migration; so any number of processes may start at once, and one that is interrupted leaves whole migrations.
func (s *Store) migrate(ctx context.Context, database string) error {
	all, err := migrations.All()
	if err != nil {
		return err
	}
	return s.migrateTo(ctx, database, all)
}

func (s *Store) migrateTo(ctx context.Context, database string, all []migrations.Migration) error {
	for done := false; !done; {
		err := s.engine.Migrate(ctx, func(tx engine.Tx) error {
			next, err := pending(tx, all)
			if err != nil || next == nil {
				done = next == nil
				return err
			}
			if _, err := tx.Exec(next.For(database)); err != nil {
				return fmt.Errorf("migration %04d_%s: %w", next.Version, next.Name, err)
			}
			_, err = tx.Exec(migrationAdd, next.Version, next.Name, next.Checksum, micros(s.now()))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pending returns the first migration that is not applied, nil if there is none. It refuses a history that is not ours.
func pending(tx engine.Tx, all []migrations.Migration) (*migrations.Migration, error) {
	if _, err := tx.Exec(migrationTable); err != nil {
		return nil, err
	}
	applied := int64(0)
	err := tx.Query(func(r engine.Row) error {
		var version int64
		var name, checksum string
		if err := r.Scan(&version, &name, &checksum); err != nil {
			return err
		}
		if version > int64(len(all)) {
			return fmt.Errorf("the database is newer than this program: it has migration %04d_%s, and this program knows %d; "+
				"run the newer program, or restore a backup from before the upgrade", version, name, len(all))
		}
		if version != applied+1 {
			return fmt.Errorf("the database has migration %04d_%s, but not the one before it; restore a backup", version, name)
		}
		if m := all[version-1]; m.Checksum != checksum {
			return fmt.Errorf("migration %04d_%s was applied with another text than this program has (checksum %.12s, here %.12s); "+
				"use a released program: a released migration never changes", version, name, checksum, m.Checksum)
		}
		applied = version
		return nil
	}, migrationList)
	if err != nil || applied == int64(len(all)) {
		return nil, err
	}
	return &all[applied], nil
}
