// Package feed carries the news that something stored has changed, from the store to whatever keeps a copy in memory.
//
// The store publishes after a commit and before the write returns, so a change is known on its own node at once. Changes of
// other nodes arrive by the engine's own means and are published here too. When news may have been lost, the store
// publishes a Change of kind All and every copy starts over. Subscribers must be quick and must not write to the store.
package feed

import "sync"

// A Kind says what changed.
type Kind string

// The kinds of change.
const (
	Realm      Kind = "realm"
	Client     Kind = "client"
	User       Kind = "user"
	Scope      Kind = "scope"
	API        Kind = "api"
	Key        Kind = "key"
	Revocation Kind = "revocation"
	Credential Kind = "credential"
	Session    Kind = "session" // ID is the hash of its secret in unpadded base64url, Sub its public name
	Consent    Kind = "consent" // ID is user, NUL, client
	Factor     Kind = "factor"  // ID is the user
	All        Kind = "all"     // news was lost or is too long to tell: drop every copy
)

// A Change tells that the object ID of Realm changed or is gone. For a Revocation, Sub is the revocation's kind, ID its key,
// and Bound and Until (µs since 1970) are its values, so that nobody has to read it back.
type Change struct {
	Kind  Kind   `json:"k"`
	Realm string `json:"r,omitempty"`
	ID    string `json:"i,omitempty"`
	Sub   string `json:"s,omitempty"`
	Bound int64  `json:"b,omitempty"`
	Until int64  `json:"u,omitempty"`
}

// A Hub hands each Change to every subscriber, in the order of publication. The zero value is ready.
type Hub struct {
	mu   sync.Mutex // held while publishing: changes are seen in one order
	subs []func(Change)
}

// Subscribe adds fn for the life of the Hub. It is called on the publisher's goroutine.
func (h *Hub) Subscribe(fn func(Change)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subs = append(h.subs, fn)
}

// Publish tells every subscriber of the changes.
func (h *Hub) Publish(changes ...Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range changes {
		for _, fn := range h.subs {
			fn(c)
		}
	}
}
