package store

import (
	"context"
	"encoding/json"
	"time"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/oauth"
	"sallyport/store/engine"
	"sallyport/token"
)

const (
	registrationAdd = `INSERT INTO registration (realm, client, created_at) VALUES ($1, $2, $3) ON CONFLICT (realm, client) DO NOTHING`
	// Whoever registers has the realm for itself, so that none counts what another is about to add.
	registrationLock   = `UPDATE realm SET doc = doc WHERE name = $1`
	registrationCount  = `SELECT COUNT(*) FROM registration WHERE realm = $1`
	registrationClient = `INSERT INTO client (realm, id, doc) VALUES ($1, $2, $3) ON CONFLICT (realm, id) DO NOTHING`

	initialAdd   = `INSERT INTO initial_token (hash, bucket, realm, uses, expires_at) VALUES ($1, $2, $3, $4, $5)`
	initialGet   = `SELECT uses FROM initial_token WHERE hash = $1 AND realm = $2 AND uses > 0 AND (expires_at = 0 OR expires_at > $3)`
	initialUse   = `UPDATE initial_token SET uses = uses - 1 WHERE hash = $1 AND realm = $2 AND uses > 0 AND (expires_at = 0 OR expires_at > $3)`
	initialSpent = `DELETE FROM initial_token WHERE hash = $1 AND uses <= 0`
)

// RegisterClient implements client.Registry.
func (s *Store) RegisterClient(ctx context.Context, c *client.Client, max int, initial [32]byte, now time.Time) error {
	const op = "register client"
	doc, err := json.Marshal(c)
	if err != nil {
		return fault(op, err)
	}
	return s.write(ctx, op, func(tx engine.Tx) error {
		if _, err := tx.Exec(registrationLock, c.Realm); err != nil {
			return err
		}
		if err := useInitial(tx, c.Realm, initial, now); err != nil {
			return err
		}
		var registered int64
		if err := tx.Query(engine.One(&registered), registrationCount, c.Realm); err != nil {
			return err
		}
		if registered >= int64(max) {
			return oauth.Fail(oauth.RegistrationClosed, c.ID)
		}
		n, err := tx.Exec(registrationClient, c.Realm, c.ID, string(doc))
		if err != nil {
			return err
		}
		if n == 0 {
			return oauth.Fail(oauth.MetadataBad, c.ID)
		}
		if _, err := tx.Exec(registrationAdd, c.Realm, c.ID, micros(now)); err != nil {
			return err
		}
		tx.Tell(feed.Change{Kind: feed.Client, Realm: c.Realm, ID: c.ID})
		return putCertificates(tx, c)
	})
}

// useInitial takes one use of an initial access token, if one is needed (RFC 7591 section 3).
func useInitial(tx engine.Tx, realm string, hash [32]byte, now time.Time) error {
	if hash == ([32]byte{}) {
		return nil
	}
	n, err := tx.Exec(initialUse, hash[:], realm, micros(now))
	if err != nil {
		return err
	}
	if n == 0 {
		return oauth.Fail(oauth.RegistrationToken, "")
	}
	_, err = tx.Exec(initialSpent, hash[:])
	return err
}

// countRegistered has a client that registered itself count as such when it is stored from a file.
func countRegistered(tx engine.Tx, c *client.Client) error {
	if c.Registered == nil {
		return nil
	}
	_, err := tx.Exec(registrationAdd, c.Realm, c.ID, micros(c.Registered.At))
	return err
}

// InitialToken implements client.Registry.
func (s *Store) InitialToken(ctx context.Context, realm string, hash [32]byte, now time.Time) (good bool, err error) {
	if !storable(realm) {
		return false, nil
	}
	var uses int64
	err = s.read(ctx, "initial token", func(row engine.Row) error {
		good = true
		return row.Scan(&uses)
	}, initialGet, hash[:], realm, micros(now))
	return good && err == nil, err
}

// PutInitialToken implements client.Registry. One without an end stays until it is used up.
func (s *Store) PutInitialToken(ctx context.Context, realm string, hash [32]byte, uses int, expires time.Time) error {
	bucket := int64(never)
	if !expires.IsZero() {
		bucket = token.Bucket(expires)
	}
	return s.run(ctx, "put initial token", initialAdd, hash[:], bucket, realm, int64(uses), micros(expires))
}
