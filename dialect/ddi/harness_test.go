package ddi_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect"
	"sallyport/dialect/ddi"
	"sallyport/dialect/dialecttest"
	"sallyport/feed"
	"sallyport/grant"
	"sallyport/grant/clientcreds"
	"sallyport/grant/refresh"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/store"
	"sallyport/token"
	"sallyport/web"
)

// The pair on the product's page.
const (
	pageID     = "ab5a442c7d57bd3dcbdc0675e9bdd9f6e6d67d1171b043939ff5"
	pageSecret = "8c7f2eb1609125d43e945cee63501dff80c461166ccfe15291"
	pageBody   = `{
     "client_id":"ab5a442c7d57bd3dcbdc0675e9bdd9f6e6d67d1171b043939ff5",
     "client_secret":"8c7f2eb1609125d43e945cee63501dff80c461166ccfe15291",
     "grant_type":"client_credentials"                         
}`
	bigID = "90071992547409931234567890123456789" // beyond what a float keeps
	form  = "grant_type=client_credentials&client_id=" + pageID + "&client_secret=" + pageSecret
)

type house struct {
	*dialecttest.House
	door   dialect.Dialect
	routes web.Routes
	disk   *dialecttest.Flaky
}

func open(t testing.TB) *house {
	t.Helper()
	h := &house{disk: new(dialecttest.Flaky)}
	h.House = dialecttest.New(t, dialecttest.Setup{
		Open:  openStore,
		Start: founding(),
		Grants: func(h *dialecttest.House) []grant.Grant {
			return []grant.Grant{clientcreds.New(), refresh.New(h.Tokens, h.Users)}
		},
		Tokens: func(s token.Store) token.Store { h.disk.Store = s; return h.disk },
	})
	h.door = ddi.New(h.Deps())
	h.routes = h.door.Routes()
	return h
}

func openStore(t testing.TB, hub *feed.Hub, now func() time.Time) dialecttest.Stores {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{
		URL: filepath.Join(t.TempDir(), "test.db"), Hub: hub, Log: slog.New(slog.DiscardHandler), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func founding() deployment.ChangeSet {
	one := func(id string) *client.Client {
		return &client.Client{
			Realm: realm.Default, ID: id, Type: client.Confidential, Status: client.On, Secrets: dialecttest.Secret(pageSecret),
			Grants: []string{"client_credentials", "refresh_token", "fault"}, Scopes: scope.Set{"read", "write"},
		}
	}
	jwt, off, noGrant, unset, public := one("jwt"), one("off"), one("nogrant"), one("unset"), one("public")
	jwt.AccessToken = realm.AccessToken{Format: realm.JWT, TTL: realm.Duration(5 * time.Minute)}
	off.Status = client.Off
	noGrant.Grants = []string{"refresh_token"}
	unset.Secrets = nil
	public.Type, public.Secrets = client.Public, nil
	return deployment.ChangeSet{
		Realms:  []*realm.Realm{{Name: realm.Default, Dialects: []realm.Dialect{{Name: ddi.Name}}}},
		Scopes:  []deployment.RealmScope{{Realm: realm.Default, Scope: scope.Scope{Name: "read"}}, {Realm: realm.Default, Scope: scope.Scope{Name: "admin"}}},
		Clients: []*client.Client{one(pageID), one(bigID), one("id:with colon"), jwt, off, noGrant, unset, public},
	}
}

func (h *house) post(c dialecttest.Call) dialecttest.Answer {
	h.T.Helper()
	if c.Path == "" {
		c.Path = "/oauth2/token/"
	}
	return h.Do(h.routes, c)
}
