package store

import (
	"context"
	"encoding/json"

	"sallyport/consent"
	"sallyport/feed"
	"sallyport/store/engine"
	"sallyport/token"
)

const (
	consentGet  = `SELECT client, doc FROM consent WHERE realm = $1 AND account = $2 AND client = $3`
	consentList = `SELECT client, doc FROM consent WHERE realm = $1 AND account = $2 ORDER BY client`
	consentPut  = `INSERT INTO consent (realm, account, client, doc) VALUES ($1, $2, $3, $4)
		ON CONFLICT (realm, account, client) DO UPDATE SET doc = excluded.doc`
	consentEnd       = `DELETE FROM consent WHERE realm = $1 AND account = $2 AND client = $3`
	consentEndUser   = `DELETE FROM consent WHERE realm = $1 AND account = $2 RETURNING client`
	consentEndClient = `DELETE FROM consent WHERE realm = $1 AND client = $2 RETURNING account`
)

// Consent implements consent.Store.
func (s *Store) Consent(ctx context.Context, realm, user, client string) (c *consent.Consent, err error) {
	if !storable(realm, user, client) {
		return nil, nil
	}
	err = s.read(ctx, "consent", func(row engine.Row) (err error) {
		c, err = readConsent(realm, user, row)
		return err
	}, consentGet, realm, user, client)
	return c, err
}

// Consents implements consent.Store.
func (s *Store) Consents(ctx context.Context, realm, user string) (all []*consent.Consent, err error) {
	if !storable(realm, user) {
		return nil, nil
	}
	err = s.read(ctx, "consents", func(row engine.Row) error {
		c, err := readConsent(realm, user, row)
		all = append(all, c)
		return err
	}, consentList, realm, user)
	return all, err
}

func readConsent(realm, user string, row engine.Row) (*consent.Consent, error) {
	c := &consent.Consent{}
	var client string
	var doc []byte
	if err := row.Scan(&client, &doc); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(doc, c); err != nil {
		return nil, err
	}
	c.Realm, c.User, c.Client = realm, user, client
	return c, nil
}

// PutConsent implements consent.Store.
func (s *Store) PutConsent(ctx context.Context, c *consent.Consent) error {
	doc, err := json.Marshal(c)
	if err != nil {
		return fault("put consent", err)
	}
	return s.write(ctx, "put consent", func(tx engine.Tx) error {
		if _, err := tx.Exec(accountLock, c.Realm, c.User); err != nil {
			return err
		}
		if _, err := tx.Exec(clientLock, c.Realm, c.Client); err != nil {
			return err
		}
		_, err := tx.Exec(consentPut, c.Realm, c.User, c.Client, string(doc))
		tellConsent(tx, c.Realm, c.User, c.Client)
		return err
	})
}

// EndConsent implements consent.Store. The grants end and the revocations are recorded even if there was no consent.
func (s *Store) EndConsent(ctx context.Context, realm, user, client string, rs ...token.Revocation) error {
	return s.write(ctx, "end consent", func(tx engine.Tx) error {
		if user == "" || !storable(realm, user, client) { // nobody has none, and the client's own grants are not meant
			return revoke(tx, rs)
		}
		n, err := tx.Exec(consentEnd, realm, user, client)
		if err != nil {
			return err
		}
		if n > 0 {
			tellConsent(tx, realm, user, client)
		}
		for _, statement := range []string{familyEndClient, referenceEndClient} {
			if _, err := tx.Exec(statement, realm, user, client); err != nil {
				return err
			}
		}
		return revoke(tx, rs)
	})
}

func tellConsent(tx engine.Tx, realm, user, client string) {
	tx.Tell(feed.Change{Kind: feed.Consent, Realm: realm, ID: user + "\x00" + client})
}
