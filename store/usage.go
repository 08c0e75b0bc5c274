package store

import (
	"context"
	"math"

	"sallyport/store/engine"
	"sallyport/token"
	"sallyport/usage"
)

const (
	// One statement takes what is left and no more, whoever else takes at the same time. $5 is at most $6, and what is
	// added to a count below $6 cannot overflow.
	usageLease = `INSERT INTO usage_count (realm, subject, from_at, bucket, used, granted) VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (realm, subject, from_at) DO UPDATE SET
			granted = CASE WHEN excluded.used > $6 - usage_count.used THEN $6 - usage_count.used ELSE excluded.used END,
			used = CASE WHEN excluded.used > $6 - usage_count.used THEN $6 ELSE usage_count.used + excluded.used END
		WHERE usage_count.used < $6
		RETURNING granted, used`
	usageReturn = `UPDATE usage_count SET used = used - $4 WHERE realm = $1 AND subject = $2 AND from_at = $3 AND used >= $4`
	usageGet    = `SELECT used FROM usage_count WHERE realm = $1 AND subject = $2 AND from_at = $3`

	usageBound = `SELECT bucket, realm, subject, from_at FROM usage_count WHERE bucket < $1
		ORDER BY bucket, realm, subject, from_at LIMIT 1 OFFSET $2`
	usageDrop    = `DELETE FROM usage_count WHERE bucket < $1 AND (bucket, realm, subject, from_at) <= ($2, $3, $4, $5)`
	usageDropAll = `DELETE FROM usage_count WHERE bucket < $1`
	realmUsage   = `DELETE FROM usage_count WHERE realm = $1`

	never = math.MaxInt64 // the bucket of counts whose period does not end
)

// LeaseUsage implements usage.Store.
func (s *Store) LeaseUsage(ctx context.Context, c usage.Counter, want, most int64) (granted, used int64, err error) {
	const op = "lease usage"
	if want = min(want, most); want <= 0 {
		used, err = s.Usage(ctx, c)
		return 0, used, err
	}
	bucket := int64(never)
	if !c.Until.IsZero() {
		bucket = token.Bucket(c.Until)
	}
	err = s.engine.WriteOne(ctx, func(tx engine.Tx) error {
		granted, used = 0, 0
		return tx.Query(func(row engine.Row) error { return row.Scan(&granted, &used) },
			usageLease, c.Realm, c.Subject, micros(c.From), bucket, want, most)
	})
	if err != nil {
		return 0, 0, fault(op, err)
	}
	if granted == 0 {
		used, err = s.Usage(ctx, c)
	}
	return granted, used, err
}

// ReturnUsage implements usage.Store.
func (s *Store) ReturnUsage(ctx context.Context, c usage.Counter, unused int64) error {
	if unused <= 0 {
		return nil
	}
	return s.run(ctx, "return usage", usageReturn, c.Realm, c.Subject, micros(c.From), unused)
}

// Usage implements usage.Store. What was never counted is 0.
func (s *Store) Usage(ctx context.Context, c usage.Counter) (used int64, err error) {
	err = s.read(ctx, "usage", func(row engine.Row) error { return row.Scan(&used) }, usageGet, c.Realm, c.Subject, micros(c.From))
	return used, err
}

func usageKey(row engine.Row) ([]any, error) {
	var bucket, from int64
	var realm, subject string
	err := row.Scan(&bucket, &realm, &subject, &from)
	return []any{bucket, realm, subject, from}, err
}
