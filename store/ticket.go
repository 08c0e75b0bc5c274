package store

import (
	"context"
	"time"

	"sallyport/store/engine"
	"sallyport/ticket"
	"sallyport/token"
)

const (
	ticketAdd  = `INSERT INTO ticket (hash, bucket, realm, kind, body, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`
	ticketTake = `DELETE FROM ticket WHERE hash = $1 AND realm = $2 AND kind = $3 RETURNING body, expires_at`
)

// PutTicket implements ticket.Store.
func (s *Store) PutTicket(ctx context.Context, t ticket.Ticket) error {
	return s.run(ctx, "put ticket", ticketAdd,
		t.Hash[:], token.Bucket(t.ExpiresAt), t.Realm, t.Kind, blob(t.Body), micros(t.ExpiresAt))
}

// TakeTicket implements ticket.Store.
func (s *Store) TakeTicket(ctx context.Context, realm, kind string, hash [32]byte, now time.Time) (*ticket.Ticket, error) {
	if !storable(realm, kind) {
		return nil, nil
	}
	var t *ticket.Ticket
	err := s.engine.WriteOne(ctx, func(tx engine.Tx) error {
		t = nil
		return tx.Query(func(row engine.Row) error {
			var expires int64
			t = &ticket.Ticket{Realm: realm, Kind: kind, Hash: hash}
			err := row.Scan(&t.Body, &expires)
			t.Body, t.ExpiresAt = unblob(t.Body), moment(expires)
			return err
		}, ticketTake, hash[:], realm, kind)
	})
	if err != nil || t == nil || !now.Before(t.ExpiresAt) {
		return nil, fault("take ticket", err)
	}
	return t, nil
}
