package authorize_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sallyport/authorize"
	"sallyport/client"
	ours "sallyport/jose"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/ticket"
	"sallyport/token"
)

const (
	issuer   = "https://as.example.org"
	callback = "https://app.example.org/cb"
	s256     = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B
)

// shelf keeps tickets in memory.
type shelf struct {
	mu    sync.Mutex
	held  map[[32]byte]ticket.Ticket
	spent map[[32]byte]bool
	fail  error
}

func newShelf() *shelf {
	return &shelf{held: map[[32]byte]ticket.Ticket{}, spent: map[[32]byte]bool{}}
}

func (s *shelf) PutTicket(_ context.Context, t ticket.Ticket) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[t.Hash] = t
	return s.fail
}

func (s *shelf) find(realm, kind string, hash [32]byte, now time.Time) (ticket.Ticket, bool) {
	t, ok := s.held[hash]
	return t, ok && t.Realm == realm && t.Kind == kind && now.Before(t.ExpiresAt)
}

func (s *shelf) TakeTicket(_ context.Context, realm, kind string, hash [32]byte, now time.Time) (*ticket.Ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.find(realm, kind, hash, now)
	if !ok || s.spent[hash] || s.fail != nil {
		return nil, s.fail
	}
	delete(s.held, hash)
	return &t, nil
}

func (s *shelf) ReadTicket(_ context.Context, realm, kind string, hash [32]byte, now time.Time) (*ticket.Ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.find(realm, kind, hash, now)
	if !ok || s.spent[hash] || s.fail != nil {
		return nil, s.fail
	}
	return &t, nil
}

func (s *shelf) SwapTicket(_ context.Context, t ticket.Ticket, old []byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, ok := s.held[t.Hash]
	if !ok || s.spent[t.Hash] || !bytes.Equal(was.Body, old) || s.fail != nil {
		return false, s.fail
	}
	was.Body = t.Body
	s.held[t.Hash] = was
	return true, nil
}

func (s *shelf) SpendTicket(_ context.Context, realm, kind string, hash [32]byte, now, until time.Time) (*ticket.Ticket, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.find(realm, kind, hash, now)
	if !ok || s.fail != nil {
		return nil, false, s.fail
	}
	was := s.spent[hash]
	if !was {
		t.ExpiresAt, s.spent[hash] = until, true
		s.held[hash] = t
	}
	return &t, was, nil
}

func (s *shelf) ClaimTicket(_ context.Context, t ticket.Ticket) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, there := s.held[t.Hash]
	if !there {
		s.held[t.Hash] = t
	}
	return !there, s.fail
}

// world is what a Reader works with. It is also every directory that the Reader asks.
type world struct {
	reader  *authorize.Reader
	tickets *shelf
	now     time.Time
	realm   *realm.Realm
	clients map[string]*client.Client
	web     map[string]string // documents of others
	fetched []string
	key     *ecdsa.PrivateKey
}

func (w *world) Get(_ context.Context, _, id string) (*client.Client, error) {
	if id == "outage" {
		return nil, oauth.Fail(oauth.Unavailable, "")
	}
	return w.clients[id], nil
}

func (w *world) Scope(in, name string) (scope.Scope, bool) {
	return scope.Scope{Name: name}, in == w.realm.Name && (name == "read" || name == "write" || name == "admin")
}

func (w *world) ReadIDToken(_ context.Context, _ *realm.Realm, raw string) (*token.IDToken, error) {
	switch raw {
	case "outage":
		return nil, oauth.Fail(oauth.Unavailable, "")
	case "of dory", "of nemo", "of other":
		id := "app"
		if raw == "of other" {
			id = "public"
		}
		return &token.IDToken{Client: id, Subject: raw[3:]}, nil
	}
	return nil, oauth.Fail(oauth.TokenMalformed, "")
}

type web struct{ *world }

func (w web) Get(_ context.Context, url string) ([]byte, error) {
	w.fetched = append(w.fetched, url)
	text, ok := w.web[url]
	if !ok {
		return nil, errors.New("no such document")
	}
	return []byte(text), nil
}

func newWorld(t testing.TB) *world {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Use: "sig", Algorithm: "ES256"}}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		tickets: newShelf(), now: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC), key: key,
		realm: &realm.Realm{Name: realm.Default, Issuer: issuer}, clients: map[string]*client.Client{}, web: map[string]string{},
	}
	for _, id := range []string{"app", "public", "keyless", "unsigned", "several", "native", "off", "nocode"} {
		w.clients[id] = &client.Client{
			Realm: realm.Default, ID: id, Type: client.Confidential, Status: client.On, Grants: []string{"authorization_code", "refresh_token"},
			Scopes: scope.Set{"openid", "profile", "offline_access", "read"}, RedirectURIs: []string{callback}, JWKS: jwks,
		}
	}
	w.clients["public"].Type = client.Public
	w.clients["keyless"].JWKS = nil
	w.clients["unsigned"].OpenID.RequestObjectAlg = "none"
	w.clients["several"].RedirectURIs = []string{callback, callback + "?a=b", "https://app.example.org/other"}
	w.clients["native"].RedirectURIs = []string{"http://127.0.0.1/cb", "com.example.app:/cb"}
	w.clients["off"].Status = client.Off
	w.clients["nocode"].Grants = []string{"password"}
	w.clients["app"].OpenID.RequestURIs = []string{"https://app.example.org/request", "https://app.example.org/kept#first"}
	w.reader = authorize.NewReader(authorize.Config{
		Clients: w, Realms: w, Fetch: web{w}, Tickets: w.tickets, IDTokens: w, Now: func() time.Time { return w.now },
		Sets: ours.New(ours.Config{Fetch: web{w}, Now: func() time.Time { return w.now }}),
	})
	return w
}

// read reads a request whose parameters are those of an ordinary one, changed by pairs. An empty value takes one away.
func (w *world) read(pairs ...string) (*authorize.Request, *authorize.Refusal) {
	p := oauth.NewParams("client_id", "app", "response_type", "code", "redirect_uri", callback, "scope", "openid", "state", "st")
	for i := 0; i < len(pairs); i += 2 {
		p.Set(pairs[i], pairs[i+1])
	}
	return w.reader.Read(context.Background(), w.realm, p, authorize.Source{})
}

// sign makes a request object.
func (w *world) sign(t testing.TB, typ string, told map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: w.key, KeyID: "k1"}}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// told is what an ordinary request object says, changed by pairs; nil takes a member away.
func told(pairs ...any) map[string]any {
	m := map[string]any{
		"iss": "app", "aud": issuer, "client_id": "app", "response_type": "code", "redirect_uri": callback, "scope": "openid", "state": "inside",
	}
	for i := 0; i < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		if pairs[i+1] == nil {
			delete(m, name)
		} else {
			m[name] = pairs[i+1]
		}
	}
	return m
}
