package store

import (
	"context"
	"encoding/json"

	"sallyport/api"
	"sallyport/store/engine"
)

const (
	apiList = `SELECT realm, name, doc FROM api ORDER BY realm, name`
	apiPut  = `INSERT INTO api (realm, name, doc) VALUES ($1, $2, $3)
		ON CONFLICT (realm, name) DO UPDATE SET doc = excluded.doc`
	apiDelete = `DELETE FROM api WHERE realm = $1 AND name = $2`
)

// APIs implements api.Store, in the order of realms and names.
func (s *Store) APIs(ctx context.Context) (all []*api.API, err error) {
	err = s.read(ctx, "apis", func(row engine.Row) error {
		var realm, name string
		var doc []byte
		if err := row.Scan(&realm, &name, &doc); err != nil {
			return err
		}
		a := &api.API{}
		if err := json.Unmarshal(doc, a); err != nil {
			return err
		}
		a.Realm, a.Name = realm, name
		all = append(all, a)
		return nil
	}, apiList)
	return all, err
}
