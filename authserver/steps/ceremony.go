package steps

import (
	"encoding/json"
	"fmt"
	"time"

	"sallyport/authserver/cookie"
	"sallyport/oauth"
	"sallyport/ticket"
)

// ceremonyLife is how long somebody may take to answer a passkey's challenge or to set up a factor.
const ceremonyLife = 10 * time.Minute

// A Ceremony is what has to be remembered, where the browser cannot change it, between a page and the form that it sends: the
// challenge for a passkey, the secret of one-time codes that are being set up. It is good in one browser, for one purpose and
// one user.
type Ceremony struct {
	For     string   `json:"for"`
	User    string   `json:"user,omitempty"` // empty: whoever has a passkey
	Browser [32]byte `json:"browser"`

	Options []byte `json:"options,omitempty"` // for the browser
	State   []byte `json:"state,omitempty"`   // of the passkey's half
	Secret  string `json:"secret,omitempty"`  // of one-time codes
	QR      []byte `json:"qr,omitempty"`
}

// Keep remembers a ceremony and returns the secret for the form.
func (v *Visit) Keep(c Ceremony) (string, error) {
	c.Browser = v.Browser()
	body, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("ceremony: %w", err)
	}
	secret, t := ticket.New(v.Realm.Name, ticket.Ceremony, body, v.Now().Add(ceremonyLife))
	return secret, v.Tickets.PutTicket(v.Context(), t)
}

// Peek returns the ceremony that a form names and leaves it where it is: a code may be mistyped. The error is of reason
// oauth.FactorWrong if there is none, or it was begun in another browser, for another purpose or user.
func (v *Visit) Peek(purpose, user string) (*Ceremony, error) {
	return v.ceremony(purpose, user, func(hash [32]byte) (*ticket.Ticket, error) {
		return v.Tickets.ReadTicket(v.Context(), v.Realm.Name, ticket.Ceremony, hash, v.Now())
	})
}

// Take is Peek that takes it away: a challenge is answered once.
func (v *Visit) Take(purpose, user string) (*Ceremony, error) {
	return v.ceremony(purpose, user, func(hash [32]byte) (*ticket.Ticket, error) {
		return v.Tickets.TakeTicket(v.Context(), v.Realm.Name, ticket.Ceremony, hash, v.Now())
	})
}

func (v *Visit) ceremony(purpose, user string, find func([32]byte) (*ticket.Ticket, error)) (*Ceremony, error) {
	secret := v.Params.Get("ceremony")
	browser, ok := cookie.Browser(v.R, v.Realm)
	if len(secret) != ticket.SecretLength || !ok {
		return nil, oauth.Fail(oauth.FactorWrong, "")
	}
	t, err := find(ticket.Hash(secret))
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, oauth.Fail(oauth.FactorWrong, "")
	}
	c := new(Ceremony)
	if err := json.Unmarshal(t.Body, c); err != nil {
		return nil, fmt.Errorf("ceremony: %w", err)
	}
	if c.For != purpose || c.User != user || c.Browser != browser {
		return nil, oauth.Fail(oauth.FactorWrong, "")
	}
	return c, nil
}
