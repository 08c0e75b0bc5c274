// Package user owns the resource owner who signs in with a name and a password: the record, the hashing of passwords,
// and the bounded pool in which they are checked.
package user

import (
	"context"
	"time"

	"sallyport/audit"
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

	EmailVerified bool           `json:"email_verified,omitempty"`
	Profile       Profile        `json:"profile,omitzero"`
	Attributes    map[string]any `json:"attributes,omitempty"` // whatever else claims are made from
	UpdatedAt     time.Time      `json:"updated_at,omitzero"`
}

// A Profile holds the standard claims that have no field of their own (OpenID Connect Core section 5.1). The claim name is
// the alias.
type Profile struct {
	GivenName         string  `json:"given_name,omitempty"`
	FamilyName        string  `json:"family_name,omitempty"`
	MiddleName        string  `json:"middle_name,omitempty"`
	Nickname          string  `json:"nickname,omitempty"`
	PreferredUsername string  `json:"preferred_username,omitempty"` // empty: the user's name
	Page              string  `json:"profile,omitempty"`            // the claim profile, a URL
	Picture           string  `json:"picture,omitempty"`
	Website           string  `json:"website,omitempty"`
	Gender            string  `json:"gender,omitempty"`
	Birthdate         string  `json:"birthdate,omitempty"`
	Zoneinfo          string  `json:"zoneinfo,omitempty"`
	Locale            string  `json:"locale,omitempty"`
	Phone             string  `json:"phone_number,omitempty"`
	PhoneVerified     bool    `json:"phone_number_verified,omitempty"`
	Address           Address `json:"address,omitzero"`
}

// An Address is a postal address (OpenID Connect Core section 5.1.1).
type Address struct {
	Formatted  string `json:"formatted,omitempty"`
	Street     string `json:"street_address,omitempty"`
	Locality   string `json:"locality,omitempty"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"`
}

// An Editor changes users on their own behalf: a new password, an address that was verified.
type Editor interface {
	// UpdateUser changes a user by read, change and compare-and-swap; change is called again if somebody else wrote in
	// between, and an error of it ends the attempt and changes nothing. The events are stored in the same transaction. It
	// returns the user as it is now, nil if there is none.
	UpdateUser(ctx context.Context, realm, name string, change func(*User) error, events ...audit.Event) (*User, error)
	// UserByEmail returns the one user with the address, compared without case; nil if there is none or more than one.
	UserByEmail(ctx context.Context, realm, email string) (*User, error)
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
