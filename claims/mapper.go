package claims

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"sallyport/client"
	"sallyport/expression"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/user"
)

// Config is what a Mapper works with.
type Config struct {
	// Key makes a key that stays the same for as long as the deployment does; key.Master.Derive does.
	Key func(purpose, realm string) ([32]byte, error)
	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.Default()
}

// A Mapper says what a client is told about a user.
type Mapper struct {
	key func(purpose, realm string) ([32]byte, error)
	now func() time.Time
	log *slog.Logger

	mu       sync.Mutex
	compiled map[string]*compiled // by source; guarded by mu
}

type compiled struct {
	claim *expression.Claim
	err   error
}

// New returns a Mapper.
func New(c Config) *Mapper {
	m := &Mapper{key: c.Key, now: c.Now, log: c.Log, compiled: map[string]*compiled{}}
	if m.now == nil {
		m.now = time.Now
	}
	if m.log == nil {
		m.log = slog.Default()
	}
	return m
}

// Pairwise reports whether the client knows users by names that nobody else knows them by (OpenID Connect Core section 8).
func Pairwise(c *client.Client) bool { return c.OpenID.SubjectType == "pairwise" }

// Subject is `sub` of a user to a client: the user's name, or for a pairwise client a name that follows from the sector, the
// user and a key of the deployment, and from which neither can be found (OpenID Connect Core section 8.1).
func (m *Mapper) Subject(r *realm.Realm, c *client.Client, userName string) (string, error) {
	if !Pairwise(c) {
		return userName, nil
	}
	return m.pairwise("pairwise subject", r, c, userName)
}

// Session is `sid` of a session to a client: its public name, or for a pairwise client a name of the sector's own. By the public
// one clients of two sectors could tell that the two names of a user who is signed in at both are those of one.
func (m *Mapper) Session(r *realm.Realm, c *client.Client, sid string) (string, error) {
	if sid == "" || !Pairwise(c) {
		return sid, nil
	}
	return m.pairwise("pairwise session", r, c, sid)
}

func (m *Mapper) pairwise(purpose string, r *realm.Realm, c *client.Client, name string) (string, error) {
	sector, err := sectorOf(c)
	if err != nil {
		return "", fmt.Errorf("client %q: %w", c.ID, err)
	}
	if m.key == nil {
		return "", errors.New("there is no key that pairwise subjects could be made with")
	}
	k, err := m.key(purpose, r.Name)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte(sector)) // a host name has no NUL
	mac.Write([]byte{0})
	mac.Write([]byte(name))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// sectorOf is the sector of a client: the host of sector_identifier_uri, or the one host of its redirect URIs.
func sectorOf(c *client.Client) (string, error) {
	if c.OpenID.SectorIdentifierURI != "" {
		host := hostOf(c.OpenID.SectorIdentifierURI)
		if host == "" {
			return "", errors.New("openid.sector_identifier_uri names no host")
		}
		return host, nil
	}
	var sector string
	for i, uri := range c.RedirectURIs {
		host := hostOf(uri)
		if host == "" || i > 0 && host != sector {
			return "", errors.New("its redirect_uris have several hosts or none, so its subjects can be pairwise only with a sector_identifier_uri")
		}
		sector = host
	}
	if sector == "" {
		return "", errors.New("it has no redirect_uris, so its subjects can be pairwise only with a sector_identifier_uri")
	}
	return sector, nil
}

// hostOf is the host that a URI of the web leads to. In another scheme whoever made the application chose what stands for one,
// and could learn the subjects of any host.
func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// UserInfo is what UserInfo tells (OpenID Connect Core section 5.3.2): `sub`, the claims of the scopes, those that were asked
// for by name, and what the client has mapped. Locales are those of claims_locales.
func (m *Mapper) UserInfo(ctx context.Context, r *realm.Realm, c *client.Client, u *user.User, scopes scope.Set, names, locales []string) (map[string]any, error) {
	sub, err := m.Subject(r, c, u.Name)
	if err != nil {
		return nil, err
	}
	asked := slices.Clone(names)
	for _, s := range scopes {
		asked = append(asked, ofScope[s]...)
	}
	told := tell(u, asked, locales)
	m.mapped(ctx, r, c, u, scopes, told)
	told["sub"] = sub
	return told, nil
}

// IDToken is what an ID token says of the user beside `sub`: what was asked for by name, and what the client has mapped. The
// claims of scopes are told at UserInfo, as there is always an access token to ask it with (OpenID Connect Core section 5.4).
func (m *Mapper) IDToken(ctx context.Context, r *realm.Realm, c *client.Client, u *user.User, scopes scope.Set, names, locales []string) (map[string]any, error) {
	told := tell(u, names, locales)
	m.mapped(ctx, r, c, u, scopes, told)
	return told, nil
}

// mapped adds what the client's expressions make. One that fails is left out: a missing claim is what the client has to
// reckon with anyway (OpenID Connect Core section 5.3.2), and nobody is locked out.
func (m *Mapper) mapped(ctx context.Context, r *realm.Realm, c *client.Client, u *user.User, scopes scope.Set, told map[string]any) {
	if len(c.OpenID.Claims) == 0 {
		return
	}
	about := expression.Subject{User: describe(u), Client: map[string]any{"id": c.ID, "name": c.Name}, Scopes: scopes}
	for name, source := range c.OpenID.Claims {
		if client.OwnClaim(name) {
			continue
		}
		e, err := m.compile(source)
		var value any
		if err == nil {
			value, err = e.Value(about)
		}
		switch {
		case err != nil:
			m.log.WarnContext(ctx, "a claim could not be made; it is left out", "realm", r.Name, "client", c.ID, "claim", name, "error", err)
			delete(told, name)
		case value == nil:
			delete(told, name)
		default:
			told[name] = value
		}
	}
}

// mostCompiled bounds the expressions that are remembered. Clients that register themselves have none.
const mostCompiled = 1024

func (m *Mapper) compile(source string) (*expression.Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.compiled[source]; e != nil {
		return e.claim, e.err
	}
	e := &compiled{}
	e.claim, e.err = expression.CompileClaim(source)
	if len(m.compiled) >= mostCompiled {
		clear(m.compiled)
	}
	m.compiled[source] = e
	return e.claim, e.err
}
