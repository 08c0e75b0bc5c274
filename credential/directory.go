package credential

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync/atomic"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/usage"
)

// directorySize is how many credentials are kept in memory, unknown ones included.
const directorySize = 200_000

// A Held is a credential in memory, with what others remember with it. It is shared; it must not be modified.
type Held struct {
	*Credential
	Secret []byte        // of a signing key, opened
	Count  usage.Counter // of its uses
	Slots  feed.Slots    // limits of who comes with it

	cut atomic.Pointer[cut]
}

// A cut is what is left of a client's scopes.
type cut struct {
	of    *client.Client
	scope scope.Set
}

// Hold returns a credential as a Directory would. Master opens the secret of a signing key.
func Hold(c *Credential, master key.Master) (*Held, error) {
	h := &Held{Credential: c, Count: c.Counter()}
	if c.Kind == Signature {
		var err error
		if h.Secret, err = master.Open(sealPurpose, c.Realm, c.ID, c.Sealed); err != nil {
			return nil, fmt.Errorf("credential %s: its secret cannot be opened with this master key: %w", c.ID, err)
		}
	}
	return h, nil
}

// Scope is what the credential may do in its client's name: the client's scopes, or those of them that it names. A client
// that holds the realm's scope which covers all covers what the credential names.
func (h *Held) Scope(r *realm.Realm, c *client.Client) scope.Set {
	if c == nil {
		return nil
	}
	if len(h.Scopes) == 0 {
		return c.Scopes
	}
	if r.AllScope != "" && c.Scopes.Has(r.AllScope) {
		return h.Scopes
	}
	if known := h.cut.Load(); known != nil && known.of == c {
		return known.scope
	}
	left := h.Scopes.Intersect(c.Scopes)
	h.cut.Store(&cut{of: c, scope: left})
	return left
}

// A Directory finds credentials by their hashes, in memory once they have been asked for.
type Directory struct {
	held *feed.Cache[found, *Held]
}

type found struct {
	realm string
	hash  [32]byte
}

// NewDirectory returns a directory over store that hub keeps current. Master opens the secrets of signing keys.
func NewDirectory(store Store, hub *feed.Hub, master key.Master) *Directory {
	d := &Directory{}
	d.held = feed.NewCache(directorySize, func(ctx context.Context, f found) (*Held, error) {
		c, err := store.CredentialByHash(ctx, f.realm, f.hash)
		if err != nil || c == nil {
			return nil, err
		}
		return Hold(c, master)
	})
	hub.Subscribe(d.hear)
	return d
}

// Find returns the credential of a kind with the hash, nil if the realm has none. The kind is asked for because what finds
// one kind is no secret, such as the id of a signing key, and must not open the door of another.
func (d *Directory) Find(ctx context.Context, realm string, kind Kind, hash [32]byte) (*Held, error) {
	h, err := d.held.Get(ctx, found{realm, hash})
	if err != nil || h == nil || h.Kind != kind {
		return nil, err
	}
	return h, nil
}

func (d *Directory) hear(c feed.Change) {
	switch c.Kind {
	case feed.Credential:
		hash, err := hex.DecodeString(c.ID)
		if err != nil || len(hash) != 32 {
			d.held.DropAll() // news that cannot be read may be about any of them
			return
		}
		d.held.Drop(found{c.Realm, [32]byte(hash)})
	case feed.Realm, feed.All: // a realm that is deleted takes what is in it along
		d.held.DropAll()
	}
}
