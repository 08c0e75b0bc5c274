package deployment

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"sallyport/credential"
	"sallyport/deployment/strictyaml"
	"sallyport/feed"
	"sallyport/key"
)

// keyBook is the credentials of a realm, as they are and as they will be.
type keyBook struct {
	byClient map[string][]*credential.Credential
	byHash   map[[32]byte]*credential.Credential
	byID     map[string]*credential.Credential
}

// keyBook reads the credentials of a realm if its file speaks of any.
func (p *Planner) keyBook(ctx context.Context, f *File) (*keyBook, error) {
	book := &keyBook{
		byClient: map[string][]*credential.Credential{}, byHash: map[[32]byte]*credential.Credential{}, byID: map[string]*credential.Credential{},
	}
	if !slices.ContainsFunc(f.Clients, func(c Client) bool { return c.Has("api_keys") || c.Has("signature_keys") }) {
		return book, nil
	}
	all, err := p.Store.Credentials(ctx, f.Realm, "")
	for _, k := range all {
		book.add(k)
	}
	return book, err
}

func (b *keyBook) add(k *credential.Credential) {
	b.byClient[k.Client] = append(b.byClient[k.Client], k)
	b.byHash[k.Hash], b.byID[k.ID] = k, k
}

// A keyChange is what becomes of a client's keys.
type keyChange struct {
	put     []*credential.Credential
	deleted []Ref
	words   string
	made    []Generated
}

// keys compares the keys that a file wants for a client with those that are stored. What the file says of a kind of keys is
// all there is of it.
func (p *Planner) keys(book *keyBook, in string, c *Client) (change keyChange, err error) {
	wanted, kinds := c.wantedKeys(in)
	kept := map[string]bool{}
	var faults strictyaml.Errors
	for i := range wanted {
		w := &wanted[i]
		old := book.find(w)
		switch {
		case old != nil && (old.Client != c.ID || old.Kind != w.Kind || kept[old.ID]):
			faults.Add(w.At, "%s: the key is there already, of client %.80s; remove it there first", w.where(), old.Client)
			continue
		case old == nil && w.ID != "" && book.byID[w.ID] != nil:
			faults.Add(w.At, "%s: there is another key with that id; leave the id out, or choose another", w.where())
			continue
		}
		k, made, err := p.keyOf(w, old)
		if err != nil {
			faults.Add(w.At, "%s: %v", w.where(), err)
			continue
		}
		kept[k.ID] = true
		if made != "" {
			change.made = append(change.made, Generated{Realm: in, Client: c.ID, ID: k.ID, Key: made})
		}
		words := "added"
		if old != nil {
			words = keyWords(old, k)
		} else {
			book.add(k)
		}
		if words != "" {
			change.put = append(change.put, k)
			change.words = join(change.words, "key "+k.ID+" "+words)
		}
	}
	for _, old := range book.byClient[c.ID] {
		predecessor := slices.ContainsFunc(wanted, func(w wantedKey) bool { return w.names(old) })
		if slices.Contains(kinds, old.Kind) && !kept[old.ID] && !predecessor {
			change.deleted = append(change.deleted, Ref{Kind: feed.Credential, Realm: in, ID: old.ID})
			change.words = join(change.words, "key "+old.ID+" removed")
		}
	}
	return change, faults.Err()
}

// find finds the stored key that an entry is about: by what the caller presents, or, of one that is to be made, by its name.
func (b *keyBook) find(w *wantedKey) *credential.Credential {
	if !w.generated {
		return b.byHash[w.Hash]
	}
	var newest *credential.Credential
	for _, k := range b.byClient[w.Client] {
		if w.names(k) && k.RevokedAt.IsZero() && (newest == nil || k.CreatedAt.After(newest.CreatedAt)) {
			newest = k
		}
	}
	return newest
}

// names reports whether a key is one that the entry had made, or a predecessor of it, which may still be good.
func (w *wantedKey) names(k *credential.Credential) bool {
	return w.generated && k.Client == w.Client && k.Kind == w.Kind && k.Name == w.Name
}

// keyOf is an entry as it is to be stored, and the key that was made.
func (p *Planner) keyOf(w *wantedKey, old *credential.Credential) (*credential.Credential, string, error) {
	k, made := w.Credential, ""
	now := p.Now().UTC().Truncate(time.Microsecond)
	switch {
	case old != nil:
		k.ID, k.Hash, k.CreatedAt = old.ID, old.Hash, old.CreatedAt
	case w.generated:
		var fresh *credential.Credential
		made, fresh = credential.NewAPIKey(k.Realm, k.Client, now)
		k.ID, k.Hash, k.CreatedAt = cmp.Or(k.ID, fresh.ID), fresh.Hash, now
	default:
		_, fresh := credential.NewAPIKey(k.Realm, k.Client, now)
		k.ID, k.CreatedAt = cmp.Or(k.ID, fresh.ID), now
	}
	if k.Kind != credential.Signature {
		return &k, made, nil
	}
	if old != nil && bytes.Equal(k.Sealed, old.Sealed) {
		return &k, "", nil
	}
	master, err := p.master()
	if err != nil {
		return nil, "", err
	}
	if w.plain == "" { // sealed already: by this server, or nobody here could use it
		if _, err := credential.Hold(&k, master); err != nil {
			return nil, "", errors.New("secret_sealed: was sealed under another master key; give the secret itself")
		}
		return &k, "", nil
	}
	if old != nil {
		if h, err := credential.Hold(old, master); err == nil && string(h.Secret) == w.plain {
			k.Sealed = old.Sealed
			return &k, "", nil
		}
	}
	sealed, err := credential.ImportSignature(master, k.Realm, k.Client, k.ID, w.plain, now)
	if err != nil {
		return nil, "", err
	}
	k.Sealed = sealed.Sealed
	return &k, "", nil
}

func (p *Planner) master() (key.Master, error) {
	if p.Master == nil {
		return key.Master{}, errors.New("secret: there is no master key here to seal it under")
	}
	return p.Master()
}

// KeyChanges says how a key changes, without its secret; "" if it does not.
func KeyChanges(old, k *credential.Credential) string {
	a, b := *old, *k
	a.Sealed, b.Sealed = nil, nil
	words := changes(&a, &b)
	if !bytes.Equal(old.Sealed, k.Sealed) {
		words = join(words, "secret changed")
	}
	return words
}

func keyWords(old, k *credential.Credential) string {
	if words := KeyChanges(old, k); words != "" {
		return "(" + words + ")"
	}
	return ""
}
