package consent

import (
	"context"
	"slices"
	"strings"
	"time"

	"sallyport/feed"
	"sallyport/realm"
	"sallyport/token"
)

// Revoker makes the revocation of what a user has let a client have; *token.Service does.
type Revoker interface {
	ClientUserRevocation(ctx context.Context, r *realm.Realm, client, user string) (token.Revocation, error)
}

// Config is what a Book works with.
type Config struct {
	Store  Store
	Hub    *feed.Hub
	Revoke Revoker
	Now    func() time.Time // nil: time.Now
}

// A Book knows what users have agreed to, from memory once it was asked.
type Book struct {
	store  Store
	revoke Revoker
	now    func() time.Time
	held   *feed.Cache[owner, []*Consent]
}

// An owner is whose consents they are. They are kept together, so that news of the user is news of all of them.
type owner struct{ realm, user string }

// cacheSize is how many users' consents are kept in memory.
const cacheSize = 50_000

// NewBook returns a book that the hub keeps current.
func NewBook(c Config) *Book {
	b := &Book{store: c.Store, revoke: c.Revoke, now: c.Now}
	if b.now == nil {
		b.now = time.Now
	}
	b.held = feed.NewCache(cacheSize, func(ctx context.Context, o owner) ([]*Consent, error) {
		return b.store.Consents(ctx, o.realm, o.user)
	})
	c.Hub.Subscribe(b.hear)
	return b
}

func (b *Book) hear(c feed.Change) {
	switch c.Kind {
	case feed.Consent:
		user, _, _ := strings.Cut(c.ID, "\x00")
		b.held.Drop(owner{c.Realm, user})
	case feed.User:
		b.held.Drop(owner{c.Realm, c.ID})
	case feed.Realm, feed.All: // a realm that is deleted takes what is in it along
		b.held.DropAll()
	}
}

// Get returns what the user has agreed that the client may have, nil if nothing.
func (b *Book) Get(ctx context.Context, realm, user, client string) (*Consent, error) {
	list, err := b.List(ctx, realm, user)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		if c.Client == client {
			return c, nil
		}
	}
	return nil, nil
}

// List returns all of a user's consents, by client. It must not be modified.
func (b *Book) List(ctx context.Context, realm, user string) ([]*Consent, error) {
	if user == "" || len(user) > feed.MaxName {
		return nil, nil
	}
	return b.held.Get(ctx, owner{realm, user})
}

// Agree notes that the user has agreed to what c says, beside what was agreed to before.
func (b *Book) Agree(ctx context.Context, c Consent) error {
	now := b.now().UTC().Truncate(time.Microsecond)
	old, err := b.store.Consent(ctx, c.Realm, c.User, c.Client)
	if err != nil {
		return err
	}
	c.GrantedAt, c.UpdatedAt = now, now
	c.Scopes, c.Claims = union(nil, c.Scopes), union(nil, c.Claims)
	if old != nil {
		c.GrantedAt = old.GrantedAt
		c.Scopes, c.Claims = union(old.Scopes, c.Scopes), union(old.Claims, c.Claims)
	}
	err = b.store.PutConsent(ctx, &c)
	b.held.Drop(owner{c.Realm, c.User})
	return err
}

// union returns what is in either, each once, in a list of its own.
func union[S ~[]string](a, b S) S {
	all := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// End takes a consent back. The client's grants for the user end with it, and their tokens at once.
func (b *Book) End(ctx context.Context, r *realm.Realm, user, client string) error {
	rev, err := b.revoke.ClientUserRevocation(ctx, r, client, user)
	if err != nil {
		return err
	}
	err = b.store.EndConsent(ctx, r.Name, user, client, rev)
	b.held.Drop(owner{r.Name, user})
	return err
}
