package feed

import "context"

// MaxName is the longest name of anything that is looked up by one, in bytes.
const MaxName = 255

// A Directory finds things of one kind by realm and name, without asking the store for one it has seen, and is kept current
// by the feed. That a name is unknown is remembered as well.
type Directory[T any] struct {
	kind Kind
	held *Cache[name, *T]
}

type name struct{ realm, name string }

// NewDirectory returns a directory of at most max things of a kind, unknown ones included. Load fetches one, nil if there is
// none.
func NewDirectory[T any](hub *Hub, kind Kind, max int, load func(ctx context.Context, realm, name string) (*T, error)) *Directory[T] {
	d := &Directory[T]{kind: kind, held: NewCache(max, func(ctx context.Context, n name) (*T, error) {
		return load(ctx, n.realm, n.name)
	})}
	hub.Subscribe(d.hear)
	return d
}

// Get returns what has the name in the realm, nil if nothing has. It must not be modified.
func (d *Directory[T]) Get(ctx context.Context, realm, id string) (*T, error) {
	if id == "" || len(id) > MaxName { // nothing is stored under such a name; do not remember what a stranger made up
		return nil, nil
	}
	return d.held.Get(ctx, name{realm, id})
}

func (d *Directory[T]) hear(c Change) {
	switch c.Kind {
	case d.kind:
		d.held.Drop(name{c.Realm, c.ID})
	case Realm, All: // a realm that is deleted takes what is in it along
		d.held.DropAll()
	}
}
