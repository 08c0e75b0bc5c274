package kustvakt

import (
	"net/http"
	"strconv"
	"strings"

	"sallyport/client"
	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/web"
)

// The grants whose parameters this door looks at itself.
const (
	password          = "password"
	refreshToken      = "refresh_token"
	clientCredentials = "client_credentials"
)

// token is the token endpoint. The product parses the whole request before it believes any of it, so an unreadable header,
// a grant that does not exist and a missing parameter are told before a wrong secret is.
func (k *Kustvakt) token(w http.ResponseWriter, c call) error {
	creds, err := credentials(c.Request, c.params)
	if err != nil {
		return words(tokenRows, err)
	}
	grantType := c.params.Get("grant_type")
	if err := k.parse(grantType, creds, c.params); err != nil {
		return words(tokenRows, err)
	}
	rules := grant.Rules{
		Dialect:            Name,
		Separators:         " ,",
		TrustedOnly:        []string{password},
		RefreshAny:         true,
		NoRefreshForPublic: true,
		EndAccess:          true,
		BareCode:           true, // its clients are older than PKCE; a code has a realm's or client's own demands to meet
		Access:             realm.AccessToken{Format: realm.Reference, TTL: accessTTL},
		Refresh:            realm.RefreshToken{TTL: refreshTTL, Rotate: new(true)},
	}
	if asked, ok := c.params.Lookup("scope"); ok {
		c.params.Set("scope", strings.ToLower(asked)) // that product's scopes have small letters, however they are asked for
	}
	if grantType == authorizationCode {
		c.params.Set("scope", "") // it is the code's
		if rules.Access.TTL, err = k.codeLife(c.Context(), c.realm, creds.ID); err != nil {
			return words(tokenRows, err)
		}
	}
	if grantType == clientCredentials {
		rules.Scope, rules.ScopeLimit = grant.ScopeReduce, clientCredentialsLimit(c.realm)
	}
	issued, err := k.engine.Exchange(c.Context(), grant.Request{
		Realm:   c.realm,
		Type:    grantType,
		HasType: true,
		Client:  creds,
		Params:  c.params,
		Source:  web.Source(c.Request),
		Rules:   rules,
	})
	if err != nil && grantType == authorizationCode {
		return k.codeRefusal(c, oauth.AsError(err))
	}
	if err != nil {
		return tokenRefusal(grantType, creds.ID, c.params, err)
	}
	w.Header().Set("Pragma", "no-store")
	web.WriteBody(w, http.StatusOK, jsonType, appendIssued(issued))
	return nil
}

// credentials reads how the client presents itself. A header wins over the body (a differing client_id there is ignored),
// and its halves are form-encoded (RFC 6749 section 2.3.1). An empty secret is none.
func credentials(r *http.Request, p oauth.Params) (client.Credentials, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		secret := p.Get("client_secret")
		creds := client.Credentials{Method: client.MethodNone, ID: p.Get("client_id"), Secret: secret, HasSecret: secret != ""}
		if creds.HasSecret {
			creds.Method = client.MethodPost
		}
		return creds, nil
	}
	payload, basic := oauth.BasicPayload(header)
	if !basic {
		return client.Credentials{}, oauth.Fail(oauth.ClientAuthScheme, "")
	}
	id, secret, err := oauth.ParseBasicForm(payload)
	if err != nil {
		return client.Credentials{}, err
	}
	return client.Credentials{Method: client.MethodBasic, ID: id, Secret: secret, HasSecret: secret != ""}, nil
}

// parse checks what the product checks before it looks at the client.
func (k *Kustvakt) parse(grantType string, creds client.Credentials, p oauth.Params) error {
	switch {
	case grantType == "":
		return oauth.Fail(oauth.GrantTypeMissing, "")
	case !k.engine.Serves(grantType):
		return oauth.Fail(oauth.GrantUnsupported, grantType)
	case creds.ID == "":
		return oauth.Fail(oauth.ClientMissing, "")
	case grantType == clientCredentials && creds.Method != client.MethodBasic && !p.Has("client_secret"):
		return oauth.Fail(oauth.ClientAuthMissing, "")
	case grantType == clientCredentials && !creds.HasSecret:
		return oauth.Fail(oauth.SecretMissing, "")
	case grantType == password && p.Get("username") == "":
		return oauth.Fail(oauth.UsernameMissing, "")
	case grantType == password && p.Get("password") == "":
		return oauth.Fail(oauth.PasswordMissing, "")
	case grantType == authorizationCode && p.Get("code") == "":
		return oauth.Fail(oauth.CodeMissing, "")
	case grantType == refreshToken && p.Get("refresh_token") == "":
		return oauth.Fail(oauth.RefreshMissing, "")
	}
	return nil
}

// tokenRefusal tells why there is no token. A user who may not sign in is told in the product's own shape.
func tokenRefusal(grantType, id string, p oauth.Params, err error) error {
	e := oauth.AsError(err)
	if grantType == password {
		if e.Reason == oauth.GrantNotAllowed {
			return words(tokenRows, oauth.Fail(oauth.GrantTrustedOnly, grantType))
		}
		if n, ok := ldap[e.Reason]; ok {
			return n.of(e, clipped(p.Get("username")))
		}
	}
	if e.Reason == oauth.ClientUnknown {
		return words(tokenRows, oauth.Fail(oauth.ClientUnknown, id))
	}
	return words(tokenRows, e)
}

// appendIssued writes the product's answer, in its order.
func appendIssued(t *token.Issued) []byte {
	dst := make([]byte, 0, 160+len(t.AccessToken)+len(t.RefreshToken))
	dst = append(dst, `{"access_token":`...)
	dst = oauth.AppendString(dst, t.AccessToken)
	if t.RefreshToken != "" {
		dst = append(dst, `,"refresh_token":`...)
		dst = oauth.AppendString(dst, t.RefreshToken)
	}
	dst = append(dst, `,"scope":`...)
	dst = oauth.AppendSpaced(dst, t.Scope)
	dst = append(dst, `,"token_type":"Bearer","expires_in":`...)
	dst = strconv.AppendInt(dst, t.ExpiresIn, 10)
	return append(dst, '}')
}
