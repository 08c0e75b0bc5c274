package store

import (
	"context"
	"encoding/json"

	"sallyport/feed"
	"sallyport/store/engine"
	"sallyport/user"
)

const (
	accountGet  = `SELECT name, password, doc FROM account WHERE realm = $1 AND name = $2`
	accountPage = `SELECT name, password, doc FROM account WHERE realm = $1 AND name > $2 ORDER BY name LIMIT $3`
	accountPut  = `INSERT INTO account (realm, name, password, email, doc) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (realm, name) DO UPDATE SET password = excluded.password, email = excluded.email, doc = excluded.doc`
	accountPassword = `UPDATE account SET password = $4 WHERE realm = $1 AND name = $2 AND password = $3`
	accountDoc      = `SELECT password, doc FROM account WHERE realm = $1 AND name = $2`
	accountSwap     = `UPDATE account SET password = $5, email = $6, doc = $7 WHERE realm = $1 AND name = $2 AND password = $3 AND doc = $4`
	// email <> '' tells the databases that the index serves.
	accountByEmail = `SELECT name, password, doc FROM account WHERE realm = $1 AND email = $2 AND email <> '' ORDER BY name LIMIT 2`
	// Whoever adds something to a user, or deletes the user, has the user for itself: what is added is either told of at the
	// deletion or refused, and never taken along in silence.
	accountLock   = `UPDATE account SET doc = doc WHERE realm = $1 AND name = $2`
	accountDelete = `DELETE FROM account WHERE realm = $1 AND name = $2`
)

// User implements user.Store.
func (s *Store) User(ctx context.Context, realm, name string) (u *user.User, err error) {
	if !storable(realm, name) {
		return nil, nil
	}
	err = s.read(ctx, "user", func(row engine.Row) (err error) {
		u, err = readUser(realm, row)
		return err
	}, accountGet, realm, name)
	return u, err
}

// Users implements user.Store.
func (s *Store) Users(ctx context.Context, realm, after string, limit int) (page []*user.User, err error) {
	if !storable(realm, after) {
		return nil, nil
	}
	err = s.read(ctx, "users", func(row engine.Row) error {
		u, err := readUser(realm, row)
		page = append(page, u)
		return err
	}, accountPage, realm, after, int64(limit))
	return page, err
}

func readUser(realm string, row engine.Row) (*user.User, error) {
	var name, password string
	var doc []byte
	if err := row.Scan(&name, &password, &doc); err != nil {
		return nil, err
	}
	u := &user.User{}
	if err := json.Unmarshal(doc, u); err != nil {
		return nil, err
	}
	u.Realm, u.Name, u.Password = realm, name, password
	return u, nil
}

// ReplacePassword implements user.Store.
func (s *Store) ReplacePassword(ctx context.Context, realm, name, old, replacement string) error {
	if !storable(realm, name, old) {
		return nil
	}
	return s.write(ctx, "replace password", func(tx engine.Tx) error {
		n, err := tx.Exec(accountPassword, realm, name, old, replacement)
		if n > 0 {
			tx.Tell(feed.Change{Kind: feed.User, Realm: realm, ID: name})
		}
		return err
	})
}
