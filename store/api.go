package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync"

	"sallyport/api"
	"sallyport/store/engine"
)

const (
	apiList = `SELECT realm, name, doc FROM api ORDER BY realm, name`
	apiPut  = `INSERT INTO api (realm, name, doc) VALUES ($1, $2, $3)
		ON CONFLICT (realm, name) DO UPDATE SET doc = excluded.doc`
	apiDelete = `DELETE FROM api WHERE realm = $1 AND name = $2`
)

// APIs implements api.Store, in the order of realms and names. It is one reading of them all, so nobody sees half of a
// change; what did not change since the last time is not decoded again, and is the same *api.API.
func (s *Store) APIs(ctx context.Context) (all []*api.API, err error) {
	s.apis.mu.Lock()
	known := s.apis.docs
	s.apis.mu.Unlock()
	docs := make(map[apiKey]knownAPI, len(known))
	err = s.read(ctx, "apis", func(row engine.Row) error {
		var key apiKey
		var doc []byte
		if err := row.Scan(&key.realm, &key.name, &doc); err != nil {
			return err
		}
		k, sum := known[key], sha256.Sum256(doc)
		if k.api == nil || k.sum != sum {
			k = knownAPI{sum, &api.API{}}
			if err := json.Unmarshal(doc, k.api); err != nil {
				return err
			}
			k.api.Realm, k.api.Name = key.realm, key.name
		}
		docs[key] = k
		all = append(all, k.api)
		return nil
	}, apiList)
	if err == nil {
		s.apis.mu.Lock()
		s.apis.docs = docs
		s.apis.mu.Unlock()
	}
	return all, err
}

// decodedAPIs are the APIs of the last reading.
type decodedAPIs struct {
	mu   sync.Mutex // guards docs, the variable; a map is never modified
	docs map[apiKey]knownAPI
}

type apiKey struct{ realm, name string }

type knownAPI struct {
	sum [sha256.Size]byte // of the document
	api *api.API
}
