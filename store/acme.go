package store

import (
	"context"
	"time"

	"sallyport/store/engine"
)

const (
	acmeGet = `SELECT value, changed_at FROM acme_item WHERE name = $1`
	acmePut = `INSERT INTO acme_item (name, value, changed_at) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at`
	acmeList   = `SELECT name, length(value), changed_at FROM acme_item WHERE name >= $1 AND name < $2 ORDER BY name`
	acmeDelete = `DELETE FROM acme_item WHERE name = $1`
	acmeClear  = `DELETE FROM acme_item WHERE name >= $1 AND name < $2`

	// A lock that nobody has renewed is anybody's.
	acmeLock = `INSERT INTO acme_lock (name, owner, until_at) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_at = excluded.until_at WHERE acme_lock.until_at <= $4`
	acmeRenew  = `UPDATE acme_lock SET until_at = $3 WHERE name = $1 AND owner = $2`
	acmeUnlock = `DELETE FROM acme_lock WHERE name = $1 AND owner = $2`
)

// An ACMEItem is what is known of a stored item without reading it.
type ACMEItem struct {
	Name      string // parts divided by slashes
	Size      int64
	ChangedAt time.Time
}

// ACMEItem returns a value that PutACMEItem stored; found is false if there is none.
func (s *Store) ACMEItem(ctx context.Context, name string) (value []byte, changed time.Time, found bool, err error) {
	if !storable(name) {
		return nil, time.Time{}, false, nil
	}
	err = s.read(ctx, "acme item", func(row engine.Row) error {
		var at int64
		err := row.Scan(&value, &at)
		changed, found = moment(at), true
		return err
	}, acmeGet, name)
	return unblob(value), changed, found, err
}

// PutACMEItem stores a value, in place of the one of the same name.
func (s *Store) PutACMEItem(ctx context.Context, name string, value []byte, at time.Time) error {
	return s.run(ctx, "put acme item", acmePut, name, blob(value), micros(at))
}

// ACMEItems lists the items below a name, in the order of their names; "" lists all.
func (s *Store) ACMEItems(ctx context.Context, name string) (items []ACMEItem, err error) {
	from, to := below(name)
	if !storable(name) {
		return nil, nil
	}
	err = s.read(ctx, "acme items", func(row engine.Row) error {
		var i ACMEItem
		var at int64
		err := row.Scan(&i.Name, &i.Size, &at)
		i.ChangedAt = moment(at)
		items = append(items, i)
		return err
	}, acmeList, from, to)
	return items, err
}

// below returns the range of the names below one.
func below(name string) (from, to string) {
	if name == "" {
		return "", "\U0010FFFF"
	}
	return name + "/", name + "0" // the character behind the slash
}

// DeleteACMEItem deletes an item and those below its name. It is no error if there are none.
func (s *Store) DeleteACMEItem(ctx context.Context, name string) error {
	if !storable(name) {
		return nil
	}
	from, to := below(name)
	return fault("delete acme item", s.engine.WriteOne(ctx, func(tx engine.Tx) error {
		if _, err := tx.Exec(acmeDelete, name); err != nil {
			return err
		}
		_, err := tx.Exec(acmeClear, from, to)
		return err
	}))
}

// LockACME takes a lock for an owner until a moment, unless somebody has it at the moment now.
func (s *Store) LockACME(ctx context.Context, name, owner string, now, until time.Time) (locked bool, err error) {
	return s.change(ctx, "lock acme", acmeLock, name, owner, micros(until), micros(now))
}

// RenewACME keeps a lock; false if the owner has lost it.
func (s *Store) RenewACME(ctx context.Context, name, owner string, until time.Time) (held bool, err error) {
	return s.change(ctx, "renew acme lock", acmeRenew, name, owner, micros(until))
}

// UnlockACME gives a lock back; false if the owner had lost it.
func (s *Store) UnlockACME(ctx context.Context, name, owner string) (held bool, err error) {
	return s.change(ctx, "unlock acme", acmeUnlock, name, owner)
}

// change executes one statement and reports whether it changed anything.
func (s *Store) change(ctx context.Context, op, statement string, args ...any) (changed bool, err error) {
	err = s.engine.WriteOne(ctx, func(tx engine.Tx) error {
		n, err := tx.Exec(statement, args...)
		changed = n > 0
		return err
	})
	return changed && err == nil, fault(op, err)
}
