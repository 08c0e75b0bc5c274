package store

import (
	"context"
	"time"

	"sallyport/feed"
	"sallyport/store/engine"
	"sallyport/token"
)

const (
	// The larger bound and the later end stay. One that ends in another hour is a row of its own.
	revocationAdd = `INSERT INTO revocation (bucket, realm, kind, subject, bound, until_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (bucket, realm, kind, subject) DO UPDATE SET
			bound = CASE WHEN excluded.bound > revocation.bound THEN excluded.bound ELSE revocation.bound END,
			until_at = CASE WHEN excluded.until_at > revocation.until_at THEN excluded.until_at ELSE revocation.until_at END`
	revocationList = `SELECT realm, kind, subject, MAX(bound), MAX(until_at) FROM revocation
		WHERE bucket >= $1 GROUP BY realm, kind, subject HAVING MAX(until_at) > $2 ORDER BY realm, kind, subject`
)

// revoke records revocations within a transaction and tells of them.
func revoke(tx engine.Tx, rs []token.Revocation) error {
	for _, r := range rs {
		until := micros(r.Until)
		if _, err := tx.Exec(revocationAdd, token.Bucket(r.Until), r.Realm, string(r.Kind), []byte(r.Key), r.Bound, until); err != nil {
			return err
		}
		tx.Tell(feed.Change{Kind: feed.Revocation, Realm: r.Realm, Sub: string(r.Kind), ID: r.Key, Bound: r.Bound, Until: until})
	}
	return nil
}

// Revoke implements token.Store.
func (s *Store) Revoke(ctx context.Context, hash [32]byte, bucket int64, rs ...token.Revocation) error {
	return s.write(ctx, "revoke", func(tx engine.Tx) error {
		if hash != ([32]byte{}) {
			if _, err := tx.Exec(referenceDelete, bucket, hash[:]); err != nil {
				return err
			}
		}
		return revoke(tx, rs)
	})
}

// Revocations implements token.Store. Rows about the same thing are one revocation, with the largest bound and the
// latest end.
func (s *Store) Revocations(ctx context.Context, now time.Time) (all []token.Revocation, err error) {
	err = s.read(ctx, "revocations", func(row engine.Row) error {
		var r token.Revocation
		var kind string
		var subject []byte
		var until int64
		if err := row.Scan(&r.Realm, &kind, &subject, &r.Bound, &until); err != nil {
			return err
		}
		r.Kind, r.Key, r.Until = token.RevocationKind(kind), string(subject), moment(until)
		all = append(all, r)
		return nil
	}, revocationList, token.Bucket(now), micros(now))
	return all, err
}
