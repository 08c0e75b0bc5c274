package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"sallyport/feed"
	"sallyport/store/engine"
)

// A transaction is what a write sees of its connection. Outside of BEGIN, each statement commits by itself.
type transaction struct {
	ctx  context.Context
	conn *pgx.Conn
	news []feed.Change
}

// Exec implements engine.Tx.
func (t *transaction) Exec(text string, args ...any) (int64, error) {
	tag, err := t.conn.Exec(t.ctx, text, args...)
	return tag.RowsAffected(), err
}

// Query implements engine.Tx.
func (t *transaction) Query(each func(engine.Row) error, text string, args ...any) error {
	rows, err := t.conn.Query(t.ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	rows.Close() // errors of the end of the result are known only then
	return rows.Err()
}

// Tell implements engine.Tx.
func (t *transaction) Tell(changes ...feed.Change) { t.news = append(t.news, changes...) }

const (
	channel    = "sallyport_change"
	notify     = `SELECT pg_notify('` + channel + `', $1)`
	listen     = `LISTEN ` + channel
	maxPayload = 7999 // bytes; PostgreSQL takes less than 8000
)

// A notice is the payload of a notification.
type notice struct {
	Origin  string        `json:"o"`
	Seq     int64         `json:"s"`
	Changes []feed.Change `json:"c"`
}

// announce ends a transaction that has news. It comes last: everybody else with news waits for the row until the commit.
func (t *transaction) announce(origin string) error {
	n := notice{Origin: origin, Changes: t.news}
	if err := t.Query(engine.One(&n.Seq), engine.SeqNext); err != nil {
		return err
	}
	payload, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if len(payload) > maxPayload {
		n.Changes = []feed.Change{{Kind: feed.All}}
		if payload, err = json.Marshal(n); err != nil {
			return err
		}
	}
	return t.Query(func(engine.Row) error { return nil }, notify, string(payload))
}
