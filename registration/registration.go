// Package registration owns what a client says of itself when it registers over HTTP: the metadata of RFC 7591, RFC 7592 and
// OpenID Connect Dynamic Client Registration 1.0, and what they become as a client of the realm.
//
// Every member that is known has a type, and a value of another is refused in its name; so is what this server does not do and
// a client would rely on, such as encryption. Members that are not known mean nothing here, are kept and told back. What a
// client may ask for at all, the realm's policy says. It refuses redirect URIs by the kind of application, and a sector
// identifier whose document does not list them.
package registration

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"sallyport/client"
	"sallyport/jose"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
)

// MaxSize is the longest metadata document, in bytes.
const MaxSize = 64 << 10

// DefaultMax is how many clients may register themselves in a realm that says nothing of it.
const DefaultMax = 1000

// Grants are the grant types that clients may ask for in a realm.
func Grants(p realm.Registration) []string {
	if len(p.Grants) == 0 {
		return []string{"authorization_code", "refresh_token"}
	}
	return p.Grants
}

// Scopes are the scopes that clients may ask for in a realm.
func Scopes(p realm.Registration) scope.Set {
	if len(p.Scopes) == 0 {
		return scope.Set{"openid", "profile", "email", "address", "phone", "offline_access"}
	}
	return p.Scopes
}

// Metadata are what a client says of itself.
type Metadata struct{ members jose.Claims }

// Parse reads a metadata document (RFC 7591 section 2). A member that is given twice is refused.
func Parse(body []byte) (*Metadata, error) {
	if len(body) > MaxSize {
		return nil, oauth.Fail(oauth.RequestTooLarge, "")
	}
	members, err := jose.ParseClaims(body)
	if err != nil {
		e := oauth.Because(oauth.RequestMalformed, err)
		e.Code = oauth.InvalidClientMetadata
		e.Description = "The body is not one JSON object in UTF-8 in which every member is given once."
		return nil, e
	}
	for name, value := range members {
		if string(value) == "null" { // RFC 7592 section 2.2: as if it were left out
			delete(members, name)
		}
	}
	return &Metadata{members}, nil
}

// Text returns a member that is a string, "" if it is none.
func (m *Metadata) Text(name string) string { return m.members.Text(name) }

// Has reports whether there is such a member.
func (m *Metadata) Has(name string) bool { return m.members.Has(name) }

