package postgres

import (
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/store/engine"
)

// classify marks the errors that are the database's fault and not the statement's.
func classify(err error) error {
	if err == nil || engine.IsAway(err) {
		return err
	}
	if code := sqlState(err); code != "" {
		if awayState(code) {
			return &engine.Away{Err: err}
		}
		return err
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connecting) || errors.As(err, &network) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &engine.Away{Err: err}
	}
	return err
}

// awayState reports whether a code of PostgreSQL's appendix A says that the server, not the statement, is the matter.
func awayState(code string) bool {
	switch code[:2] {
	case "08", // connection exception
		"28", // the server refuses our credentials
		"53", // insufficient resources: disk full, too many connections
		"58": // system error
		return true
	}
	switch code {
	case "25006", // read-only transaction: a standby
		"3D000",                                     // no such database
		"55P03",                                     // lock not available in time
		"57014",                                     // statement timeout
		"57P01", "57P02", "57P03", "57P04", "57P05", // shutting down or starting up
		"XX001", "XX002", // damaged files
		"40001", "40P01": // still in conflict after several attempts
		return true
	}
	return false
}

// worthRepeating reports whether the transaction was rolled back for a conflict that a new attempt may not meet.
func worthRepeating(err error) bool {
	switch sqlState(err) {
	case "40001", "40P01":
		return true
	}
	return false
}

func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) && len(e.Code) == 5 {
		return e.Code
	}
	return ""
}
