package digirunner

import (
	"net/http"
	"strings"
	"time"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/token"
	"sallyport/web"
)

// Values of token_type_hint.
const (
	accessHint  = "access_token"
	refreshHint = "refresh_token"
)

// inspected is the answer of introspection, in wire order. Unlike RFC 7662 section 2.2 it has all its fields always, those
// of a token that is over too; what is unknown is null.
type inspected struct {
	Active    bool    `json:"active"`
	Scope     *string `json:"scope"`
	ClientID  *string `json:"client_id"`
	Username  *string `json:"username"`
	TokenType *string `json:"token_type"`
	Expires   *int64  `json:"exp"`
	IssuedAt  *int64  `json:"iat"`
	NotBefore *int64  `json:"nbf"`
	Subject   *string `json:"sub"`
	Audience  *string `json:"aud"`
	Issuer    *string `json:"iss"`
	ID        *string `json:"jti"`
}

// A subject is a token that introspection or revocation is about: exactly one of access and refresh is set.
type subject struct {
	hint    string
	access  *token.Access
	refresh *token.Presented
	state   token.State
}

func (s subject) id() string {
	if s.access != nil {
		return s.access.ID
	}
	return s.refresh.ID
}

// introspect serves /oauth/introspection.
func (f *front) introspect(c *call) error {
	s, err := f.subject(c)
	if err != nil {
		return err
	}
	answer := describe(s, peek(c.about.token))
	answer.Active = s.state == token.Active
	answer.TokenType = text(s.hint)
	answer.Issuer = text(origin(c.realm) + "/dgrv4")
	if provider := provided(c.about.token); provider != "" {
		answer.Issuer = text(issuers(c.realm) + "/" + provider)
	}
	answer.ID = text(s.id())
	if answer.Subject != nil {
		u, err := f.Users.Get(c.r.Context(), c.realm.Name, *answer.Subject)
		if err != nil {
			return err
		}
		if u != nil {
			answer.Username = text(u.Alias)
		}
	}
	writeJSON(c.w, http.StatusOK, answer)
	return nil
}

// describe fills in what the token itself tells; said is the payload of a refresh token that verified.
func describe(s subject, said claims) inspected {
	if a := s.access; a != nil {
		return inspected{
			Scope: some(a.Scope.String()), ClientID: text(a.Client), Subject: text(a.User), Audience: text(audience(a.Audience)),
			Expires: seconds(a.ExpiresAt), IssuedAt: seconds(a.IssuedAt), NotBefore: seconds(a.IssuedAt),
		}
	}
	answer := inspected{Audience: text(audience(said.Audience))}
	if fam := s.refresh.Family; fam != nil {
		answer.Scope, answer.ClientID, answer.Subject = some(fam.Scope.String()), text(fam.Client), text(fam.User)
		answer.Expires, answer.IssuedAt = seconds(fam.ExpiresAt), seconds(fam.RotatedAt)
	}
	if said.IssuedAt != 0 {
		answer.IssuedAt = some(said.IssuedAt)
	}
	answer.NotBefore = answer.IssuedAt
	return answer
}

// subject reads and checks a request of introspection or revocation, in the product's order: hint, client, token.
func (f *front) subject(c *call) (s subject, err error) {
	p, err := c.form()
	if err != nil {
		return s, err
	}
	s.hint = strings.ToLower(p.Get("token_type_hint"))
	c.about.hint, c.about.client, c.about.token = p.Get("token_type_hint"), p.Get("client_id"), p.Get("token")
	if s.hint != accessHint && s.hint != refreshHint {
		return s, oauth.Fail(oauth.TokenTypeUnknown, "")
	}
	owner, err := f.owner(c, p.Get("client_id"), p.Get("client_secret"))
	if err != nil {
		return s, err
	}
	raw, ok := p.Lookup("token")
	switch {
	case !ok:
		return s, oauth.Fail(oauth.TokenMissing, "")
	case raw == "":
		return s, oauth.Fail(oauth.ParameterMissing, "token")
	}
	belongs := ""
	if s.hint == accessHint {
		if s.access, s.state, err = f.Tokens.Inspect(c.r.Context(), c.realm, raw); err == nil {
			belongs = s.access.Client
		}
	} else {
		if s.refresh, s.state, err = f.Tokens.InspectDigiRefresh(c.r.Context(), c.realm, raw, c.settings.refresh()); err == nil && s.refresh.Family != nil {
			belongs = s.refresh.Family.Client
		}
	}
	switch {
	case oauth.ReasonOf(err) == oauth.RefreshUnknown:
		return s, oauth.Fail(oauth.TokenMalformed, "")
	case err != nil:
		return s, err
	case belongs != owner.ID:
		return s, oauth.Fail(oauth.TokenWrongClient, "")
	}
	return s, nil
}

// owner authenticates the client of such a request. Its secret comes as it is, not in Base64; a client with the word
// "public" among its grants need not send one.
func (f *front) owner(c *call, id, secret string) (*client.Client, error) {
	creds := client.Credentials{Method: client.MethodNone, ID: id, Secret: secret, HasSecret: secret != ""}
	if creds.HasSecret {
		creds.Method = client.MethodPost
	}
	if strings.TrimSpace(id) == "" {
		creds.ID = ""
	}
	owner, _, err := f.Engine.Authenticate(c.r.Context(), c.realm, creds, web.Source(c.r), Name)
	switch reason := oauth.ReasonOf(err); reason {
	case oauth.ClientNotYetValid, oauth.ClientExpired:
		f.day(c, reason)
	}
	return owner, err
}

// audience is "aud" as one text, its members separated by commas, which is how the product keeps them.
func audience(members []string) string { return strings.Join(members, ",") }

func some[T any](v T) *T { return &v }

// text is s, or null for none.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// seconds is t in seconds since 1970, or null for none.
func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return some(t.Unix())
}
