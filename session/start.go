package session

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/realm"
)

// A SignedIn is what somebody has proved.
type SignedIn struct {
	User   string
	AMR    []string
	ACR    string
	At     time.Time // when; zero: now
	Agent  string    // User-Agent, of any length
	Source string    // address
}

// What is kept of a browser's own words, in bytes.
const (
	maxAgent  = 200
	maxSource = 64
)

// Start begins a session and returns the secret for the browser, which is always a new one. The session that the secret
// replaces opens (empty: none) goes on in the new one if it is the same user's: name, beginning and clients stay, so that what
// is bound to it lives on. A session of somebody else is left as it is: it is another account in the same browser.
func (m *Manager) Start(ctx context.Context, r *realm.Realm, in SignedIn, replaces string) (string, *Session, error) {
	old, err := m.Find(ctx, r, replaces)
	if old != nil && old.User == in.User {
		old, err = m.store.Session(ctx, r.Name, old.Hash) // as it is now: a client may have joined elsewhere
	} else {
		old = nil
	}
	if err != nil {
		return "", nil, err
	}
	return m.begin(ctx, r, in, old)
}

func (m *Manager) begin(ctx context.Context, r *realm.Realm, in SignedIn, old *Session) (string, *Session, error) {
	now := m.now().UTC().Truncate(time.Microsecond)
	at := in.At.UTC().Truncate(time.Microsecond)
	if in.At.IsZero() || at.After(now) {
		at = now
	}
	secret := random(32)
	s := &Session{
		Realm: r.Name, Hash: Hash(secret), ID: random(16), User: in.User,
		StartedAt: now, AuthTime: at, AMR: slices.Clone(in.AMR), ACR: in.ACR, Chosen: now,
		Agent: shorten(in.Agent, maxAgent), Source: shorten(in.Source, maxSource),
		SeenAt: now, ExpiresAt: at.Add(longest(r)),
	}
	var replaces [32]byte
	if old != nil {
		s.ID, s.StartedAt, s.Clients, replaces = old.ID, old.StartedAt, old.Clients, old.Hash
	}
	if err := m.store.StartSession(ctx, s, replaces); err != nil {
		return "", nil, err
	}
	m.held.Drop(place{r.Name, replaces})
	return secret, s, nil
}

// shorten keeps what fits of a text from outside, without control characters and broken encoding.
func shorten(text string, limit int) string {
	text = strings.ToValidUTF8(text[:min(len(text), 4*limit)], "")
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == utf8.RuneError {
			return -1
		}
		return c
	}, text)
	for len(text) > limit {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
