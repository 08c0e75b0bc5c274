package deployment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/audit"
	"sallyport/deployment/strictyaml"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

// A Hasher hashes and checks credentials: package user has it.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
	Verify(ctx context.Context, hash, password string) (ok, upgrade bool, err error)
}

// A Planner compares files with what is stored.
type Planner struct {
	Store    Store
	Hasher   Hasher
	Now      func() time.Time
	Workers  int                   // credentials that are worked on side by side; 0: one
	Prune    bool                  // delete what the files do not name, within the realms that they do
	Existing bool                  // a realm that is not there is an error, not a new realm
	Progress func(done, total int) // told of credentials that took time; nil: nobody is

	// Master returns the key under which secrets of signing keys are sealed. It is asked only when there is one to seal.
	// Nil: none can be.
	Master func() (key.Master, error)
}

// A Plan is what applying files would do.
type Plan struct {
	Changes   ChangeSet
	Diff      Diff
	Generated []Generated
}

// Generated is a secret that was made. It is known until the plan is forgotten, and never again.
type Generated struct {
	Realm  string `json:"realm"`
	Client string `json:"client"`
	Secret string `json:"secret,omitempty"`
	ID     string `json:"id,omitempty"`  // of Key
	Key    string `json:"key,omitempty"` // an API key, where that was made
}

// Commit stores the plan. What it revokes ends with what was issued up to this moment.
func (p *Plan) Commit(ctx context.Context, store Store, now time.Time) error {
	if p.Changes.Empty() {
		return nil
	}
	for i := range p.Changes.Revocations {
		r := &p.Changes.Revocations[i]
		longest, err := longestLife(ctx, store, r.Realm)
		if err != nil {
			return err
		}
		r.Bound, r.Until = now.UnixMicro(), now.Add(longest)
	}
	for i := range p.Changes.Events {
		p.Changes.Events[i].At = now
	}
	return store.Commit(ctx, p.Changes)
}

// minLongest is longer than any token lives by the front doors' own defaults.
const minLongest = 400 * 24 * time.Hour

// longestLife is how long a revocation of everything that a user or client has must be remembered.
func longestLife(ctx context.Context, store Store, name string) (time.Duration, error) {
	realms, err := store.Realms(ctx)
	if err != nil {
		return 0, err
	}
	r := find(realms, func(r *realm.Realm) bool { return r.Name == name })
	if r == nil {
		return minLongest, nil
	}
	longest, err := token.Longest(ctx, r, store)
	return max(longest, minLongest), err
}

// Plan says what storing the files would change. Nothing is stored.
func (p *Planner) Plan(ctx context.Context, files []*File) (*Plan, error) {
	realms, err := p.Store.Realms(ctx)
	if err != nil {
		return nil, err
	}
	scopes, err := p.Store.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	apis, err := p.Store.APIs(ctx)
	if err != nil {
		return nil, err
	}
	plan := &Plan{}
	if err := p.hosts(realms, files); err != nil {
		return nil, err
	}
	for _, f := range files {
		stored := find(realms, func(r *realm.Realm) bool { return r.Name == f.Realm })
		if stored == nil && p.Existing {
			return nil, fmt.Errorf("there is no realm %.80q; `sallyport realm add` makes one, `sallyport realm list` shows those there are", f.Realm)
		}
		p.realm(plan, f, stored)
		p.scopes(plan, f, scopes[f.Realm])
		if err := p.users(ctx, plan, f); err != nil {
			return nil, err
		}
		if err := p.clients(ctx, plan, f); err != nil {
			return nil, err
		}
		if err := p.apis(plan, f, apis); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

func find[T any](list []*T, is func(*T) bool) *T {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i]
	}
	return nil
}

// hosts sees that a host name leads to one realm.
func (p *Planner) hosts(stored []*realm.Realm, files []*File) error {
	var faults strictyaml.Errors
	for _, f := range files {
		for _, r := range stored {
			if i := slices.IndexFunc(files, func(o *File) bool { return o.Realm == r.Name }); i >= 0 && files[i].Has("hosts") {
				continue // that file says what its realm's hosts will be, and was checked
			}
			for _, h := range f.Hosts {
				if r.Name != f.Realm && slices.ContainsFunc(r.Hosts, func(o string) bool { return strings.EqualFold(o, h) }) {
					faults.Add(f.Of("hosts"), "hosts: %s leads to realm %s already; take it away there first", h, r.Name)
				}
			}
		}
	}
	return faults.Err()
}

func (p *Planner) realm(plan *Plan, f *File, stored *realm.Realm) {
	r := f.realm(stored)
	if stored == nil {
		plan.Changes.Realms = append(plan.Changes.Realms, r)
		plan.note(Line{Op: Add, Kind: feed.Realm, Realm: r.Name, Name: r.Name}, audit.Event{})
		return
	}
	if words := changes(stored, r); words != "" {
		plan.Changes.Realms = append(plan.Changes.Realms, r)
		plan.note(Line{Op: Change, Kind: feed.Realm, Realm: r.Name, Name: r.Name, Words: words}, audit.Event{})
	}
}

func (p *Planner) scopes(plan *Plan, f *File, stored []scope.Scope) {
	for i := range f.Scopes {
		s := f.Scopes[i].scope()
		at := slices.IndexFunc(stored, func(o scope.Scope) bool { return o.Name == s.Name })
		line := Line{Op: Add, Kind: feed.Scope, Realm: f.Realm, Name: s.Name}
		if at >= 0 {
			line.Op, line.Words = Change, changes(stored[at], s)
			if line.Words == "" {
				continue
			}
		}
		plan.Changes.Scopes = append(plan.Changes.Scopes, RealmScope{Realm: f.Realm, Scope: s})
		plan.note(line, audit.Event{})
	}
	if p.Prune {
		for _, s := range stored {
			if !slices.ContainsFunc(f.Scopes, func(o Scope) bool { return o.Name == s.Name }) {
				plan.Delete(Ref{Kind: feed.Scope, Realm: f.Realm, ID: s.Name})
			}
		}
	}
}

// Delete adds the end of a stored object. With a user or a client their tokens end.
func (p *Plan) Delete(ref Ref) {
	p.Changes.Deleted = append(p.Changes.Deleted, ref)
	event := audit.Event{}
	switch ref.Kind {
	case feed.User:
		p.revoke(ref.Realm, token.RevokeUser, ref.ID)
		event.User = ref.ID
	case feed.Client:
		p.revoke(ref.Realm, token.RevokeClient, ref.ID)
		event.Client = ref.ID
	}
	p.note(Line{Op: Remove, Kind: ref.Kind, Realm: ref.Realm, Name: ref.ID}, event)
}

// revoke ends the tokens of a user or client; Commit sets from when on.
func (p *Plan) revoke(in string, kind token.RevocationKind, key string) {
	p.Changes.Revocations = append(p.Changes.Revocations, token.Revocation{Realm: in, Kind: kind, Key: key})
}

// note adds a line to the difference, and the event that records it.
func (p *Plan) note(l Line, e audit.Event) {
	p.Diff = append(p.Diff, l)
	if e.Kind == "" {
		e.Kind = audit.ConfigChanged
	}
	e.Realm, e.Detail = l.Realm, l.String()
	p.Changes.Events = append(p.Changes.Events, e)
}
