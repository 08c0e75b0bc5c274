package store

import (
	"context"
	"math"
	"net/netip"
	"time"

	"sallyport/audit"
	"sallyport/oauth"
	"sallyport/store/engine"
)

const (
	eventAdd = `INSERT INTO audit_event (at, kind, realm, client, account, grant_type, dialect, reason, source, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	// A page ends between moments, never within one: the next page begins before the last moment of this one.
	eventPage = `SELECT at, kind, client, account, grant_type, dialect, reason, source, detail FROM audit_event
		WHERE realm = $1 AND at < $2 AND at >= COALESCE(
			(SELECT at FROM audit_event WHERE realm = $1 AND at < $2 ORDER BY at DESC, n DESC LIMIT 1 OFFSET $3), 0)
		ORDER BY at DESC, n DESC`
)

// AppendEvents implements audit.Store.
func (s *Store) AppendEvents(ctx context.Context, events ...audit.Event) error {
	if len(events) == 0 {
		return nil
	}
	return s.write(ctx, "append events", func(tx engine.Tx) error { return addEvents(tx, events) })
}

func addEvents(tx engine.Tx, events []audit.Event) error {
	for _, e := range events {
		source := ""
		if e.Source.IsValid() {
			source = e.Source.String()
		}
		_, err := tx.Exec(eventAdd, micros(e.At), string(e.Kind), printable(e.Realm), printable(e.Client), printable(e.User),
			printable(e.Grant), printable(e.Dialect), string(e.Reason), printable(source), printable(e.Detail))
		if err != nil {
			return err
		}
	}
	return nil
}

// Events implements audit.Store. Events of one moment are never torn apart: the page may be longer than limit for them.
func (s *Store) Events(ctx context.Context, realm string, before time.Time, limit int) (page []audit.Event, err error) {
	if limit <= 0 || !storable(realm) {
		return nil, nil
	}
	until := int64(math.MaxInt64)
	if !before.IsZero() {
		until = micros(before)
	}
	err = s.read(ctx, "events", func(row engine.Row) error {
		e := audit.Event{Realm: realm}
		var at int64
		var kind, reason, source string
		if err := row.Scan(&at, &kind, &e.Client, &e.User, &e.Grant, &e.Dialect, &reason, &source, &e.Detail); err != nil {
			return err
		}
		e.At, e.Kind, e.Reason = moment(at), audit.Kind(kind), oauth.Reason(reason)
		if source != "" {
			addr, err := netip.ParseAddr(source)
			if err != nil {
				return err
			}
			e.Source = addr
		}
		page = append(page, e)
		return nil
	}, eventPage, realm, until, int64(limit-1))
	return page, err
}
