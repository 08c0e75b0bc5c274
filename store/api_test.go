package store_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"sallyport/api"
	"sallyport/deployment"
	"sallyport/realm"
	"sallyport/store"
)

// manyAPIs stores n APIs.
func manyAPIs(t testing.TB, n int) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: filepath.Join(t.TempDir(), "db"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := deployment.ChangeSet{Realms: []*realm.Realm{{Name: "default"}}}
	for i := range n {
		c.APIs = append(c.APIs, &api.API{
			Realm: "default", Name: fmt.Sprintf("api%d", i), Path: fmt.Sprintf("/team%d/api%d/{id}", i%100, i), Upstream: "http://127.0.0.1:9000/v1",
			Scopes: []string{"read"}, Methods: map[string][]string{"POST": {"write"}},
			Policies: []api.Policy{{Name: "ratelimit", Settings: json.RawMessage(`{"rate":"100/s"}`)}, {Name: "cors", Settings: json.RawMessage(`{"origins":["https://a.example"]}`)}},
		})
	}
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return s
}

// What did not change is what it was; what did is read again.
func TestAPIsAreDecodedOnce(t *testing.T) {
	s := manyAPIs(t, 3)
	read := func() map[string]*api.API {
		t.Helper()
		list, err := s.APIs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]*api.API{}
		for _, a := range list {
			all[a.Name] = a
		}
		return all
	}
	first := read()
	changed := *first["api1"]
	changed.Disabled = true
	if err := s.Commit(t.Context(), deployment.ChangeSet{APIs: []*api.API{&changed}, Deleted: []deployment.Ref{{Kind: "api", Realm: "default", ID: "api2"}}}); err != nil {
		t.Fatal(err)
	}
	second := read()
	if len(second) != 2 || second["api0"] != first["api0"] || second["api1"] == first["api1"] || !second["api1"].Disabled || first["api1"].Disabled {
		t.Errorf("%+v", second)
	}
}

func BenchmarkAPIs(b *testing.B) {
	s := manyAPIs(b, 10_000)
	for b.Loop() {
		if _, err := s.APIs(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
