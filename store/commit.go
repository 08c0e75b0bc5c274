package store

import (
	"cmp"
	"context"
	"encoding/json"
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

// Commit implements deployment.Store. Deletions come first, so that a change set may replace what it deletes.
func (s *Store) Commit(ctx context.Context, c deployment.ChangeSet) error {
	if c.Empty() && len(c.Revocations)+len(c.Events) == 0 {
		return nil
	}
	return s.write(ctx, "commit", func(tx engine.Tx) error {
		for _, step := range []func(engine.Tx, *deployment.ChangeSet) error{
			remove, putRealms, putScopes, putUsers, putClients, putCredentials, putAPIs,
		} {
			if err := step(tx, &c); err != nil {
				return err
			}
		}
		if err := revoke(tx, c.Revocations); err != nil {
			return err
		}
		return addEvents(tx, c.Events)
	})
}

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

func putRealms(tx engine.Tx, c *deployment.ChangeSet) error {
	for _, r := range c.Realms {
		if err := put(tx, feed.Realm, r.Name, r.Name, r, realmPut, r.Name); err != nil {
			return err
		}
	}
	return nil
}

func putScopes(tx engine.Tx, c *deployment.ChangeSet) error {
	for _, sc := range c.Scopes {
		if _, err := tx.Exec(scopePut, sc.Realm, sc.Name, sc.Description); err != nil {
			return fmt.Errorf("scope %q of realm %q: %w", sc.Name, sc.Realm, err)
		}
		tx.Tell(feed.Change{Kind: feed.Scope, Realm: sc.Realm, ID: sc.Name})
	}
	return nil
}

func putUsers(tx engine.Tx, c *deployment.ChangeSet) error {
	for _, u := range c.Users {
		if err := put(tx, feed.User, u.Realm, u.Name, u, accountPut, u.Realm, u.Name, u.Password, lower(u.Email)); err != nil {
			return err
		}
	}
	return nil
}

func putClients(tx engine.Tx, c *deployment.ChangeSet) error {
	for _, cl := range c.Clients {
		if err := put(tx, feed.Client, cl.Realm, cl.ID, cl, clientPut, cl.Realm, cl.ID); err != nil {
			return err
		}
		if err := putCertificates(tx, cl); err != nil {
			return err
		}
		if err := countRegistered(tx, cl); err != nil {
			return err
		}
	}
	return nil
}

func putCredentials(tx engine.Tx, c *deployment.ChangeSet) error {
	for _, k := range c.Credentials {
		if err := putCredential(tx, k); err != nil {
			return fmt.Errorf("key %q of client %q in realm %q: %w", k.ID, k.Client, k.Realm, err)
		}
	}
	return nil
}

func putAPIs(tx engine.Tx, c *deployment.ChangeSet) error {
	for _, a := range c.APIs {
		if err := put(tx, feed.API, a.Realm, a.Name, a, apiPut, a.Realm, a.Name); err != nil {
			return err
		}
	}
	return nil
}

// put stores a value as a document, the last argument of the statement, and tells.
func put(tx engine.Tx, kind feed.Kind, realm, id string, value any, statement string, args ...any) error {
	doc, err := json.Marshal(value)
	if err == nil {
		_, err = tx.Exec(statement, append(args, string(doc))...)
	}
	if err != nil {
		return fmt.Errorf("%s %q of realm %q: %w", kind, id, realm, err)
	}
	tx.Tell(feed.Change{Kind: kind, Realm: realm, ID: id})
	return nil
}
