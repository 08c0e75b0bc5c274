package user

import (
	"context"

	"sallyport/feed"
)

// MaxNameLength is the longest user name there can be, in bytes.
const MaxNameLength = 255

// DefaultDirectorySize is how many users a Directory keeps in memory, unknown names included.
const DefaultDirectorySize = 100_000

// A Directory finds users without asking the store for one it has seen, and is kept current by the change feed. That a
// name is unknown is remembered as well.
type Directory struct {
	users *feed.Cache[directoryKey, *User]
}

type directoryKey struct{ realm, name string }

// NewDirectory returns a directory over store that hub keeps current.
func NewDirectory(store Store, hub *feed.Hub) *Directory {
	return NewDirectorySize(store, hub, DefaultDirectorySize)
}

// NewDirectorySize is NewDirectory with another bound on what is kept in memory.
func NewDirectorySize(store Store, hub *feed.Hub, max int) *Directory {
	d := &Directory{users: feed.NewCache(max, func(ctx context.Context, k directoryKey) (*User, error) {
		return store.User(ctx, k.realm, k.name)
	})}
	hub.Subscribe(d.hear)
	return d
}

// Get returns a user, nil if there is none of that name in the realm. The user must not be modified.
func (d *Directory) Get(ctx context.Context, realm, name string) (*User, error) {
	if name == "" || len(name) > MaxNameLength { // Check lets no such user in; do not remember what a stranger made up
		return nil, nil
	}
	return d.users.Get(ctx, directoryKey{realm, name})
}

func (d *Directory) hear(c feed.Change) {
	switch c.Kind {
	case feed.User:
		d.users.Drop(directoryKey{c.Realm, c.ID})
	case feed.Realm, feed.All: // a realm that is deleted takes its users along
		d.users.DropAll()
	}
}
