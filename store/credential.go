package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"sallyport/client"
	"sallyport/credential"
	"sallyport/feed"
	"sallyport/store/engine"
)

const (
	credentialGet  = `SELECT id, client, kind, hash, doc FROM credential WHERE realm = $1 AND hash = $2`
	credentialList = `SELECT id, client, kind, hash, doc FROM credential WHERE realm = $1 AND client = $2 ORDER BY id`
	credentialAll  = `SELECT id, client, kind, hash, doc FROM credential WHERE realm = $1 ORDER BY id`
	credentialHash = `SELECT hash FROM credential WHERE realm = $1 AND id = $2`
	credentialPut  = `INSERT INTO credential (realm, id, client, kind, hash, doc) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (realm, id) DO UPDATE SET client = excluded.client, kind = excluded.kind, hash = excluded.hash, doc = excluded.doc`
	credentialDelete    = `DELETE FROM credential WHERE realm = $1 AND id = $2 RETURNING hash`
	credentialEndClient = `DELETE FROM credential WHERE realm = $1 AND client = $2 RETURNING hash`

	// A certificate that stands for another client stays where it is.
	certificateList   = `SELECT id FROM credential WHERE realm = $1 AND client = $2 AND kind = 'certificate'`
	certificateAdd    = `INSERT INTO credential (realm, id, client, kind, hash, doc) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`
	certificateDelete = `DELETE FROM credential WHERE realm = $1 AND id = $2 AND client = $3 RETURNING hash`
)

// CredentialByHash implements credential.Store.
func (s *Store) CredentialByHash(ctx context.Context, realm string, hash [32]byte) (c *credential.Credential, err error) {
	if !storable(realm) {
		return nil, nil
	}
	err = s.read(ctx, "credential", func(row engine.Row) (err error) {
		c, err = readCredential(realm, row)
		return err
	}, credentialGet, realm, hash[:])
	return c, err
}

// Credentials implements credential.Store.
func (s *Store) Credentials(ctx context.Context, realm, client string) (all []*credential.Credential, err error) {
	if !storable(realm, client) {
		return nil, nil
	}
	statement, args := credentialList, []any{realm, client}
	if client == "" {
		statement, args = credentialAll, args[:1]
	}
	err = s.read(ctx, "credentials", func(row engine.Row) error {
		c, err := readCredential(realm, row)
		all = append(all, c)
		return err
	}, statement, args...)
	return all, err
}

func readCredential(realm string, row engine.Row) (*credential.Credential, error) {
	c := &credential.Credential{}
	var id, client, kind string
	var hash, doc []byte
	if err := row.Scan(&id, &client, &kind, &hash, &doc); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(doc, c); err != nil {
		return nil, err
	}
	c.Realm, c.ID, c.Client, c.Kind = realm, id, client, credential.Kind(kind)
	copy(c.Hash[:], hash)
	return c, nil
}

// PutCredential implements credential.Store.
func (s *Store) PutCredential(ctx context.Context, c *credential.Credential) error {
	return s.write(ctx, "put credential", func(tx engine.Tx) error { return putCredential(tx, c) })
}

func putCredential(tx engine.Tx, c *credential.Credential) error {
	var old []byte
	if err := tx.Query(engine.One(&old), credentialHash, c.Realm, c.ID); err != nil {
		return err
	}
	row, err := credentialRow(c)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(credentialPut, row...); err != nil {
		return err
	}
	if old != nil && [32]byte(old) != c.Hash {
		tellCredential(tx, c.Realm, old)
	}
	tellCredential(tx, c.Realm, c.Hash[:])
	return nil
}

func credentialRow(c *credential.Credential) ([]any, error) {
	doc, err := json.Marshal(c)
	return []any{c.Realm, c.ID, c.Client, string(c.Kind), c.Hash[:], string(doc)}, err
}

func tellCredential(tx engine.Tx, realm string, hash []byte) {
	tx.Tell(feed.Change{Kind: feed.Credential, Realm: realm, ID: hex.EncodeToString(hash)})
}

// DeleteCredential implements credential.Store.
func (s *Store) DeleteCredential(ctx context.Context, realm, id string) error {
	if !storable(realm, id) {
		return nil
	}
	return s.write(ctx, "delete credential", func(tx engine.Tx) error {
		return endCredentials(tx, realm, credentialDelete, realm, id)
	})
}

// endCredentials runs a statement that deletes credentials of a realm and returns their hashes.
func endCredentials(tx engine.Tx, realm, statement string, args ...any) error {
	return tx.Query(func(row engine.Row) error {
		var hash []byte
		if err := row.Scan(&hash); err != nil {
			return err
		}
		tellCredential(tx, realm, hash)
		return nil
	}, statement, args...)
}

// putCertificates keeps the certificates of a client in step with its own list of them.
func putCertificates(tx engine.Tx, c *client.Client) error {
	wanted := credential.Certificates(c)
	missing := map[string]*credential.Credential{}
	for _, w := range wanted {
		missing[w.ID] = w
	}
	var stale []string
	if err := tx.Query(func(row engine.Row) error {
		var id string
		if err := row.Scan(&id); err != nil {
			return err
		}
		if missing[id] == nil {
			stale = append(stale, id)
		}
		delete(missing, id)
		return nil
	}, certificateList, c.Realm, c.ID); err != nil {
		return err
	}
	for _, id := range stale {
		if err := endCredentials(tx, c.Realm, certificateDelete, c.Realm, id, c.ID); err != nil {
			return err
		}
	}
	for _, w := range wanted {
		if missing[w.ID] == nil {
			continue
		}
		row, err := credentialRow(w)
		if err != nil {
			return err
		}
		n, err := tx.Exec(certificateAdd, row...)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("client %q of realm %q: certificates: %q stands for another client already; take it away there first", c.ID, c.Realm, w.Name)
		}
		tellCredential(tx, w.Realm, w.Hash[:])
	}
	return nil
}
