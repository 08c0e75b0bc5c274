package ddi

import (
	"net/http"
	"strconv"

	"sallyport/client"
	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/web"
)

const clientCredentials = "client_credentials"

// serve is the token endpoint.
func (d *DDI) serve(w http.ResponseWriter, r *http.Request) {
	rl := realm.FromContext(r.Context())
	if rl == nil {
		web.WriteError(w, oauth.Fail(oauth.RealmUnknown, ""), realm.Default)
		return
	}
	issued, err := d.issue(w, r, rl)
	if err != nil {
		e := oauth.AsError(err)
		if e.Code == oauth.ServerError || e.Reason == oauth.Unavailable {
			d.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "realm", rl.Name, "reason", e.Reason, "err", e.Err)
		}
		web.WriteError(w, e, rl.Name)
		return
	}
	web.WriteBody(w, http.StatusOK, "application/json", appendIssued(issued))
}

func (d *DDI) issue(w http.ResponseWriter, r *http.Request, rl *realm.Realm) (*token.Issued, error) {
	if err := web.Allow(w, r, http.MethodPost); err != nil {
		return nil, err
	}
	p, err := read(w, r)
	if err != nil {
		return nil, err
	}
	if name := p.Duplicate(); name != "" {
		return nil, web.Duplicated(name)
	}
	grantType := p.Get("grant_type")
	if grantType != "" && grantType != clientCredentials {
		return nil, oauth.Fail(oauth.GrantUnsupported, grantType)
	}
	creds, err := credentials(r, p)
	if err != nil {
		return nil, err
	}
	return d.engine.Exchange(r.Context(), grant.Request{
		Realm:   rl,
		Type:    grantType,
		HasType: grantType != "",
		Client:  creds,
		Params:  p,
		Source:  web.Source(r),
		Rules: grant.Rules{
			Dialect: Name,
			Access:  realm.AccessToken{Format: realm.Reference, TTL: lifetime},
		},
	})
}

// credentials takes the pair from the body, and from a Basic header if the body names no client: the product does not
// document Basic, but RFC 6749 section 2.3.1 has every server take it. A Bearer header is ignored, because the product's page
// wants one even on the call that asks for the first token.
func credentials(r *http.Request, p oauth.Params) (client.Credentials, error) {
	id := p.Get("client_id")
	payload, basic := oauth.BasicPayload(r.Header.Get("Authorization"))
	if id != "" || !basic {
		secret := p.Get("client_secret")
		return client.Credentials{Method: client.MethodPost, ID: id, Secret: secret, HasSecret: secret != ""}, nil
	}
	id, secret, err := oauth.ParseBasicForm(payload)
	if err != nil {
		return client.Credentials{}, err
	}
	return client.Credentials{Method: client.MethodBasic, ID: id, Secret: secret, HasSecret: true}, nil
}

// appendIssued writes the four members of the product's answer, in its order.
func appendIssued(t *token.Issued) []byte {
	dst := make([]byte, 0, 128+len(t.AccessToken))
	dst = append(dst, `{"access_token":`...)
	dst = oauth.AppendString(dst, t.AccessToken)
	dst = append(dst, `,"expires_in":`...)
	dst = strconv.AppendInt(dst, t.ExpiresIn, 10)
	dst = append(dst, `,"token_type":"Bearer","scope":`...)
	dst = oauth.AppendSpaced(dst, t.Scope)
	return append(dst, '}')
}
