package store

import (
	"context"
	"encoding/json"
	"errors"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/store/engine"
)

const (
	clientGet  = `SELECT doc FROM client WHERE realm = $1 AND id = $2`
	clientPage = `SELECT id, doc FROM client WHERE realm = $1 AND id > $2 ORDER BY id LIMIT $3`
	clientPut  = `INSERT INTO client (realm, id, doc) VALUES ($1, $2, $3)
		ON CONFLICT (realm, id) DO UPDATE SET doc = excluded.doc`
	clientSwap   = `UPDATE client SET doc = $4 WHERE realm = $1 AND id = $2 AND doc = $3`
	clientLock   = `UPDATE client SET doc = doc WHERE realm = $1 AND id = $2` // like accountLock
	clientDelete = `DELETE FROM client WHERE realm = $1 AND id = $2`
)

// Client implements client.Store.
func (s *Store) Client(ctx context.Context, realm, id string) (*client.Client, error) {
	var doc []byte
	if !storable(realm, id) {
		return nil, nil
	}
	if err := s.read(ctx, "client", engine.One(&doc), clientGet, realm, id); err != nil || doc == nil {
		return nil, err
	}
	c, err := readClient(realm, id, doc)
	return c, fault("client", err)
}

// Clients implements client.Store.
func (s *Store) Clients(ctx context.Context, realm, after string, limit int) (page []*client.Client, err error) {
	if !storable(realm, after) {
		return nil, nil
	}
	err = s.read(ctx, "clients", func(row engine.Row) error {
		var id string
		var doc []byte
		if err := row.Scan(&id, &doc); err != nil {
			return err
		}
		c, err := readClient(realm, id, doc)
		page = append(page, c)
		return err
	}, clientPage, realm, after, int64(limit))
	return page, err
}

func readClient(realm, id string, doc []byte) (*client.Client, error) {
	c := &client.Client{}
	if err := json.Unmarshal(doc, c); err != nil {
		return nil, err
	}
	c.Realm, c.ID = realm, id
	return c, nil
}

// ReplaceClientSecret implements client.Store.
func (s *Store) ReplaceClientSecret(ctx context.Context, realm, id, oldHash, newHash string) error {
	if !storable(realm, id) {
		return nil
	}
	return s.write(ctx, "replace client secret", func(tx engine.Tx) error {
		for range maxSwaps {
			done, err := swapSecret(tx, realm, id, oldHash, newHash)
			if err != nil || done {
				return err
			}
		}
		return errors.New("the client changes too often")
	})
}

// maxSwaps bounds how often a swap is tried again because somebody else changed the client in between.
const maxSwaps = 10

// swapSecret writes the client only if nobody has written it since it was read here; otherwise it reports false.
func swapSecret(tx engine.Tx, realm, id, oldHash, newHash string) (done bool, err error) {
	var doc string
	if err := tx.Query(engine.One(&doc), clientGet, realm, id); err != nil || doc == "" {
		return true, err
	}
	c, err := readClient(realm, id, []byte(doc))
	if err != nil {
		return false, err
	}
	found := false
	for i := range c.Secrets {
		if c.Secrets[i].Hash == oldHash {
			c.Secrets[i].Hash = newHash
			found = true
		}
	}
	if !found {
		return true, nil
	}
	replaced, err := json.Marshal(c)
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(clientSwap, realm, id, doc, string(replaced))
	if err != nil || n == 0 {
		return false, err
	}
	tx.Tell(feed.Change{Kind: feed.Client, Realm: realm, ID: id})
	return true, nil
}
