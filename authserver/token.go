package authserver

import (
	"net/http"
	"strconv"

	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/web"
)

// token is the token endpoint (RFC 6749 section 3.2).
func (f *Face) token(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	p, err := form(w, r)
	if err != nil {
		return err
	}
	creds, err := credentials(r, p)
	if err != nil {
		return err
	}
	grantType := p.Get("grant_type")
	issued, err := f.engine.Exchange(r.Context(), grant.Request{
		Realm:   rl,
		Type:    grantType,
		HasType: grantType != "", // without a value it is as if left out (RFC 6749 section 3.2)
		Client:  creds,
		Params:  p,
		Source:  web.Source(r),
	})
	if err != nil {
		return err
	}
	web.WriteBody(w, http.StatusOK, "application/json", appendIssued(nil, issued))
	return nil
}

// appendIssued appends the answer of RFC 6749 section 5.1.
func appendIssued(dst []byte, t *token.Issued) []byte {
	if dst == nil {
		dst = make([]byte, 0, 160+len(t.AccessToken)+len(t.RefreshToken)+len(t.IDToken))
	}
	dst = append(dst, `{"access_token":`...)
	dst = oauth.AppendString(dst, t.AccessToken)
	dst = append(dst, `,"token_type":"Bearer","expires_in":`...)
	dst = strconv.AppendInt(dst, t.ExpiresIn, 10)
	if t.RefreshToken != "" {
		dst = append(dst, `,"refresh_token":`...)
		dst = oauth.AppendString(dst, t.RefreshToken)
	}
	if t.IDToken != "" { // OpenID Connect Core section 3.1.3.3
		dst = append(dst, `,"id_token":`...)
		dst = oauth.AppendString(dst, t.IDToken)
	}
	if len(t.Scope) > 0 { // the grammar of scope has no empty value
		dst = append(dst, `,"scope":`...)
		dst = oauth.AppendSpaced(dst, t.Scope)
	}
	return append(dst, '}')
}
