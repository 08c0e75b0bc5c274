// Package user owns the resource owner who signs in with a name and a password: the record, the hashing of passwords,
// and the bounded pool in which they are checked.
package user

import (
	"context"
)

// A Status says whether a user may sign in. Only an administrator changes it: failed guesses never do.
type Status string

// The statuses.
const (
	On     Status = "on"
	Off    Status = "off"
	Locked Status = "locked"
)

// A User is a resource owner of a realm. A *User handed out is never modified.
type User struct {
	Realm    string `json:"-"`
	Name     string `json:"name"`
	Password string `json:"-"` // the hash, in one of the forms this package reads; empty: cannot sign in by password

	Alias  string   `json:"alias,omitempty"` // the name shown to people
	Email  string   `json:"email,omitempty"`
	Status Status   `json:"status"`
	Org    string   `json:"org,omitempty"`   // organisation id
	Roles  []string `json:"roles,omitempty"` // role ids
}

// A Store keeps users.
type Store interface {
	// User returns one user, nil if there is none.
	User(ctx context.Context, realm, name string) (*User, error)
	// Users returns a page of the realm's users in the order of their names, those after the name `after`.
	Users(ctx context.Context, realm, after string, limit int) ([]*User, error)
	// ReplacePassword swaps the stored hash for another. It does nothing if old is no longer the stored one.
	ReplacePassword(ctx context.Context, realm, name, old, replacement string) error
}
