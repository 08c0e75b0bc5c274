// Package session owns the sign-in of a user in a browser: who, when, by which means, for how long. The browser holds a
// random secret; the store keeps its SHA-256. A sign-in always makes a new secret, so that nobody can leave one in another's
// browser and wait (session fixation), and a session is good in its own realm alone.
package session

import (
	"context"
	"time"

	"sallyport/token"
)

// A Session is one user signed in in one browser. A *Session handed out is never modified.
type Session struct {
	Realm string   `json:"-"`
	Hash  [32]byte `json:"-"` // SHA-256 of the secret in the browser's cookie
	ID    string   `json:"-"` // public name of it, `sid` in tokens; opens nothing
	User  string   `json:"-"`

	StartedAt time.Time `json:"started_at"`        // first sign-in; signing in again keeps it
	AuthTime  time.Time `json:"auth_time"`         // when the user last proved who it is (`auth_time`)
	AMR       []string  `json:"amr"`               // how (RFC 8176)
	ACR       string    `json:"acr"`               // how well: realm.ACROne and its like
	Chosen    time.Time `json:"chosen,omitzero"`   // when the user last chose this account among others
	Agent     string    `json:"agent,omitempty"`   // User-Agent at the sign-in, shortened, for the user's own list
	Source    string    `json:"source,omitempty"`  // address at the sign-in, likewise
	Clients   []string  `json:"clients,omitempty"` // who got a token in it: they are told when it ends

	SeenAt    time.Time `json:"-"`
	ExpiresAt time.Time `json:"-"` // whatever happens, it is over then
}

// A Store keeps sessions.
type Store interface {
	// StartSession stores a session and removes the one with the hash replaces (zero: none) in the same transaction.
	StartSession(ctx context.Context, s *Session, replaces [32]byte) error
	// Session returns a session by the hash of its secret, nil if there is none.
	Session(ctx context.Context, realm string, hash [32]byte) (*Session, error)
	// TouchSession notes that a session is in use.
	TouchSession(ctx context.Context, realm string, hash [32]byte, seen time.Time) error
	// UpdateSession replaces what JSON holds of a session if it still is what it was, and reports whether it did.
	UpdateSession(ctx context.Context, before, after *Session) (bool, error)
	// Sessions returns a user's sessions that are not over at the moment now, newest first.
	Sessions(ctx context.Context, realm, user string, now time.Time) ([]*Session, error)
	// EndSession removes a session by its public name and records the revocations in the same transaction. It returns the
	// session, nil if there was none; the revocations are recorded all the same.
	EndSession(ctx context.Context, realm, id string, rs ...token.Revocation) (*Session, error)
}
