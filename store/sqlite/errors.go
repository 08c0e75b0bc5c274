package sqlite

import (
	"database/sql"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"sallyport/store/engine"
)

// classify marks the errors that are the database's fault and not the statement's.
func classify(err error) error {
	switch {
	case err == nil || engine.IsAway(err):
		return err
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn):
		return &engine.Away{Err: err}
	}
	switch primary(err) {
	case codes.SQLITE_FULL, codes.SQLITE_IOERR, codes.SQLITE_CANTOPEN, codes.SQLITE_READONLY, codes.SQLITE_NOTADB,
		codes.SQLITE_CORRUPT, codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_PROTOCOL, codes.SQLITE_NOMEM,
		codes.SQLITE_PERM, codes.SQLITE_AUTH, codes.SQLITE_NOLFS:
		return &engine.Away{Err: err}
	}
	return err
}

func isBusy(err error) bool { return primary(err) == codes.SQLITE_BUSY }

// primary is the primary result code, without what SQLite adds in the higher bits. 0: not an error of SQLite.
func primary(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}
