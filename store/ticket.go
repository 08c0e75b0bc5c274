package store

import (
	"context"
	"time"

	"sallyport/store/engine"
	"sallyport/ticket"
	"sallyport/token"
)

const (
	ticketAdd   = `INSERT INTO ticket (hash, bucket, realm, kind, body, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`
	ticketClaim = `INSERT INTO ticket (hash, bucket, realm, kind, body, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (hash) DO NOTHING`
	ticketTake = `DELETE FROM ticket WHERE hash = $1 AND realm = $2 AND kind = $3 AND spent_at = 0 RETURNING body, expires_at`
	ticketGet  = `SELECT body, expires_at, spent_at FROM ticket WHERE hash = $1 AND realm = $2 AND kind = $3`
	ticketSwap = `UPDATE ticket SET body = $5 WHERE hash = $1 AND realm = $2 AND kind = $3 AND body = $4 AND spent_at = 0`
	// Spent, a ticket lives in another hour.
	ticketSpend = `UPDATE ticket SET spent_at = $4, expires_at = $5, bucket = $6
		WHERE hash = $1 AND realm = $2 AND kind = $3 AND spent_at = 0 AND expires_at > $4 RETURNING body`
)

func ticketRow(t *ticket.Ticket) []any {
	return []any{t.Hash[:], token.Bucket(t.ExpiresAt), t.Realm, t.Kind, blob(t.Body), micros(t.ExpiresAt)}
}

// PutTicket implements ticket.Store.
func (s *Store) PutTicket(ctx context.Context, t ticket.Ticket) error {
	return s.run(ctx, "put ticket", ticketAdd, ticketRow(&t)...)
}

// ClaimTicket implements ticket.Book. A ticket that is over counts as there until it is dropped.
func (s *Store) ClaimTicket(ctx context.Context, t ticket.Ticket) (first bool, err error) {
	return s.change(ctx, "claim ticket", ticketClaim, ticketRow(&t)...)
}

// TakeTicket implements ticket.Store. A ticket that was spent is none, and stays.
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

// ReadTicket implements ticket.Book. A ticket that was spent is none.
func (s *Store) ReadTicket(ctx context.Context, realm, kind string, hash [32]byte, now time.Time) (*ticket.Ticket, error) {
	t, spent, err := s.ticket(ctx, "read ticket", realm, kind, hash)
	if err != nil || t == nil || spent || !now.Before(t.ExpiresAt) {
		return nil, err
	}
	return t, nil
}

// ticket returns a ticket whatever became of it, nil if there is none.
func (s *Store) ticket(ctx context.Context, op, realm, kind string, hash [32]byte) (t *ticket.Ticket, spent bool, err error) {
	if !storable(realm, kind) {
		return nil, false, nil
	}
	err = s.read(ctx, op, func(row engine.Row) error {
		var expires, spentAt int64
		t = &ticket.Ticket{Realm: realm, Kind: kind, Hash: hash}
		err := row.Scan(&t.Body, &expires, &spentAt)
		t.Body, t.ExpiresAt, spent = unblob(t.Body), moment(expires), spentAt != 0
		return err
	}, ticketGet, hash[:], realm, kind)
	return t, spent, err
}

// SwapTicket implements ticket.Book. A ticket that was spent is not written again.
func (s *Store) SwapTicket(ctx context.Context, t ticket.Ticket, old []byte) (bool, error) {
	if !storable(t.Realm, t.Kind) {
		return false, nil
	}
	return s.change(ctx, "swap ticket", ticketSwap, t.Hash[:], t.Realm, t.Kind, blob(old), blob(t.Body))
}

// SpendTicket implements ticket.Book. From then on the ticket expires at the moment `until`, for whoever gets it.
func (s *Store) SpendTicket(ctx context.Context, realm, kind string, hash [32]byte, now, until time.Time) (*ticket.Ticket, bool, error) {
	const op = "spend ticket"
	if !storable(realm, kind) {
		return nil, false, nil
	}
	var t *ticket.Ticket
	err := s.engine.WriteOne(ctx, func(tx engine.Tx) error {
		t = nil
		return tx.Query(func(row engine.Row) error {
			t = &ticket.Ticket{Realm: realm, Kind: kind, Hash: hash, ExpiresAt: moment(micros(until))}
			err := row.Scan(&t.Body)
			t.Body = unblob(t.Body)
			return err
		}, ticketSpend, hash[:], realm, kind, micros(now), micros(until), token.Bucket(until))
	})
	if err != nil || t != nil {
		return t, false, fault(op, err)
	}
	// What was not spent just now is spent, over, or not there; none of these is ever undone.
	t, spent, err := s.ticket(ctx, op, realm, kind, hash)
	if err != nil || t == nil || !spent || !now.Before(t.ExpiresAt) {
		return nil, false, err
	}
	return t, true, nil
}
