package store

import (
	"context"
	"encoding/json"

	"sallyport/realm"
	"sallyport/scope"
	"sallyport/store/engine"
)

const (
	realmList   = `SELECT name, doc FROM realm ORDER BY name`
	realmPut    = `INSERT INTO realm (name, doc) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc`
	realmDelete = `DELETE FROM realm WHERE name = $1`

	scopeList = `SELECT realm, name, description FROM scope ORDER BY realm, name`
	scopePut  = `INSERT INTO scope (realm, name, description) VALUES ($1, $2, $3)
		ON CONFLICT (realm, name) DO UPDATE SET description = excluded.description`
	scopeDelete = `DELETE FROM scope WHERE realm = $1 AND name = $2`
)

// Realms implements realm.Store, in the order of names.
func (s *Store) Realms(ctx context.Context) (all []*realm.Realm, err error) {
	err = s.read(ctx, "realms", func(row engine.Row) error {
		var name string
		var doc []byte
		if err := row.Scan(&name, &doc); err != nil {
			return err
		}
		r := &realm.Realm{}
		if err := json.Unmarshal(doc, r); err != nil {
			return err
		}
		r.Name = name
		all = append(all, r)
		return nil
	}, realmList)
	return all, err
}

// Scopes implements realm.Store, in the order of names.
func (s *Store) Scopes(ctx context.Context) (map[string][]scope.Scope, error) {
	all := map[string][]scope.Scope{}
	err := s.read(ctx, "scopes", func(row engine.Row) error {
		var realm string
		var sc scope.Scope
		if err := row.Scan(&realm, &sc.Name, &sc.Description); err != nil {
			return err
		}
		all[realm] = append(all[realm], sc)
		return nil
	}, scopeList)
	return all, err
}
