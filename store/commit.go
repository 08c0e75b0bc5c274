package store

import (
	"context"
	"encoding/json"
	"fmt"

	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/store/engine"
	"sallyport/token"
	"sallyport/user"
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
	type place struct{ realm, user string }
	ended := map[place]bool{}
	for _, r := range c.Revocations {
		if r.Kind == token.RevokeUser {
			ended[place{r.Realm, r.Key}] = true
		}
	}
	for _, u := range c.Users {
		if err := put(tx, feed.User, u.Realm, u.Name, u, accountPut, u.Realm, u.Name, u.Password, lower(u.Email)); err != nil {
			return err
		}
		// Whoever is switched off is signed out for good: to be switched on again is not to be signed in again. So is whoever's
		// tokens end for another reason, such as a new password.
		if u.Status != user.On || ended[place{u.Realm, u.Name}] {
			if err := endSessions(tx, u.Realm, sessionEndUser, u.Realm, u.Name); err != nil {
				return err
			}
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
