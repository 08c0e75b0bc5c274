package client

import (
	"context"

	"sallyport/feed"
)

// MaxIDLength is the longest client id there can be, in bytes.
const MaxIDLength = 255

// DefaultDirectorySize is how many clients a Directory keeps in memory, unknown ids included.
const DefaultDirectorySize = 200_000

// A Directory finds clients without asking the store for one it has seen, and is kept current by the change feed. That an
// id is unknown is remembered as well.
type Directory struct {
	clients *feed.Cache[directoryKey, *Client]
}

type directoryKey struct{ realm, id string }

// NewDirectory returns a directory over store that hub keeps current.
func NewDirectory(store Store, hub *feed.Hub) *Directory {
	return NewDirectorySize(store, hub, DefaultDirectorySize)
}

// NewDirectorySize is NewDirectory with another bound on what is kept in memory.
func NewDirectorySize(store Store, hub *feed.Hub, max int) *Directory {
	d := &Directory{clients: feed.NewCache(max, func(ctx context.Context, k directoryKey) (*Client, error) {
		return store.Client(ctx, k.realm, k.id)
	})}
	hub.Subscribe(d.hear)
	return d
}

// Get returns a client, nil if there is none of that id in the realm. The client must not be modified.
func (d *Directory) Get(ctx context.Context, realm, id string) (*Client, error) {
	if id == "" || len(id) > MaxIDLength { // Check lets no such client in; do not remember what a stranger made up
		return nil, nil
	}
	return d.clients.Get(ctx, directoryKey{realm, id})
}

func (d *Directory) hear(c feed.Change) {
	switch c.Kind {
	case feed.Client:
		d.clients.Drop(directoryKey{c.Realm, c.ID})
	case feed.Realm, feed.All: // a realm that is deleted takes its clients along
		d.clients.DropAll()
	}
}
