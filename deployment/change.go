// Package deployment owns the declarative form of what a deployment serves: one YAML file with realms, scopes, users,
// clients and APIs. It reads the file strictly, compares it with what is stored, says what would change in words, and
// writes what is stored back as a file.
package deployment

import (
	"context"

	"sallyport/api"
	"sallyport/audit"
	"sallyport/client"
	"sallyport/credential"
	"sallyport/feed"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
	"sallyport/user"
)

// A ChangeSet is everything one command changes. It is stored in one transaction: all of it or nothing.
type ChangeSet struct {
	Realms  []*realm.Realm
	Scopes  []RealmScope
	Users   []*user.User
	Clients []*client.Client
	APIs    []*api.API
	Deleted []Ref

	Credentials []*credential.Credential

	Revocations []token.Revocation // tokens that end with the change
	Events      []audit.Event
}

// A RealmScope is a scope and the realm that knows it.
type RealmScope struct {
	Realm string
	scope.Scope
}

// A Ref names a stored object: feed.Realm, feed.Scope, feed.User, feed.Client, feed.API or feed.Credential. Deleting a realm deletes
// everything in it.
type Ref struct {
	Kind  feed.Kind
	Realm string
	ID    string
}

// Empty reports whether nothing changes.
func (c *ChangeSet) Empty() bool {
	return len(c.Realms)+len(c.Scopes)+len(c.Users)+len(c.Clients)+len(c.APIs)+len(c.Deleted)+len(c.Credentials) == 0
}

// A Store keeps what a deployment serves.
type Store interface {
	realm.Store
	client.Store
	user.Store
	api.Store
	// Credentials returns a client's credentials in the order of their ids; client "" means all of the realm.
	Credentials(ctx context.Context, realm, client string) ([]*credential.Credential, error)
	// Commit stores a change set in one transaction and tells the change feed.
	Commit(ctx context.Context, c ChangeSet) error
}
