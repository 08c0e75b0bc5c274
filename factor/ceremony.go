package factor

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"sallyport/oauth"
	"sallyport/realm"
)

// Ceremonies are the two that WebAuthn knows (Level 3 section 7), each in two halves: options for the browser and a state to be
// kept, then the browser's answer held against that state. Package factor/passkey has them. An answer that is not good is any
// error; what is done about it is decided here.
type Ceremonies interface {
	// Create begins a registration for an account, by none of the authenticators that have a key of it already.
	Create(p Party, a Account) (options, state []byte, err error)
	// Created returns the key that was made.
	Created(p Party, a Account, state, response []byte) (Credential, error)
	// Get begins an authentication with a key of the account, or of anybody (nil), who then has to be verified.
	Get(p Party, a *Account) (options, state []byte, err error)
	// ID returns the id of the key that an answer says it is by. It proves nothing.
	ID(response []byte) ([]byte, error)
	// Got verifies an answer by a key of the account and returns the key as it is now. With anybody the account was found by
	// the answer, which then has to name it as well.
	Got(p Party, a Account, anybody bool, state, response []byte) (Used, error)
}

// A Party is who asks: the relying party.
type Party struct{ ID, Origin, Name string }

// An Account is whom a key belongs to.
type Account struct {
	Handle      []byte // tells nothing about the user
	Name, Alias string
	Credentials []Credential
}

// A Credential is a key, as WebAuthn Level 3 section 4 has the credential record, less the attestation, which is not asked
// for.
type Credential struct {
	ID         []byte   `json:"-"`
	Key        []byte   `json:"key"` // public key, COSE
	Transports []string `json:"transports,omitempty"`
	Flags      byte     `json:"flags"` // of the authenticator data
	Count      uint32   `json:"count"` // signature counter
	Model      []byte   `json:"aaguid,omitempty"`
	Attachment string   `json:"attachment,omitempty"`
}

// Used is what came of an authentication.
type Used struct {
	Credential Credential
	Verified   bool // the authenticator has verified its user
	Copied     bool // the counter did not grow: there may be a copy of the key
}

// A kept is what is kept between the two halves.
type kept struct {
	Realm string    `json:"realm"`
	User  string    `json:"user,omitempty"` // empty: whoever has a passkey
	Add   bool      `json:"add,omitempty"`
	At    time.Time `json:"at"`
	State []byte    `json:"state"`
}

// ceremonyLife is how long somebody may take over it. Whoever keeps the state makes sure that it is used once.
const ceremonyLife = 10 * time.Minute

var errNoPasskeys = errors.New("passkeys are not served here")

// HasPasskeys reports whether a realm can have passkeys at all: they belong to a host name, never to an IP address, and to
// a connection that is secure or stays on the machine (WebAuthn Level 3 sections 5.1.2 and 13.4.9).
func (s *Service) HasPasskeys(r *realm.Realm) bool {
	p := party(r)
	if _, err := netip.ParseAddr(p.ID); err == nil || p.ID == "" || s.ceremonies == nil {
		return false
	}
	local := p.ID == "localhost" || strings.HasSuffix(p.ID, ".localhost")
	return local || strings.HasPrefix(p.Origin, "https://") && strings.Contains(p.ID, ".")
}

// party returns the realm as relying party. ID and origin come from the issuer, never from the request.
func party(r *realm.Realm) Party {
	p := Party{Name: r.Brand.Name}
	if p.Name == "" {
		p.Name = r.Name
	}
	if u, err := url.Parse(r.Issuer); err == nil && u.Host != "" {
		p.ID, p.Origin = strings.ToLower(u.Hostname()), strings.ToLower(u.Scheme+"://"+u.Host)
	}
	return p
}

// handle is the user handle of WebAuthn Level 3 section 5.4.3: it stays the same and tells nothing about the user.
func (s *Service) handle(realm, user string) ([]byte, error) {
	k, err := s.master.Derive("webauthn user handle", realm)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte(user))
	return mac.Sum(nil), nil
}

// account returns a user with his passkeys.
func (s *Service) account(ctx context.Context, realm, name, alias string) (Account, error) {
	a := Account{Name: name, Alias: alias}
	if a.Alias == "" {
		a.Alias = name
	}
	var err error
	if a.Handle, err = s.handle(realm, name); err != nil {
		return a, err
	}
	list, err := s.store.Factors(ctx, realm, name)
	if err != nil {
		return a, err
	}
	for _, f := range list {
		if f.Kind != Passkey {
			continue
		}
		c, err := read[Credential](f)
		if err != nil {
			return a, err
		}
		if c.ID, err = base64.RawURLEncoding.DecodeString(f.ID); err != nil {
			return a, err
		}
		a.Credentials = append(a.Credentials, *c)
	}
	return a, nil
}

func (s *Service) keep(options, state []byte, k kept) ([]byte, []byte, error) {
	k.At, k.State = s.now(), state
	body, err := json.Marshal(k)
	return options, body, err
}

// reopen reads the state of a ceremony of the realm that has not taken too long.
func (s *Service) reopen(r *realm.Realm, state []byte, add bool) (*kept, error) {
	if s.ceremonies == nil {
		return nil, errNoPasskeys
	}
	k := new(kept)
	if err := json.Unmarshal(state, k); err != nil {
		return nil, oauth.Because(oauth.FactorWrong, err)
	}
	if k.Realm != r.Name || k.Add != add || s.now().Sub(k.At) >= ceremonyLife {
		return nil, oauth.Fail(oauth.FactorWrong, "")
	}
	return k, nil
}
