package store

import (
	"cmp"
	"fmt"

	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/store/engine"
)

// What a realm leaves behind in tables that do not refer to it: checking a reference at every token would cost too much.
const (
	realmFamilies    = `DELETE FROM family WHERE realm = $1`
	realmReferences  = `DELETE FROM reference WHERE realm = $1`
	realmRevocations = `DELETE FROM revocation WHERE realm = $1`
	realmTickets     = `DELETE FROM ticket WHERE realm = $1`
	realmKeys        = `DELETE FROM signing_key WHERE realm = $1`
)

// remove deletes what is named. The order of kinds does not matter: a realm takes everything in it along.
func remove(tx engine.Tx, c *deployment.ChangeSet) error {
	for _, ref := range c.Deleted {
		var err error
		switch ref.Kind {
		case feed.Realm:
			err = removeRealm(tx, cmp.Or(ref.ID, ref.Realm))
		case feed.Scope:
			_, err = tx.Exec(scopeDelete, ref.Realm, ref.ID)
		case feed.User:
			err = removeUser(tx, ref.Realm, ref.ID)
		case feed.Client:
			err = removeClient(tx, ref.Realm, ref.ID)
		case feed.Credential:
			err = endCredentials(tx, ref.Realm, credentialDelete, ref.Realm, ref.ID)
		case feed.API:
			_, err = tx.Exec(apiDelete, ref.Realm, ref.ID)
		default:
			err = fmt.Errorf("a %q cannot be deleted by a change set", ref.Kind)
		}
		if err != nil {
			return fmt.Errorf("deleting %s %q: %w", ref.Kind, ref.ID, err)
		}
		if ref.Kind != feed.Realm && ref.Kind != feed.Credential {
			tx.Tell(feed.Change{Kind: ref.Kind, Realm: ref.Realm, ID: ref.ID})
		}
	}
	return nil
}

// removeUser deletes a user with the sessions, consents and factors, which go before the user does to be told of.
func removeUser(tx engine.Tx, realm, name string) error {
	if _, err := tx.Exec(accountLock, realm, name); err != nil {
		return err
	}
	if err := endSessions(tx, realm, sessionEndUser, realm, name); err != nil {
		return err
	}
	if err := tx.Query(func(row engine.Row) error {
		var client string
		err := row.Scan(&client)
		tellConsent(tx, realm, name, client)
		return err
	}, consentEndUser, realm, name); err != nil {
		return err
	}
	n, err := tx.Exec(factorEndUser, realm, name)
	if err != nil {
		return err
	}
	if n > 0 {
		tellFactor(tx, realm, name)
	}
	_, err = tx.Exec(accountDelete, realm, name)
	return err
}

// maxTold bounds how many copies of one kind are told of one by one.
const maxTold = 1000

// removeClient deletes a client with its credentials and what users have agreed to, of which there may be very much.
func removeClient(tx engine.Tx, realm, id string) error {
	if _, err := tx.Exec(clientLock, realm, id); err != nil {
		return err
	}
	users, more := []string{}, false
	if err := tx.Query(func(row engine.Row) error {
		var user string
		err := row.Scan(&user)
		if more = more || len(users) == maxTold; !more {
			users = append(users, user)
		}
		return err
	}, consentEndClient, realm, id); err != nil {
		return err
	}
	if more {
		tx.Tell(feed.Change{Kind: feed.All})
		users = nil
	}
	for _, user := range users {
		tellConsent(tx, realm, user, id)
	}
	if err := endCredentials(tx, realm, credentialEndClient, realm, id); err != nil {
		return err
	}
	_, err := tx.Exec(clientDelete, realm, id)
	return err
}

// removeRealm relies on the databases for what refers to the realm, or to a user or client in it.
func removeRealm(tx engine.Tx, name string) error {
	for _, statement := range []string{realmDelete, realmFamilies, realmReferences, realmRevocations, realmTickets, realmKeys, realmUsage} {
		if _, err := tx.Exec(statement, name); err != nil {
			return err
		}
	}
	// Copies of what was in the realm are not told one by one.
	tx.Tell(feed.Change{Kind: feed.All})
	return nil
}
