package deployment_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"sallyport/api"
	"sallyport/client"
	"sallyport/credential"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/user"
)

// memory is a deployment.Store that keeps everything in slices.
type memory struct {
	realms  []*realm.Realm
	scopes  []deployment.RealmScope
	users   []*user.User
	clients []*client.Client
	apis    []*api.API
	keys    []*credential.Credential
	last    deployment.ChangeSet // what was committed last
}

var _ deployment.Store = (*memory)(nil)

func (m *memory) Realms(context.Context) ([]*realm.Realm, error) { return slices.Clone(m.realms), nil }

func (m *memory) Scopes(context.Context) (map[string][]scope.Scope, error) {
	all := map[string][]scope.Scope{}
	for _, s := range m.scopes {
		all[s.Realm] = append(all[s.Realm], s.Scope)
	}
	return all, nil
}

func (m *memory) APIs(context.Context) ([]*api.API, error) { return slices.Clone(m.apis), nil }

func (m *memory) Credentials(_ context.Context, in, client string) (all []*credential.Credential, err error) {
	for _, k := range m.keys {
		if k.Realm == in && (client == "" || k.Client == client) {
			all = append(all, k)
		}
	}
	return all, nil
}

func (m *memory) User(_ context.Context, in, name string) (*user.User, error) {
	for _, u := range m.users {
		if u.Realm == in && u.Name == name {
			return u, nil
		}
	}
	return nil, nil
}

func (m *memory) Users(_ context.Context, in, after string, limit int) ([]*user.User, error) {
	var page []*user.User
	for _, u := range m.users {
		if u.Realm == in && u.Name > after {
			page = append(page, u)
		}
	}
	slices.SortFunc(page, func(a, b *user.User) int { return strings.Compare(a.Name, b.Name) })
	return page[:min(limit, len(page))], nil
}

func (m *memory) ReplacePassword(context.Context, string, string, string, string) error {
	return errors.ErrUnsupported
}

func (m *memory) Client(_ context.Context, in, id string) (*client.Client, error) {
	for _, c := range m.clients {
		if c.Realm == in && c.ID == id {
			return c, nil
		}
	}
	return nil, nil
}

func (m *memory) Clients(_ context.Context, in, after string, limit int) ([]*client.Client, error) {
	var page []*client.Client
	for _, c := range m.clients {
		if c.Realm == in && c.ID > after {
			page = append(page, c)
		}
	}
	slices.SortFunc(page, func(a, b *client.Client) int { return strings.Compare(a.ID, b.ID) })
	return page[:min(limit, len(page))], nil
}

func (m *memory) ReplaceClientSecret(context.Context, string, string, string, string) error {
	return errors.ErrUnsupported
}

func (m *memory) Commit(_ context.Context, c deployment.ChangeSet) error {
	m.last = c
	for _, r := range c.Realms {
		m.realms = put(m.realms, r, func(o *realm.Realm) bool { return o.Name == r.Name })
	}
	for _, s := range c.Scopes {
		m.scopes = put(m.scopes, s, func(o deployment.RealmScope) bool { return o.Realm == s.Realm && o.Name == s.Name })
	}
	for _, u := range c.Users {
		m.users = put(m.users, u, func(o *user.User) bool { return o.Realm == u.Realm && o.Name == u.Name })
	}
	for _, n := range c.Clients {
		m.clients = put(m.clients, n, func(o *client.Client) bool { return o.Realm == n.Realm && o.ID == n.ID })
	}
	for _, k := range c.Credentials {
		m.keys = put(m.keys, k, func(o *credential.Credential) bool { return o.Realm == k.Realm && o.ID == k.ID })
	}
	for _, a := range c.APIs {
		m.apis = put(m.apis, a, func(o *api.API) bool { return o.Realm == a.Realm && o.Name == a.Name })
	}
	for _, ref := range c.Deleted {
		switch ref.Kind {
		case feed.Scope:
			m.scopes = slices.DeleteFunc(m.scopes, func(o deployment.RealmScope) bool { return o.Realm == ref.Realm && o.Name == ref.ID })
		case feed.User:
			m.users = slices.DeleteFunc(m.users, func(o *user.User) bool { return o.Realm == ref.Realm && o.Name == ref.ID })
		case feed.Client:
			m.keys = slices.DeleteFunc(m.keys, func(o *credential.Credential) bool { return o.Realm == ref.Realm && o.Client == ref.ID })
			m.clients = slices.DeleteFunc(m.clients, func(o *client.Client) bool { return o.Realm == ref.Realm && o.ID == ref.ID })
		case feed.Credential:
			m.keys = slices.DeleteFunc(m.keys, func(o *credential.Credential) bool { return o.Realm == ref.Realm && o.ID == ref.ID })
		case feed.API:
			m.apis = slices.DeleteFunc(m.apis, func(o *api.API) bool { return o.Realm == ref.Realm && o.Name == ref.ID })
		default:
			return errors.ErrUnsupported
		}
	}
	return nil
}

func put[T any](list []T, v T, same func(T) bool) []T {
	if i := slices.IndexFunc(list, same); i >= 0 {
		list[i] = v
		return list
	}
	return append(list, v)
}

// hasher "hashes" at once: the hash of x is a text in which x can be found, unless x is long.
type hasher struct{}

func (hasher) Hash(_ context.Context, password string) (string, error) {
	if len(password) >= 32 {
		return user.Digest(password), nil
	}
	return "hash of " + password, nil
}

func (hasher) Verify(_ context.Context, hash, password string) (ok, upgrade bool, err error) {
	return hash == "hash of "+password || hash == user.Digest(password), false, nil
}

func askMaster() (key.Master, error) { return key.Master{1}, nil }

var now = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// checks knows two dialects, of which one has a setting, and one policy.
func checks() deployment.Checks {
	none := func(j json.RawMessage) error {
		if j != nil {
			return errors.New("has no settings; write the name alone")
		}
		return nil
	}
	return deployment.Checks{
		Dialects: map[string]func(json.RawMessage) error{"ddi": none, "digirunner": func(j json.RawMessage) error {
			var v struct {
				Status int `json:"wrong_password_status"`
			}
			if j == nil {
				return nil
			}
			return json.Unmarshal(j, &v)
		}},
		Policies: map[string]func(json.RawMessage) error{"ratelimit": func(json.RawMessage) error { return nil }},
		Ways:     map[string]func(json.RawMessage) error{"none": nil, "bearer": nil},
		Grants:   []string{"password", "client_credentials", "refresh_token"},
		Getenv: func(name string) (string, bool) {
			return "from the environment", name == "SET"
		},
		ReadFile: func(name string) ([]byte, error) {
			if name == "secrets/one" {
				return []byte("from a file\n"), nil
			}
			return nil, errors.New("no such file")
		},
	}
}
