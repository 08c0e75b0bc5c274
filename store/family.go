package store

import (
	"context"
	"time"

	"sallyport/store/engine"
	"sallyport/token"
)

const (
	familyAdd = `INSERT INTO family (bucket, id, realm, client, account, grant_type, shape, scope, generation, uses, started_at, rotated_at, expires_at, sign_in)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, $13)`
	familyGet = `SELECT id, client, account, grant_type, shape, scope, generation, started_at, rotated_at, expires_at, sign_in FROM family
		WHERE bucket = $1 AND id = $2 AND realm = $3`
	familyList = `SELECT id, client, account, grant_type, shape, scope, generation, started_at, rotated_at, expires_at, sign_in FROM family
		WHERE realm = $1 AND account = $2 AND ($3 = '' OR client = $3) AND expires_at > $4 ORDER BY started_at DESC, id`
	familyDelete    = `DELETE FROM family WHERE bucket = $1 AND id = $2 AND realm = $3`
	familyEndUser   = `DELETE FROM family WHERE realm = $1 AND account = $2`
	familyEndClient = `DELETE FROM family WHERE realm = $1 AND account = $2 AND client = $3`
)

// CreateGrant implements token.Store.
func (s *Store) CreateGrant(ctx context.Context, f *token.Family, r *token.Reference) error {
	const op = "create grant"
	switch {
	case f != nil && r != nil:
		row, err := familyRow(f)
		if err != nil {
			return fault(op, err)
		}
		return s.write(ctx, op, func(tx engine.Tx) error {
			if _, err := tx.Exec(familyAdd, row...); err != nil {
				return err
			}
			return addReference(tx, r)
		})
	case f != nil:
		row, err := familyRow(f)
		if err != nil {
			return fault(op, err)
		}
		return s.run(ctx, op, familyAdd, row...)
	case r != nil:
		row, err := referenceRow(r)
		if err != nil {
			return fault(op, err)
		}
		return s.run(ctx, op, referenceAdd, row...)
	}
	return nil
}

func familyRow(f *token.Family) ([]any, error) {
	signedIn, err := signIn(f.SignIn)
	return []any{
		token.Bucket(f.ExpiresAt), f.ID[:], f.Realm, f.Client, f.User, f.Grant, string(f.Shape), f.Scope.String(),
		int64(f.Generation), micros(f.StartedAt), micros(f.RotatedAt), micros(f.ExpiresAt), signedIn,
	}, err
}

func readFamily(realm string, row engine.Row) (*token.Family, error) {
	f := &token.Family{Realm: realm}
	var id []byte
	var shape, scope, signedIn string
	var generation, started, rotated, expires int64
	err := row.Scan(&id, &f.Client, &f.User, &f.Grant, &shape, &scope, &generation, &started, &rotated, &expires, &signedIn)
	if err != nil {
		return nil, err
	}
	copy(f.ID[:], id)
	f.Shape, f.Scope, f.Generation = token.Shape(shape), scopes(scope), uint32(generation)
	f.StartedAt, f.RotatedAt, f.ExpiresAt = moment(started), moment(rotated), moment(expires)
	f.SignIn, err = readSignIn(signedIn)
	return f, err
}

// Family implements token.Store.
func (s *Store) Family(ctx context.Context, realm string, id token.ID, expires time.Time) (f *token.Family, err error) {
	if !storable(realm) {
		return nil, nil
	}
	err = s.read(ctx, "family", func(row engine.Row) (err error) {
		f, err = readFamily(realm, row)
		return err
	}, familyGet, token.Bucket(expires), id[:], realm)
	return f, err
}

// Families implements token.Store.
func (s *Store) Families(ctx context.Context, realm, user, client string, now time.Time) (all []*token.Family, err error) {
	if !storable(realm, user, client) {
		return nil, nil
	}
	err = s.read(ctx, "families", func(row engine.Row) error {
		f, err := readFamily(realm, row)
		all = append(all, f)
		return err
	}, familyList, realm, user, client, micros(now))
	return all, err
}

// EndFamily implements token.Store. The revocation is recorded even if the family was gone already.
func (s *Store) EndFamily(ctx context.Context, realm string, id token.ID, expires time.Time, r token.Revocation) (found bool, err error) {
	err = s.write(ctx, "end family", func(tx engine.Tx) error {
		n, err := tx.Exec(familyDelete, token.Bucket(expires), id[:], realm)
		found = n == 1
		if err != nil || r.Key == "" {
			return err
		}
		return revoke(tx, []token.Revocation{r})
	})
	return found && err == nil, err
}

// EndGrants implements token.Store. Reference tokens of a client that acts for itself (user "") are not looked for: the
// revocation ends them.
func (s *Store) EndGrants(ctx context.Context, realm, client, user string, rs ...token.Revocation) error {
	ending := []string{familyEndUser, referenceEndUser}
	args := []any{realm, user}
	if client != "" {
		ending = []string{familyEndClient, referenceEndClient}
		args = append(args, client)
	}
	if user == "" {
		ending = ending[:1]
	}
	if !storable(realm, client, user) {
		ending = nil
	}
	return s.write(ctx, "end grants", func(tx engine.Tx) error {
		for _, statement := range ending {
			if _, err := tx.Exec(statement, args...); err != nil {
				return err
			}
		}
		return revoke(tx, rs)
	})
}