// Client makes the client that the metadata describe. Of old, the client as it was (nil: there was none), everything stays that
// a client cannot say of itself. It has no id and no secret if there was none.
func (m *Metadata) Client(r *realm.Realm, old *client.Client) (*client.Client, error) {
	c := blank(old)
	said := c.Registered
	if err := m.read(c); err != nil {
		return nil, err
	}
	for _, step := range []func(*client.Client, realm.Registration) error{m.method, m.grants, m.scopes, redirects} {
		if err := step(c, r.Registration); err != nil {
			return nil, err
		}
	}
	if c.OpenID.IDTokenAlg == "" { // OpenID Connect Registration section 2, unless the realm says otherwise
		c.OpenID.IDTokenAlg = cmpOr(r.IDTokenAlg, "RS256")
	}
	rest, err := m.rest()
	if err != nil {
		return nil, err
	}
	said.Metadata = rest
	named := *c
	if named.ID == "" {
		named.ID = "new"
	}
	named.Secrets = nil // they are dealt with once it is known what the client is to be
	if err := client.Check(&named); err != nil {
		return nil, refused(err)
	}
	return c, nil
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// blank is a client without anything that metadata say.
func blank(old *client.Client) *client.Client {
	if old == nil {
		return &client.Client{Status: client.On, Registered: &client.Registered{}}
	}
	c, said := *old, *old.Registered
	c.Registered = &said
	c.Name, c.URL, c.Grants, c.Scopes, c.RedirectURIs = "", "", nil, nil, nil
	c.AuthMethod, c.AuthAlg, c.JWKS, c.JWKSURI = "", "", nil, ""
	c.OpenID = client.OpenID{SkipConsent: old.OpenID.SkipConsent, Claims: old.OpenID.Claims, RequirePKCE: old.OpenID.RequirePKCE}
	return &c
}

// method sets the type that follows from the method (RFC 7591 section 2).
func (m *Metadata) method(c *client.Client, _ realm.Registration) error {
	if c.AuthMethod == "" {
		c.AuthMethod = client.MethodBasic
	}
	c.Type = client.Confidential
	if c.AuthMethod == client.MethodNone {
		c.Type = client.Public
	}
	return nil
}

// grants sees that grant types and response types belong together (RFC 7591 section 2.1) and are allowed.
func (m *Metadata) grants(c *client.Client, p realm.Registration) error {
	if !m.Has("grant_types") {
		c.Grants = []string{"authorization_code"}
	}
	for _, g := range c.Grants {
		if !slices.Contains(Grants(p), g) {
			return Bad("grant_types", "%s may not be asked for here; use %s", realm.Show(g), strings.Join(Grants(p), ", "))
		}
	}
	byCode := slices.Contains(c.Grants, "authorization_code")
	responses := []string{}
	if byCode {
		responses = []string{"code"}
	}
	if m.Has("response_types") {
		responses = m.members.List("response_types")
	}
	switch {
	case slices.ContainsFunc(responses, func(t string) bool { return t != "code" }):
		return Bad("response_types", "code is the only response type here; leave out the others")
	case byCode != slices.Contains(responses, "code"):
		return Bad("response_types", "code and the grant type authorization_code belong together; give both or neither")
	case byCode && len(c.RedirectURIs) == 0:
		return badRedirect("redirect_uris: is missing; the grant type authorization_code needs one at least")
	}
	return nil
}

// scopes gives the client what it asked for of what may be asked for (RFC 7591 section 2: the server may choose).
func (m *Metadata) scopes(c *client.Client, p realm.Registration) error {
	allowed := Scopes(p)
	if !m.Has("scope") {
		c.Scopes = slices.Clone(allowed)
		return nil
	}
	c.Scopes = slices.DeleteFunc(c.Scopes, func(s string) bool { return !slices.Contains(allowed, s) })
	return nil
}

// redirects holds the redirect URIs against the hosts that the realm admits.
func redirects(c *client.Client, p realm.Registration) error {
	if len(p.RedirectHosts) == 0 {
		return nil
	}
	for _, l := range []struct {
		field string
		uris  []string
	}{{"redirect_uris", c.RedirectURIs}, {"post_logout_redirect_uris", c.OpenID.PostLogoutRedirectURIs}} {
		for _, raw := range l.uris {
			u, err := url.Parse(raw)
			// What stands for a host in a scheme of one's own is nobody's: the application gets it, not that host.
			web := err == nil && (u.Scheme == "https" || u.Scheme == "http")
			if !web || u.Hostname() == "" || !p.AdmitsHost(u.Hostname()) {
				return badRedirect(fmt.Sprintf("%s: %s is not on a host that this realm admits; ask the administrator for it", l.field, realm.Show(raw)))
			}
		}
	}
	return nil
}

// Bad is the refusal of a member.
func Bad(field, format string, args ...any) *oauth.Error {
	e := oauth.Fail(oauth.MetadataBad, field)
	e.Description = shown(field + ": " + fmt.Sprintf(format, args...))
	return e
}

func badRedirect(text string) *oauth.Error {
	e := oauth.Fail(oauth.MetadataRedirect, "redirect_uris")
	e.Description = shown(text)
	return e
}

// shown writes quotes as RFC 6749 section 5.2 allows them in a description.
func shown(text string) string { return strings.ReplaceAll(text, `"`, "'") }

// refused tells in the names of the metadata what package client found.
func refused(err error) error {
	text := err.Error()
	field, rest, _ := strings.Cut(strings.TrimPrefix(text, "openid."), ": ")
	if name, ok := names()[field]; ok {
		field = name
	}
	text = field + ": " + strings.NewReplacer("auth_method", "token_endpoint_auth_method", "auth_alg", "token_endpoint_auth_signing_alg").Replace(rest)
	if field == "redirect_uris" {
		return badRedirect(text)
	}
	e := oauth.Fail(oauth.MetadataBad, field)
	e.Description = shown(text)
	return e
}

// rest is what means nothing here and is told back.
func (m *Metadata) rest() (json.RawMessage, error) {
	known := map[string]bool{}
	for _, f := range members() {
		known[f.name] = true
	}
	kept := map[string]json.RawMessage{}
	for name, value := range m.members {
		switch {
		case known[name] || isOurs(name):
		case len(name) > maxName || !realm.Printable(name):
			return nil, Bad("metadata", "a name is longer than %d bytes or cannot be printed", maxName)
		default:
			kept[name] = value
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(kept)
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxRest:
		return nil, Bad("metadata", "what is not known here has %d bytes; send at most %d", len(text), maxRest)
	}
	return text, nil
}

const (
	maxName = 100
	maxRest = 16 << 10
)

var errType = errors.New("is of another type")
