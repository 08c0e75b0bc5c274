package bearer

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"sallyport/client"
	"sallyport/jose"
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
	sets    *jose.Sets
	clients policy.Clients
	now     func() time.Time
	seen    *otter.Cache[[32]byte, *foreign]
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
		sets: jose.New(jose.Config{Fetch: fetch, Now: now}), clients: clients, now: now,
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
	trusted := find(r, issuer(raw))
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

// issuer is whom a token claims to be from, which nobody has verified. It is asked of the realm's own tokens as well, so it
// looks no closer than it must.
func issuer(raw string) string {
	_, rest, _ := strings.Cut(raw, ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var c jose.Claims
	if json.Unmarshal(text, &c) != nil {
		return ""
	}
	return c.Text("iss")
}

// read verifies a token (RFC 9068 section 4, as far as those go that do not follow it to the letter).
func (s *Issuers) read(ctx context.Context, r *realm.Realm, t *realm.TrustedIssuer, raw string, now time.Time) (*foreign, error) {
	said, err := s.signed(ctx, t, raw)
	if err != nil {
		return nil, err
	}
	a, err := access(said, t, now)
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
func (s *Issuers) signed(ctx context.Context, t *realm.TrustedIssuer, raw string) (jose.Claims, error) {
	algs := t.Algs
	if len(algs) == 0 {
		algs = realm.DefaultForeignAlgs()
	}
	// Keys are found by what the administrator wrote down.
	verified, err := s.sets.Verify(ctx, jose.Source{Issuer: t.Issuer, URI: t.JWKSURI}, algs, raw)
	switch {
	case errors.Is(err, jose.ErrKeys):
		return nil, oauth.Because(oauth.Unavailable, err)
	case err != nil:
		return nil, bad("%w", err)
	case verified.Unsigned: // which a list of algorithms cannot have agreed to
		return nil, bad("it is not signed")
	case !isAccessTokenType(verified.Type):
		return nil, bad("its typ is not that of an access token")
	}
	c, err := jose.ParseClaims(verified.Payload)
	if err != nil || c.Text("iss") != t.Issuer {
		return nil, bad("its claims cannot be read")
	}
	return c, nil
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
