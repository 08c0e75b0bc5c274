package digirunner

import (
	"net/http"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/token"
	"sallyport/user"
)

// told is what is told of a user, in wire order.
type told struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	Client  string `json:"aud"`
	Expires int64  `json:"exp"`
	Issued  int64  `json:"iat"`
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
	Picture string `json:"picture,omitempty"`
}

// hintErrors are the answers about an ID token in a form.
var hintErrors = table{
	oauth.ParameterMissing: {400, e2, "invalid_request", "{text}"},
	oauth.TokenMalformed:   {403, e2, forbidden, "The id_token is not one of this server's"},
	oauth.TokenExpired:     {403, e2, forbidden, "The id_token has expired"},
}

// userinfo serves /dgrv4/ssotoken/gtwidp/v2/userInfo: of whom an access token is, as far as its scopes go. It must be one for which
// somebody signed in on a page.
func (f *front) userinfo(c *call) error {
	raw := bearer(c.r.Header.Get("Authorization"))
	c.about.token = raw
	if raw == "" {
		return f.challenged(c, oauth.Fail(oauth.TokenMissing, ""))
	}
	ctx := c.r.Context()
	a, err := f.Tokens.Verify(ctx, c.realm, raw)
	if err != nil {
		return f.challenged(c, oauth.AsError(err))
	}
	provider := provided(raw)
	if a.Shape != token.ShapeDigiRunner || a.User == "" || provider == "" {
		return f.challenged(c, oauth.Fail(oauth.ScopeMissing, "openid"))
	}
	owner, err := f.Clients.Get(ctx, c.realm.Name, a.Client)
	if err != nil {
		return err
	}
	u, err := f.Users.Get(ctx, c.realm.Name, a.User)
	switch {
	case err != nil:
		return err
	case owner == nil || u == nil || u.Status != user.On:
		return f.challenged(c, oauth.Fail(oauth.TokenRevoked, a.ID))
	}
	names, err := f.Claims.IDToken(ctx, c.realm, owner, u, a.Scope, token.DigiClaims(a.Scope), nil)
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, told{
		Issuer: issuers(c.realm) + "/" + provider, Subject: u.Name, Client: a.Client, Expires: a.ExpiresAt.Unix(), Issued: a.IssuedAt.Unix(),
		Name: textOf(names["name"]), Email: textOf(names["email"]), Picture: textOf(names["picture"]),
	})
	return nil
}

// challenged adds what RFC 6750 section 3 wants said of a token.
func (f *front) challenged(c *call, e *oauth.Error) error {
	if a := c.errors.lookup(e.Reason); a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
		challenge(c.w.Header(), c.realm, &policy.Refusal{Challenge: e.Code})
	}
	return e
}

// describeHint serves the two older ways, which read an ID token from a form. The product looks at its signature in one of them;
// here it is looked at in both.
func (f *front) describeHint(c *call) error {
	p, err := c.form()
	if err != nil {
		return err
	}
	raw := p.Get("id_token")
	if raw == "" {
		return absent("id_token")
	}
	t, err := f.Tokens.ReadDigiIDToken(c.r.Context(), c.realm, issuers(c.realm), raw)
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, told{
		Issuer: t.Issuer, Subject: t.Subject, Client: t.Client, Expires: t.Expires, Issued: t.Issued,
		Name: textOf(t.Claims["name"]), Email: textOf(t.Claims["email"]), Picture: textOf(t.Claims["picture"]),
	})
	return nil
}

func textOf(v any) string {
	s, _ := v.(string)
	return s
}
