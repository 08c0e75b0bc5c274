package bearer

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/maypok86/otter/v2"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/token"
)

const (
	longestForeign = 16 << 10
	seenSize       = 50_000
	seenFor        = 5 * time.Minute // then a token is verified anew, by the keys there are then
)

// A Fetcher gets documents from other servers: fetch.Fetcher.
type Fetcher interface {
	Get(ctx context.Context, url string) ([]byte, error)
}

// Issuers verify the tokens of issuers that a realm trusts. A token is verified once and then remembered for a while, as
// long as neither the realm nor the client that it acts as changes.
type Issuers struct {
	fetch   Fetcher
	clients policy.Clients
	now     func() time.Time
	seen    *otter.Cache[[32]byte, *foreign]

	mu   sync.Mutex // guards sets
	sets map[string]*keySet
}

// A foreign is a token of another issuer that verified.
type foreign struct {
	access *token.Access
	realm  *realm.Realm   // as it was then
	client *client.Client // likewise; nil: there is none
	until  time.Time      // when it is to be verified anew
}

// NewIssuers returns a verifier. Fetch gets the issuers' keys.
func NewIssuers(fetch Fetcher, clients policy.Clients, now func() time.Time) *Issuers {
	return &Issuers{
		fetch: fetch, clients: clients, now: now, sets: map[string]*keySet{},
		seen: otter.Must(&otter.Options[[32]byte, *foreign]{MaximumSize: seenSize}),
	}
}

// verify returns what a token says that claims to be of an issuer which the realm trusts. Ours is false if it does not
// claim that; then it is for others to judge. What claims to be the realm's own is never taken by another's key.
func (s *Issuers) verify(ctx context.Context, r *realm.Realm, raw string) (a *token.Access, ours bool, err error) {
	if len(raw) > longestForeign || strings.Count(raw, ".") != 2 {
		return nil, false, nil
	}
	k := keyOf(r.Name, raw)
	now := s.now()
	if f, ok := s.seen.GetIfPresent(k); ok && f.realm == r && now.Before(f.until) {
		c, err := s.clients.Get(ctx, r.Name, f.access.Client)
		if err != nil {
			return nil, true, err
		}
		if c == f.client {
			return f.access, true, nil
		}
	}
	claims, err := peek(raw)
	if err != nil {
		return nil, false, nil
	}
	issuer := claims.text("iss")
	trusted := find(r, issuer)
	if trusted == nil {
		return nil, false, nil
	}
	f, err := s.read(ctx, r, trusted, raw, now)
	if err != nil {
		return nil, true, err
	}
	s.seen.Set(k, f)
	return f.access, true, nil
}

// keyOf is what a token is remembered by.
func keyOf(realm, raw string) [32]byte {
	var room [2048]byte // enough for most tokens; a longer one goes to the heap
	b := append(room[:0], realm...)
	b = append(b, 0)
	return sha256.Sum256(append(b, raw...))
}

func find(r *realm.Realm, issuer string) *realm.TrustedIssuer {
	if issuer == r.Issuer {
		return nil
	}
	for i := range r.TrustedIssuers {
		if t := &r.TrustedIssuers[i]; t.Issuer == issuer {
			return t
		}
	}
	return nil
}

// peek reads the claims of a token that nobody has verified.
func peek(raw string) (claims, error) {
	_, rest, _ := strings.Cut(raw, ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil, err
	}
	var c claims
	err = json.Unmarshal(text, &c)
	return c, err
}

// read verifies a token (RFC 9068 section 4, as far as those go that do not follow it to the letter).
func (s *Issuers) read(ctx context.Context, r *realm.Realm, t *realm.TrustedIssuer, raw string, now time.Time) (*foreign, error) {
	verified, err := s.signed(ctx, t, raw)
	if err != nil {
		return nil, err
	}
	a, err := verified.access(t, now)
	if err != nil {
		return nil, err
	}
	a.Realm = r.Name
	f := &foreign{access: a, realm: r, until: now.Add(seenFor)}
	if a.ExpiresAt.Before(f.until) {
		f.until = a.ExpiresAt
	}
	if f.client, err = s.clients.Get(ctx, r.Name, a.Client); err != nil {
		return nil, err
	}
	// It acts as a client of ours, and can do no more than that client could.
	switch {
	case f.client == nil:
		a.Scope = nil
	case r.AllScope == "" || !f.client.Scopes.Has(r.AllScope):
		a.Scope = a.Scope.Intersect(f.client.Scopes)
	}
	return f, nil
}

// signed returns the claims of a token whose signature is right.
func (s *Issuers) signed(ctx context.Context, t *realm.TrustedIssuer, raw string) (claims, error) {
	algs := t.Algs
	if len(algs) == 0 {
		algs = realm.DefaultForeignAlgs()
	}
	allowed := make([]jose.SignatureAlgorithm, len(algs))
	for i, a := range algs {
		allowed[i] = jose.SignatureAlgorithm(a)
	}
	// RFC 8725 section 3.1: only what was agreed beforehand; "none" and MACs cannot be.
	jws, err := jose.ParseSignedCompact(raw, allowed)
	if err != nil {
		return nil, bad("it is no JWT signed by one of %v", algs)
	}
	header := jws.Signatures[0].Protected
	if typ, _ := header.ExtraHeaders[jose.HeaderType].(string); !isAccessTokenType(typ) {
		return nil, bad("its typ is not that of an access token")
	}
	// Keys are found by what the administrator wrote down. What the token says of them (jku, jwk, x5u, x5c) is not looked at.
	keys, err := s.set(t).find(ctx, s, header.KeyID, header.Algorithm)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		payload, err := jws.Verify(keys[i].Key)
		if err != nil {
			continue
		}
		var c claims
		if json.Unmarshal(payload, &c) != nil || c.text("iss") != t.Issuer {
			return nil, bad("its claims cannot be read")
		}
		return c, nil
	}
	return nil, bad("its signature is made by none of the %d keys of %s that could be meant", len(keys), t.Issuer)
}

// isAccessTokenType keeps tokens of other kinds out (RFC 8725 section 3.11). Many issuers give theirs no type of its own.
func isAccessTokenType(typ string) bool {
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "", "jwt", "at+jwt":
		return true
	}
	return false
}

// bad refuses a token. Why is for the record alone.
func bad(format string, args ...any) error {
	return oauth.Because(oauth.TokenMalformed, fmt.Errorf("another issuer's token: "+format, args...))
}

var errNoKeys = errors.New("the keys of another issuer could not be fetched")
