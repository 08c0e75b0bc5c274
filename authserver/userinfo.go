package authserver

import (
	"errors"
	"net/http"
	"strings"

	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/user"
	"sallyport/web"
)

const scopeOpenID = "openid"

// userinfo is the UserInfo endpoint (OpenID Connect Core section 5.3): what the user of an access token with the scope openid is
// told to be, as JSON, or as a JWT signed for the client if it registered for that. Pages of any origin may ask, since the token
// alone decides and no cookie is looked at.
func (f *Face) userinfo(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	h.Set("Access-Control-Expose-Headers", "WWW-Authenticate")
	if err := web.Allow(w, r, http.MethodGet, http.MethodPost, http.MethodOptions); err != nil {
		return err
	}
	err := f.tell(w, r, rl)
	if e := oauth.AsError(err); e != nil && e.Code != oauth.ServerError && e.Code != oauth.TemporarilyDown {
		scope := ""
		if e.Code == oauth.InsufficientScope {
			scope = scopeOpenID
		}
		web.WriteBearerError(w, e, rl.Name, scope)
		return nil
	}
	return err
}

func (f *Face) tell(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	raw, err := bearer(w, r)
	if err != nil {
		return err
	}
	a, err := f.tokens.Verify(r.Context(), rl, raw)
	switch {
	case err != nil:
		return err
	case a.User == "":
		return oauth.Because(oauth.TokenMalformed, errors.New("no user stands behind the token"))
	case !a.Scope.Has(scopeOpenID):
		return oauth.Fail(oauth.ScopeMissing, scopeOpenID)
	}
	return f.tellOf(w, r, rl, a)
}

func (f *Face) tellOf(w http.ResponseWriter, r *http.Request, rl *realm.Realm, a *token.Access) error {
	ctx := r.Context()
	c, err := f.clients.Get(ctx, rl.Name, a.Client)
	if err != nil {
		return err
	}
	u, err := f.users.Get(ctx, rl.Name, a.User)
	switch {
	case err != nil:
		return err
	case c == nil || c.Unfit(f.now()) != "" || u == nil || u.Status != user.On:
		return oauth.Fail(oauth.TokenRevoked, a.ID)
	}
	var names []string
	if a.SignIn != nil {
		names = a.SignIn.UserInfo
	}
	told, err := f.claims.UserInfo(ctx, rl, c, u, a.Scope, names, nil)
	if err != nil {
		return err
	}
	if c.OpenID.UserInfoAlg == "" {
		web.WriteJSON(w, http.StatusOK, told)
		return nil
	}
	text, err := f.tokens.SignJWT(ctx, rl, c, c.OpenID.UserInfoAlg, "JWT", told)
	if err != nil {
		return err
	}
	web.WriteBody(w, http.StatusOK, "application/jwt", []byte(text))
	return nil
}

// bearer reads the access token from the Authorization field or, of a POST, from a form (RFC 6750 sections 2.1 and 2.2); never
// from the address, where it would end up in logs (section 2.3, RFC 9700 section 4.3.2). Two tokens are a refusal.
func bearer(w http.ResponseWriter, r *http.Request) (string, error) {
	raw := ""
	switch fields := r.Header.Values("Authorization"); {
	case len(fields) > 1:
		return "", badRequest("The Authorization header is there more than once. Send one.")
	case len(fields) == 1:
		scheme, rest, _ := strings.Cut(fields[0], " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", badRequest("The Authorization header holds no access token. Send \"Bearer\", a space and the token.")
		}
		if raw = strings.Trim(rest, " "); raw == "" {
			return "", badRequest("The Authorization header holds no access token. Send \"Bearer\", a space and the token.")
		}
	}
	if r.Method == http.MethodPost && web.MediaType(r) == "application/x-www-form-urlencoded" {
		p, err := web.ReadForm(w, r)
		if err != nil {
			return "", err
		}
		if name := p.Duplicate(); name != "" {
			return "", web.Duplicated(name)
		}
		if sent := p.Get("access_token"); sent != "" {
			if raw != "" {
				return "", badRequest("There is an access token in the header and another in the body. Send one.")
			}
			raw = sent
		}
	}
	if raw == "" {
		return "", oauth.Fail(oauth.TokenMissing, "")
	}
	return raw, nil
}

func badRequest(description string) *oauth.Error {
	e := oauth.Fail(oauth.RequestMalformed, "")
	e.Description = description
	return e
}
