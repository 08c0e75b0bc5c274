package store

import (
	"context"
	"encoding/json"
	"errors"

	"sallyport/audit"
	"sallyport/client"
	"sallyport/feed"
	"sallyport/store/engine"
	"sallyport/user"
)

// maxEdits bounds how often an edit is tried again because somebody else wrote in between. Of any number of racers one
// gets through each time.
const maxEdits = 1000

var errBusy = errors.New("somebody else writes the same all the time")

// UpdateUser implements user.Editor. Nothing is held while change runs.
func (s *Store) UpdateUser(ctx context.Context, realm, name string, change func(*user.User) error, events ...audit.Event) (*user.User, error) {
	const op = "update user"
	if !storable(realm, name) {
		return nil, nil
	}
	for range maxEdits {
		var password, doc string
		err := s.read(ctx, op, func(row engine.Row) error { return row.Scan(&password, &doc) }, accountDoc, realm, name)
		if err != nil || doc == "" {
			return nil, err
		}
		u := &user.User{}
		if err := json.Unmarshal([]byte(doc), u); err != nil {
			return nil, fault(op, err)
		}
		u.Realm, u.Name, u.Password = realm, name, password
		if err := change(u); err != nil {
			return nil, err
		}
		u.Realm, u.Name = realm, name // whatever change did: it is the same user
		done, err := s.swapUser(ctx, op, u, password, doc, events)
		if err != nil {
			return nil, err
		}
		if done {
			return u, nil
		}
	}
	return nil, fault(op, errBusy)
}

// swapUser stores a user who still is what was read, with the events.
func (s *Store) swapUser(ctx context.Context, op string, u *user.User, password, doc string, events []audit.Event) (done bool, err error) {
	replacement, err := json.Marshal(u)
	if err != nil {
		return false, fault(op, err)
	}
	err = s.write(ctx, op, func(tx engine.Tx) error {
		n, err := tx.Exec(accountSwap, u.Realm, u.Name, password, doc, u.Password, lower(u.Email), string(replacement))
		if done = n > 0; err != nil || !done {
			return err
		}
		tx.Tell(feed.Change{Kind: feed.User, Realm: u.Realm, ID: u.Name})
		return addEvents(tx, events)
	})
	return done && err == nil, err
}

// UserByEmail implements user.Editor.
func (s *Store) UserByEmail(ctx context.Context, realm, email string) (u *user.User, err error) {
	if !storable(realm, email) {
		return nil, nil
	}
	found := 0
	err = s.read(ctx, "user by email", func(row engine.Row) (err error) {
		found++
		u, err = readUser(realm, row)
		return err
	}, accountByEmail, realm, lower(email))
	if err != nil || found != 1 {
		return nil, err
	}
	return u, nil
}

// UpdateClient implements client.Registry. Nothing is held while change runs.
func (s *Store) UpdateClient(ctx context.Context, realm, id string, change func(*client.Client) error) (*client.Client, error) {
	const op = "update client"
	if !storable(realm, id) {
		return nil, nil
	}
	for range maxEdits {
		var doc string
		if err := s.read(ctx, op, engine.One(&doc), clientGet, realm, id); err != nil || doc == "" {
			return nil, err
		}
		c, err := readClient(realm, id, []byte(doc))
		if err != nil {
			return nil, fault(op, err)
		}
		if err := change(c); err != nil {
			return nil, err
		}
		c.Realm, c.ID = realm, id // whatever change did: it is the same client
		done, err := s.swapClient(ctx, op, c, doc)
		if err != nil {
			return nil, err
		}
		if done {
			return c, nil
		}
	}
	return nil, fault(op, errBusy)
}

// swapClient stores a client that still is what was read.
func (s *Store) swapClient(ctx context.Context, op string, c *client.Client, doc string) (done bool, err error) {
	replacement, err := json.Marshal(c)
	if err != nil {
		return false, fault(op, err)
	}
	err = s.write(ctx, op, func(tx engine.Tx) error {
		n, err := tx.Exec(clientSwap, c.Realm, c.ID, doc, string(replacement))
		if done = n > 0; err != nil || !done {
			return err
		}
		tx.Tell(feed.Change{Kind: feed.Client, Realm: c.Realm, ID: c.ID})
		return putCertificates(tx, c)
	})
	return done && err == nil, err
}
