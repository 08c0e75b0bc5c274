package store

import (
	"context"

	"sallyport/factor"
	"sallyport/feed"
	"sallyport/store/engine"
)

const (
	factorColumns = `id, account, kind, name, doc, created_at, used_at`
	factorGet     = `SELECT ` + factorColumns + ` FROM factor WHERE realm = $1 AND id = $2`
	factorList    = `SELECT ` + factorColumns + ` FROM factor WHERE realm = $1 AND account = $2 ORDER BY created_at, id`
	factorAdd     = `INSERT INTO factor (realm, id, account, kind, name, doc, created_at, used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (realm, id) DO NOTHING`
	factorSwap    = `UPDATE factor SET name = $5, doc = $6, used_at = $7 WHERE realm = $1 AND id = $2 AND account = $3 AND doc = $4`
	factorDelete  = `DELETE FROM factor WHERE realm = $1 AND id = $2 AND account = $3`
	factorEndUser = `DELETE FROM factor WHERE realm = $1 AND account = $2`
)

// Factors implements factor.Store.
func (s *Store) Factors(ctx context.Context, realm, user string) (all []*factor.Factor, err error) {
	if !storable(realm, user) {
		return nil, nil
	}
	err = s.read(ctx, "factors", func(row engine.Row) error {
		f, err := readFactor(realm, row)
		all = append(all, f)
		return err
	}, factorList, realm, user)
	return all, err
}

// FactorByID implements factor.Store.
func (s *Store) FactorByID(ctx context.Context, realm, id string) (f *factor.Factor, err error) {
	if !storable(realm, id) {
		return nil, nil
	}
	err = s.read(ctx, "factor", func(row engine.Row) (err error) {
		f, err = readFactor(realm, row)
		return err
	}, factorGet, realm, id)
	return f, err
}

func readFactor(realm string, row engine.Row) (*factor.Factor, error) {
	f := &factor.Factor{Realm: realm}
	var kind string
	var created, used int64
	err := row.Scan(&f.ID, &f.User, &kind, &f.Name, &f.Doc, &created, &used)
	f.Kind, f.Doc, f.CreatedAt, f.UsedAt = factor.Kind(kind), unblob(f.Doc), moment(created), moment(used)
	return f, err
}

// AddFactor implements factor.Store.
func (s *Store) AddFactor(ctx context.Context, f *factor.Factor) (bool, error) {
	return s.changeFactor(ctx, "add factor", f.Realm, f.User, factorAdd,
		f.Realm, f.ID, f.User, string(f.Kind), f.Name, string(f.Doc), micros(f.CreatedAt), micros(f.UsedAt))
}

// SwapFactor implements factor.Store.
func (s *Store) SwapFactor(ctx context.Context, f *factor.Factor, old []byte) (bool, error) {
	if !storable(f.Realm, f.ID, f.User, string(old)) {
		return false, nil
	}
	return s.changeFactor(ctx, "swap factor", f.Realm, f.User, factorSwap,
		f.Realm, f.ID, f.User, string(old), f.Name, string(f.Doc), micros(f.UsedAt))
}

// DeleteFactor implements factor.Store.
func (s *Store) DeleteFactor(ctx context.Context, realm, user, id string) (bool, error) {
	if !storable(realm, user, id) {
		return false, nil
	}
	return s.changeFactor(ctx, "delete factor", realm, user, factorDelete, realm, id, user)
}

// changeFactor executes one statement, reports whether it changed a factor of the user, and tells.
func (s *Store) changeFactor(ctx context.Context, op, realm, user, statement string, args ...any) (changed bool, err error) {
	err = s.write(ctx, op, func(tx engine.Tx) error {
		if statement == factorAdd {
			if _, err := tx.Exec(accountLock, realm, user); err != nil {
				return err
			}
		}
		n, err := tx.Exec(statement, args...)
		if changed = n > 0; changed {
			tellFactor(tx, realm, user)
		}
		return err
	})
	return changed && err == nil, err
}

func tellFactor(tx engine.Tx, realm, user string) {
	tx.Tell(feed.Change{Kind: feed.Factor, Realm: realm, ID: user})
}
