package store

import (
	"context"
	"time"

	"sallyport/feed"
	"sallyport/key"
	"sallyport/store/engine"
)

const (
	keyList = `SELECT alg, serial, id, public, sealed, created_at, active_at, expires_at FROM signing_key
		WHERE realm = $1 ORDER BY alg, serial`
	keyAdd = `INSERT INTO signing_key (realm, alg, serial, id, public, sealed, created_at, active_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (realm, alg, serial) DO NOTHING`
	keyRetire = `UPDATE signing_key SET expires_at = $4
		WHERE realm = $1 AND alg = $2 AND serial < $3 AND expires_at = 0`
	keyDrop = `DELETE FROM signing_key WHERE expires_at <> 0 AND expires_at < $1 RETURNING realm, id`
)

// Keys implements key.Store, in the order of algorithms and serials.
func (s *Store) Keys(ctx context.Context, realm string) (all []key.Record, err error) {
	if !storable(realm) {
		return nil, nil
	}
	err = s.read(ctx, "keys", func(row engine.Row) error {
		k := key.Record{Realm: realm}
		var alg string
		var created, active, expires int64
		if err := row.Scan(&alg, &k.Serial, &k.ID, &k.Public, &k.Sealed, &created, &active, &expires); err != nil {
			return err
		}
		k.Public, k.Sealed = unblob(k.Public), unblob(k.Sealed)
		k.Alg, k.CreatedAt, k.ActiveAt, k.ExpiresAt = key.Alg(alg), moment(created), moment(active), moment(expires)
		all = append(all, k)
		return nil
	}, keyList, realm)
	return all, err
}

// AddKey implements key.Store.
func (s *Store) AddKey(ctx context.Context, k key.Record, retireAt time.Time) (added bool, err error) {
	err = s.write(ctx, "add key", func(tx engine.Tx) error {
		n, err := tx.Exec(keyAdd, k.Realm, string(k.Alg), k.Serial, k.ID, blob(k.Public), blob(k.Sealed),
			micros(k.CreatedAt), micros(k.ActiveAt), micros(k.ExpiresAt))
		added = n == 1
		if err != nil || !added {
			return err
		}
		tx.Tell(feed.Change{Kind: feed.Key, Realm: k.Realm, ID: k.ID})
		if retireAt.IsZero() {
			return nil
		}
		_, err = tx.Exec(keyRetire, k.Realm, string(k.Alg), k.Serial, micros(retireAt))
		return err
	})
	return added && err == nil, err
}

// DeleteExpiredKeys implements key.Store.
func (s *Store) DeleteExpiredKeys(ctx context.Context, now time.Time) error {
	return s.write(ctx, "delete expired keys", func(tx engine.Tx) error {
		return tx.Query(func(row engine.Row) error {
			c := feed.Change{Kind: feed.Key}
			err := row.Scan(&c.Realm, &c.ID)
			tx.Tell(c)
			return err
		}, keyDrop, micros(now))
	})
}
