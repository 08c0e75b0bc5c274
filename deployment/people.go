package deployment

import (
	"context"
	"maps"
	"slices"
	"time"

	"sallyport/audit"
	"sallyport/client"
	"sallyport/deployment/strictyaml"
	"sallyport/feed"
	"sallyport/token"
	"sallyport/user"
)

func (p *Planner) users(ctx context.Context, plan *Plan, f *File) error {
	stored, err := p.storedUsers(ctx, f)
	if err != nil {
		return err
	}
	hashes := make([]string, len(f.Users))
	err = p.each(ctx, len(f.Users), func(i int) error {
		var old string
		if s := stored[f.Users[i].Name]; s != nil {
			old = s.Password
		}
		var err error
		hashes[i], err = p.password(ctx, &f.Users[i], old)
		return err
	})
	if err != nil {
		return err
	}
	for i := range f.Users {
		old := stored[f.Users[i].Name]
		u := f.Users[i].user(f.Realm, old)
		u.Password = hashes[i]
		// A new password ends what was got by the old one. A hash from elsewhere that differs need not be of another password: the
		// stored one is made anew when its user signs in.
		if old != nil && old.Password != "" && old.Password != u.Password && f.Users[i].PasswordHash == "" {
			plan.revoke(f.Realm, token.RevokeUser, u.Name)
		}
		if plan.user(old, u) {
			u.UpdatedAt = p.Now().UTC().Truncate(time.Microsecond)
		}
	}
	if p.Prune {
		for _, name := range slices.Sorted(maps.Keys(stored)) {
			if !slices.ContainsFunc(f.Users, func(u User) bool { return u.Name == name }) {
				plan.Delete(Ref{Kind: feed.User, Realm: f.Realm, ID: name})
			}
		}
	}
	return nil
}

// user adds a user, and reports whether anything changes.
func (p *Plan) user(old, u *user.User) bool {
	line := Line{Op: Add, Kind: feed.User, Realm: u.Realm, Name: u.Name}
	event := audit.Event{User: u.Name}
	if old != nil {
		line.Op, line.Words = Change, changes(old, u)
		if old.Password != u.Password {
			event.Kind = audit.CredentialReset
			line.Words = join(line.Words, "password changed")
		}
		if line.Words == "" {
			return false
		}
		if (old.Status == user.On) != (u.Status == user.On) { // switched on again: what slipped through on the way off ends now
			p.revoke(u.Realm, token.RevokeUser, u.Name)
		}
	}
	p.Changes.Users = append(p.Changes.Users, u)
	p.note(line, event)
	return true
}

func (p *Planner) clients(ctx context.Context, plan *Plan, f *File) error {
	stored, err := p.storedClients(ctx, f)
	if err != nil {
		return err
	}
	secrets := make([]secretChange, len(f.Clients))
	err = p.each(ctx, len(f.Clients), func(i int) error {
		var err error
		secrets[i], err = p.secrets(ctx, &f.Clients[i], stored[f.Clients[i].ID])
		return err
	})
	if err != nil {
		return err
	}
	book, err := p.keyBook(ctx, f)
	if err != nil {
		return err
	}
	var faults strictyaml.Errors
	for i := range f.Clients {
		old := stored[f.Clients[i].ID]
		c := f.Clients[i].client(f.Realm, old)
		c.Secrets = secrets[i].list
		sealed := p.seal(c, &f.Clients[i], secrets[i], &faults)
		if old != nil && secrets[i].words == "" && old.AuthMethod == c.AuthMethod {
			secrets[i].words = sealed
		}
		keys, err := p.keys(book, f.Realm, &f.Clients[i])
		if err != nil {
			return err
		}
		plan.Changes.Credentials = append(plan.Changes.Credentials, keys.put...)
		plan.Changes.Deleted = append(plan.Changes.Deleted, keys.deleted...)
		plan.Generated = append(plan.Generated, keys.made...)
		plan.client(old, c, join(secrets[i].words, keys.words))
		if s := secrets[i].generated; s != "" {
			plan.Generated = append(plan.Generated, Generated{Realm: f.Realm, Client: c.ID, Secret: s})
		}
	}
	if err := faults.Err(); err != nil {
		return err
	}
	if p.Prune {
		for _, id := range slices.Sorted(maps.Keys(stored)) {
			if !slices.ContainsFunc(f.Clients, func(c Client) bool { return c.ID == id }) {
				plan.Delete(Ref{Kind: feed.Client, Realm: f.Realm, ID: id})
			}
		}
	}
	return nil
}

func (p *Plan) client(old, c *client.Client, secretWords string) {
	line := Line{Op: Add, Kind: feed.Client, Realm: c.Realm, Name: c.ID}
	event := audit.Event{Client: c.ID}
	if old != nil {
		line.Op, line.Words = Change, join(changes(old, c), secretWords)
		if line.Words == "" {
			return
		}
		if secretWords != "" {
			event.Kind = audit.CredentialReset
		}
		if (old.Status == client.On) != (c.Status == client.On) {
			p.revoke(c.Realm, token.RevokeClient, c.ID)
		}
	}
	p.Changes.Clients = append(p.Changes.Clients, c)
	p.note(line, event)
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// few is how many objects are looked up one by one; for more, or to prune, all of the realm are read.
const few = 200

func (p *Planner) storedUsers(ctx context.Context, f *File) (map[string]*user.User, error) {
	stored := map[string]*user.User{}
	if p.Prune || len(f.Users) > few {
		err := eachUser(ctx, p.Store, f.Realm, func(u *user.User) { stored[u.Name] = u })
		return stored, err
	}
	for i := range f.Users {
		u, err := p.Store.User(ctx, f.Realm, f.Users[i].Name)
		if err != nil {
			return nil, err
		}
		if u != nil {
			stored[u.Name] = u
		}
	}
	return stored, nil
}

func (p *Planner) storedClients(ctx context.Context, f *File) (map[string]*client.Client, error) {
	stored := map[string]*client.Client{}
	if p.Prune || len(f.Clients) > few {
		err := eachClient(ctx, p.Store, f.Realm, func(c *client.Client) { stored[c.ID] = c })
		return stored, err
	}
	for i := range f.Clients {
		c, err := p.Store.Client(ctx, f.Realm, f.Clients[i].ID)
		if err != nil {
			return nil, err
		}
		if c != nil {
			stored[c.ID] = c
		}
	}
	return stored, nil
}
