package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"sallyport/feed"
	"sallyport/session"
	"sallyport/store/engine"
	"sallyport/token"
)

const (
	sessionColumns = `hash, id, account, doc, seen_at, expires_at`
	sessionAdd     = `INSERT INTO session (hash, bucket, realm, id, account, doc, seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	sessionGet     = `SELECT ` + sessionColumns + ` FROM session WHERE hash = $1 AND realm = $2`
	sessionList    = `SELECT ` + sessionColumns + ` FROM session WHERE realm = $1 AND account = $2 AND expires_at > $3`
	sessionDoc     = `SELECT doc FROM session WHERE hash = $1 AND realm = $2`
	sessionTouch   = `UPDATE session SET seen_at = $3 WHERE hash = $1 AND realm = $2 AND seen_at < $3`
	sessionSwap    = `UPDATE session SET doc = $4 WHERE hash = $1 AND realm = $2 AND doc = $3`
	sessionReplace = `DELETE FROM session WHERE hash = $1 AND realm = $2 RETURNING hash, id`
	sessionEnd     = `DELETE FROM session WHERE realm = $1 AND id = $2 RETURNING ` + sessionColumns
	sessionEndUser = `DELETE FROM session WHERE realm = $1 AND account = $2 RETURNING hash, id`
)

// StartSession implements session.Store. A session of the same public name makes way as well: two answers to one sign-in
// form are two sign-ins in one browser.
func (s *Store) StartSession(ctx context.Context, n *session.Session, replaces [32]byte) error {
	doc, err := json.Marshal(n)
	if err != nil {
		return fault("start session", err)
	}
	return s.write(ctx, "start session", func(tx engine.Tx) error {
		if _, err := tx.Exec(accountLock, n.Realm, n.User); err != nil {
			return err
		}
		if replaces != ([32]byte{}) {
			if err := endSessions(tx, n.Realm, sessionReplace, replaces[:], n.Realm); err != nil {
				return err
			}
		}
		if err := tx.Query(func(row engine.Row) error {
			old, err := readSession(n.Realm, row)
			if err == nil {
				tellSession(tx, n.Realm, old.Hash[:], old.ID)
			}
			return err
		}, sessionEnd, n.Realm, n.ID); err != nil {
			return err
		}
		_, err = tx.Exec(sessionAdd, n.Hash[:], token.Bucket(n.ExpiresAt), n.Realm, n.ID, n.User, string(doc), micros(n.SeenAt), micros(n.ExpiresAt))
		return err
	})
}

// endSessions runs a statement that deletes sessions of a realm and returns their hashes and public names.
func endSessions(tx engine.Tx, realm, statement string, args ...any) error {
	return tx.Query(func(row engine.Row) error {
		var hash []byte
		var id string
		err := row.Scan(&hash, &id)
		tellSession(tx, realm, hash, id)
		return err
	}, statement, args...)
}

func tellSession(tx engine.Tx, realm string, hash []byte, id string) {
	tx.Tell(feed.Change{Kind: feed.Session, Realm: realm, ID: base64.RawURLEncoding.EncodeToString(hash), Sub: id})
}

func readSession(realm string, row engine.Row) (*session.Session, error) {
	n := &session.Session{}
	var hash, doc []byte
	var seen, expires int64
	if err := row.Scan(&hash, &n.ID, &n.User, &doc, &seen, &expires); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(doc, n); err != nil {
		return nil, err
	}
	copy(n.Hash[:], hash)
	n.Realm, n.SeenAt, n.ExpiresAt = realm, moment(seen), moment(expires)
	return n, nil
}

// Session implements session.Store.
func (s *Store) Session(ctx context.Context, realm string, hash [32]byte) (n *session.Session, err error) {
	if !storable(realm) {
		return nil, nil
	}
	err = s.read(ctx, "session", func(row engine.Row) (err error) {
		n, err = readSession(realm, row)
		return err
	}, sessionGet, hash[:], realm)
	return n, err
}

// Sessions implements session.Store. The newest is the one in which the user signed in last.
func (s *Store) Sessions(ctx context.Context, realm, user string, now time.Time) (all []*session.Session, err error) {
	if !storable(realm, user) {
		return nil, nil
	}
	err = s.read(ctx, "sessions", func(row engine.Row) error {
		n, err := readSession(realm, row)
		all = append(all, n)
		return err
	}, sessionList, realm, user, micros(now))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *session.Session) int {
		return cmp.Or(b.AuthTime.Compare(a.AuthTime), strings.Compare(a.ID, b.ID))
	})
	return all, nil
}

// TouchSession implements session.Store. Nobody is told: copies would be dropped all the time for what they need not know.
func (s *Store) TouchSession(ctx context.Context, realm string, hash [32]byte, seen time.Time) error {
	if !storable(realm) {
		return nil
	}
	return s.run(ctx, "touch session", sessionTouch, hash[:], realm, micros(seen))
}

// UpdateSession implements session.Store. The text that is stored may be another form of the same JSON, written by an earlier
// version, so it is read and compared before it is swapped.
func (s *Store) UpdateSession(ctx context.Context, before, after *session.Session) (updated bool, err error) {
	const op = "update session"
	if !storable(before.Realm) {
		return false, nil
	}
	expected, err := normalSession(before)
	if err != nil {
		return false, fault(op, err)
	}
	replacement, err := json.Marshal(after)
	if err != nil {
		return false, fault(op, err)
	}
	err = s.write(ctx, op, func(tx engine.Tx) error {
		updated = false
		var doc string
		if err := tx.Query(engine.One(&doc), sessionDoc, before.Hash[:], before.Realm); err != nil || doc == "" {
			return err
		}
		found := &session.Session{}
		if err := json.Unmarshal([]byte(doc), found); err != nil {
			return err
		}
		if current, err := normalSession(found); err != nil || current != expected {
			return err
		}
		n, err := tx.Exec(sessionSwap, before.Hash[:], before.Realm, doc, string(replacement))
		if err == nil && n > 0 {
			updated = true
			tellSession(tx, before.Realm, before.Hash[:], before.ID)
		}
		return err
	})
	return updated && err == nil, err
}

// normalSession is what JSON holds of a session once it was stored and read: broken text is mended on the way.
func normalSession(n *session.Session) (string, error) {
	doc, err := json.Marshal(n)
	if err != nil {
		return "", err
	}
	read := &session.Session{}
	if err := json.Unmarshal(doc, read); err != nil {
		return "", err
	}
	doc, err = json.Marshal(read)
	return string(doc), err
}

// EndSession implements session.Store.
func (s *Store) EndSession(ctx context.Context, realm, id string, rs ...token.Revocation) (ended *session.Session, err error) {
	err = s.write(ctx, "end session", func(tx engine.Tx) error {
		ended = nil
		if storable(realm, id) {
			if err := tx.Query(func(row engine.Row) (err error) {
				ended, err = readSession(realm, row)
				return err
			}, sessionEnd, realm, id); err != nil {
				return err
			}
		}
		if ended != nil {
			tellSession(tx, realm, ended.Hash[:], id)
		}
		return revoke(tx, rs)
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}
