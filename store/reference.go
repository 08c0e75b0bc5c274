package store

import (
	"context"
	"time"

	"sallyport/store/engine"
	"sallyport/token"
)

const (
	referenceAdd = `INSERT INTO reference (bucket, hash, realm, client, account, id, family, generation, scope, audience, issued_at, started_at, expires_at, sign_in)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
	referenceGet = `SELECT realm, hash, client, account, id, family, generation, scope, audience, issued_at, started_at, expires_at, sign_in FROM reference
		WHERE bucket = $1 AND hash = $2`
	// account <> '' tells the databases that the index serves, which leaves out the others.
	referenceList = `SELECT realm, hash, client, account, id, family, generation, scope, audience, issued_at, started_at, expires_at, sign_in FROM reference
		WHERE realm = $1 AND account = $2 AND account <> '' AND ($3 = '' OR client = $3) AND expires_at > $4 ORDER BY issued_at DESC, hash`
	referenceDelete    = `DELETE FROM reference WHERE bucket = $1 AND hash = $2`
	referenceEndUser   = `DELETE FROM reference WHERE realm = $1 AND account = $2 AND account <> ''`
	referenceEndClient = `DELETE FROM reference WHERE realm = $1 AND account = $2 AND client = $3 AND account <> ''`
)

func addReference(tx engine.Tx, r *token.Reference) error {
	row, err := referenceRow(r)
	if err != nil {
		return err
	}
	_, err = tx.Exec(referenceAdd, row...)
	return err
}

func referenceRow(r *token.Reference) ([]any, error) {
	audience, err := list(r.Audience)
	if err != nil {
		return nil, err
	}
	signedIn, err := signIn(r.SignIn)
	family := []byte{} // a token without a family has no use for sixteen zeros
	if r.Family != (token.ID{}) {
		family = r.Family[:]
	}
	return []any{
		token.Bucket(r.ExpiresAt), r.Hash[:], r.Realm, r.Client, r.User, r.ID, family, int64(r.Generation),
		r.Scope.String(), audience, micros(r.IssuedAt), micros(r.StartedAt), micros(r.ExpiresAt), signedIn,
	}, err
}

func readReference(row engine.Row) (*token.Reference, error) {
	r := &token.Reference{}
	var hash, family []byte
	var scope, audience, signedIn string
	var generation, issued, started, expires int64
	err := row.Scan(&r.Realm, &hash, &r.Client, &r.User, &r.ID, &family, &generation, &scope, &audience, &issued, &started, &expires, &signedIn)
	if err != nil {
		return nil, err
	}
	copy(r.Hash[:], hash)
	copy(r.Family[:], family)
	r.Generation, r.Scope = uint32(generation), scopes(scope)
	r.IssuedAt, r.StartedAt, r.ExpiresAt = moment(issued), moment(started), moment(expires)
	if r.Audience, err = unlist(audience); err != nil {
		return nil, err
	}
	r.SignIn, err = readSignIn(signedIn)
	return r, err
}

// Reference implements token.Store.
func (s *Store) Reference(ctx context.Context, hash [32]byte, bucket int64) (r *token.Reference, err error) {
	err = s.read(ctx, "reference", func(row engine.Row) (err error) {
		r, err = readReference(row)
		return err
	}, referenceGet, bucket, hash[:])
	return r, err
}

// References implements token.Store.
func (s *Store) References(ctx context.Context, realm, user, client string, now time.Time) (all []*token.Reference, err error) {
	if !storable(realm, user, client) {
		return nil, nil
	}
	err = s.read(ctx, "references", func(row engine.Row) error {
		r, err := readReference(row)
		all = append(all, r)
		return err
	}, referenceList, realm, user, client, micros(now))
	return all, err
}
