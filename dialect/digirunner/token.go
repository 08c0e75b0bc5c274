package digirunner

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"sallyport/client"
	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/token"
	"sallyport/user"
	"sallyport/web"
)

// Grant types that the product's protocol treats in a way of their own. Which ones are served is for the engine to say.
const (
	passwordGrant          = "password"
	refreshGrant           = "refresh_token"
	clientCredentialsGrant = "client_credentials"
	authorizationCodeGrant = "authorization_code"
)

// node is the name of the product's token issuing process. It is constant on the wire.
const node = "executor1"

// issued is the answer to a successful request, in wire order.
type issued struct {
	AccessToken  string `json:"access_token"`
	ExpiresIn    int64  `json:"expires_in"`
	JTI          string `json:"jti"`
	Node         string `json:"node"`
	OrgID        string `json:"org_id,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
	STime        int64  `json:"stime"`
	TokenType    string `json:"token_type"`
	Provider     string `json:"idp_type,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
}

// token serves /oauth/token.
func (f *front) token(c *call) error {
	p, err := c.params()
	if err != nil {
		return err
	}
	return f.exchange(c, p, token.ShapeDigiRunner)
}

// tokenV2 serves /oauth/v2/token: client credentials only, for tokens that name issuer and key.
func (f *front) tokenV2(c *call) error {
	p, err := c.params()
	if err != nil {
		return err
	}
	if kind, ok := p.Lookup("grant_type"); ok && !strings.EqualFold(kind, clientCredentialsGrant) {
		c.about.grant = kind
		return oauth.Fail(oauth.GrantUnsupported, kind)
	}
	return f.exchange(c, p, token.ShapeDigiRunnerV2)
}

// exchange hands the request to the pipeline. Checks 1 and 2 of the product's order are made here, the others there.
func (f *front) exchange(c *call, p oauth.Params, shape token.Shape) error {
	kind, ok := p.Lookup("grant_type")
	if !ok {
		return oauth.Fail(oauth.GrantTypeMissing, "")
	}
	c.basic = true
	creds, err := c.client(kind, p)
	if err != nil {
		return err
	}
	c.about = about{client: creds.ID, user: p.Get("username"), grant: kind, token: p.Get("refresh_token")}
	switch {
	case strings.EqualFold(kind, passwordGrant) && p.Has("password"):
		p.Set("password", userPassword(p.Get("password")))
	case strings.EqualFold(kind, refreshGrant):
		c.errors = refreshErrors
	case strings.EqualFold(kind, authorizationCodeGrant):
		c.errors, c.about.code = refreshErrors, p.Get("code")
	}
	req := grant.Request{
		Realm: c.realm, Type: kind, HasType: true, Client: creds, Params: p, Source: web.Source(c.r),
		Rules: grant.Rules{
			Dialect:    Name,
			Shape:      shape,
			Scope:      grant.ScopeIgnore,
			FoldGrant:  true,
			Secretless: []string{refreshGrant, authorizationCodeGrant},
			Access:     c.settings.access(),
			Refresh:    c.settings.refresh(),
			Issuer:     issuers(c.realm),
		},
	}
	if shape == token.ShapeDigiRunnerV2 {
		req.Rules.Issuer = origin(c.realm) + "/dgrv4/ssotoken/v2/OIDC"
	}
	got, err := f.Engine.Exchange(c.r.Context(), req)
	if err != nil {
		if strings.EqualFold(kind, authorizationCodeGrant) {
			err = f.earlierThanCode(c, creds, p, err)
		}
		return f.earlier(c, err)
	}
	writeJSON(c.w, http.StatusOK, bodyOf(got))
	return nil
}

func bodyOf(got *token.Issued) issued {
	b := issued{
		AccessToken:  got.AccessToken,
		ExpiresIn:    max(got.ExpiresIn-1, 0),
		JTI:          got.AccessID,
		Node:         node,
		RefreshToken: got.RefreshToken,
		Scope:        got.Scope.String(),
		STime:        got.StartedAt.UnixMilli(),
		TokenType:    "bearer",
		IDToken:      got.IDToken,
	}
	if got.User != nil {
		b.Provider = provided(got.AccessToken)
	}
	if got.User != nil && b.Provider == "" {
		b.OrgID = got.User.Org
	}
	return b
}

// client finds the credentials of a token request: form fields for the two grants that may have them there, otherwise
// the Basic header.
func (c *call) client(kind string, p oauth.Params) (client.Credentials, error) {
	inForm := strings.EqualFold(kind, clientCredentialsGrant) || strings.EqualFold(kind, authorizationCodeGrant)
	if strings.EqualFold(kind, clientCredentialsGrant) {
		if err := refuseAssertion(p); err != nil {
			return client.Credentials{}, err
		}
	}
	if id, ok := p.Lookup("client_id"); ok && inForm {
		return encoded(client.MethodPost, id, p.Get("client_secret")), nil
	}
	return credentials(c.r.Header.Get("Authorization"))
}

// userPassword decodes the Base64 of a user's password. A blank one stays missing.
func userPassword(s string) string {
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return secretText(s)
}

// earlier puts the product's order of checks right where the pipeline's differs: a user's status is told before a wrong
// password is (the client has proved itself by then). It also finds out what the texts about a client's dates name.
func (f *front) earlier(c *call, err error) error {
	switch reason := oauth.ReasonOf(err); reason {
	case oauth.PasswordWrong:
		u, lookup := f.Users.Get(c.r.Context(), c.realm.Name, c.about.user)
		switch {
		case lookup != nil || u == nil:
		case u.Status == user.Off:
			return oauth.Fail(oauth.UserDisabled, "")
		case u.Status == user.Locked:
			return oauth.Fail(oauth.UserLocked, "")
		}
	case oauth.ClientNotYetValid, oauth.ClientExpired:
		f.day(c, reason)
	case oauth.CodeExpired:
		at, parse := time.Parse(time.RFC3339Nano, oauth.AsError(err).Subject)
		if parse != nil { // it did not run out: what it stood for was ended
			at = c.now
		}
		c.about.when = strconv.FormatInt(at.UnixMilli(), 10) + " (" + at.UTC().Format(time.RFC3339) + ")"
	}
	return err
}

func (f *front) day(c *call, reason oauth.Reason) {
	known, err := f.Clients.Get(c.r.Context(), c.realm.Name, c.about.client)
	if err != nil || known == nil {
		return
	}
	day := known.NotBefore
	if reason == oauth.ClientExpired {
		day = known.NotAfter
	}
	c.about.day = day.UTC().Format(dayForm)
}
