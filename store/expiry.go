package store

import (
	"context"
	"time"

	"sallyport/store/engine"
	"sallyport/token"
)

// Of each table whose rows expire: the last row of a step, the deletion up to it, and the deletion of all that is over.
// Every one is a range of the key that begins with the bucket. The range ends before the current hour, so a row that
// lives is never looked at.
const (
	familyBound   = `SELECT bucket, id FROM family WHERE bucket < $1 ORDER BY bucket, id LIMIT 1 OFFSET $2`
	familyDrop    = `DELETE FROM family WHERE bucket < $1 AND (bucket, id) <= ($2, $3)`
	familyDropAll = `DELETE FROM family WHERE bucket < $1`

	referenceBound   = `SELECT bucket, hash FROM reference WHERE bucket < $1 ORDER BY bucket, hash LIMIT 1 OFFSET $2`
	referenceDrop    = `DELETE FROM reference WHERE bucket < $1 AND (bucket, hash) <= ($2, $3)`
	referenceDropAll = `DELETE FROM reference WHERE bucket < $1`

	ticketBound   = `SELECT bucket, hash FROM ticket WHERE bucket < $1 ORDER BY bucket, hash LIMIT 1 OFFSET $2`
	ticketDrop    = `DELETE FROM ticket WHERE bucket < $1 AND (bucket, hash) <= ($2, $3)`
	ticketDropAll = `DELETE FROM ticket WHERE bucket < $1`

	sessionBound   = `SELECT bucket, hash FROM session WHERE bucket < $1 ORDER BY bucket, hash LIMIT 1 OFFSET $2`
	sessionDrop    = `DELETE FROM session WHERE bucket < $1 AND (bucket, hash) <= ($2, $3)`
	sessionDropAll = `DELETE FROM session WHERE bucket < $1`

	initialBound   = `SELECT bucket, hash FROM initial_token WHERE bucket < $1 ORDER BY bucket, hash LIMIT 1 OFFSET $2`
	initialDrop    = `DELETE FROM initial_token WHERE bucket < $1 AND (bucket, hash) <= ($2, $3)`
	initialDropAll = `DELETE FROM initial_token WHERE bucket < $1`

	revocationBound = `SELECT bucket, realm, kind, subject FROM revocation WHERE bucket < $1
		ORDER BY bucket, realm, kind, subject LIMIT 1 OFFSET $2`
	revocationDrop    = `DELETE FROM revocation WHERE bucket < $1 AND (bucket, realm, kind, subject) <= ($2, $3, $4, $5)`
	revocationDropAll = `DELETE FROM revocation WHERE bucket < $1`
)

// An expiring table and how its rows are dropped.
type expiring struct {
	bound, drop, dropAll string
	key                  func(engine.Row) ([]any, error)
}

func expiringTables() []expiring {
	return []expiring{
		{referenceBound, referenceDrop, referenceDropAll, bytesKey},
		{familyBound, familyDrop, familyDropAll, bytesKey},
		{ticketBound, ticketDrop, ticketDropAll, bytesKey},
		{sessionBound, sessionDrop, sessionDropAll, bytesKey},
		{initialBound, initialDrop, initialDropAll, bytesKey},
		{revocationBound, revocationDrop, revocationDropAll, revocationKey},
		{usageBound, usageDrop, usageDropAll, usageKey},
	}
}

func bytesKey(row engine.Row) ([]any, error) {
	var bucket int64
	var key []byte
	err := row.Scan(&bucket, &key)
	return []any{bucket, blob(key)}, err
}

func revocationKey(row engine.Row) ([]any, error) {
	var bucket int64
	var realm, kind string
	var subject []byte
	err := row.Scan(&bucket, &realm, &kind, &subject)
	return []any{bucket, realm, kind, blob(subject)}, err
}

// DropExpired implements token.Store. Everything else that expires is dropped with the tokens.
func (s *Store) DropExpired(ctx context.Context, now time.Time, limit int) (dropped int, err error) {
	for _, t := range expiringTables() {
		if dropped >= limit {
			break
		}
		n, err := s.dropFrom(ctx, t, token.Bucket(now), limit-dropped)
		dropped += n
		if err != nil {
			return dropped, err
		}
	}
	return dropped, nil
}

// dropFrom deletes at most limit rows of one table, the oldest. Between the statements another process may delete some of
// them, which makes it fewer. Nothing is added before the current hour but what was over when it was made.
func (s *Store) dropFrom(ctx context.Context, t expiring, bucket int64, limit int) (dropped int, err error) {
	const op = "drop expired"
	var first, last []any
	look := func(into *[]any, offset int) error {
		return s.read(ctx, op, func(row engine.Row) (err error) {
			*into, err = t.key(row)
			return err
		}, t.bound, bucket, int64(offset))
	}
	// Most of the time there is nothing, and the writer is not bothered.
	if err := look(&first, 0); err != nil || first == nil {
		return 0, err
	}
	if err := look(&last, limit-1); err != nil {
		return 0, err
	}
	statement, args := t.dropAll, []any{bucket}
	if last != nil {
		statement, args = t.drop, append(args, last...)
	}
	err = fault(op, s.engine.WriteOne(ctx, func(tx engine.Tx) error {
		n, err := tx.Exec(statement, args...)
		dropped = int(n)
		return err
	}))
	if err != nil {
		return 0, err
	}
	return dropped, nil
}
