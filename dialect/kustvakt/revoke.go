package kustvakt

import (
	"net/http"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/token"
	"sallyport/web"
)

// errUnknown is the answer to a token that is not the client's to end, whether or not there is such a token.
func errUnknown() error { return words(tokenRows, oauth.Fail(oauth.TokenMalformed, "")) }

// noticeNoToken is the answer to a revocation that names no token.
var noticeNoToken = notice{status: 400, code: 107, message: "refresh_token is null", entity: "refresh_token"}

// revoke ends a token of the calling client's. The client is named in the body; a header is not read. Unlike the product,
// which lets any client end any token, this asks whose it is.
func (k *Kustvakt) revoke(w http.ResponseWriter, c call) error {
	id, secret := c.params.Get("client_id"), c.params.Get("client_secret")
	caller, proved, err := k.engine.Authenticate(c.Context(), c.realm,
		client.Credentials{Method: client.MethodPost, ID: id, Secret: secret, HasSecret: secret != ""}, web.Source(c.Request), Name)
	if err == nil && !proved && caller.Type != client.Public { // another door may let it omit its secret; this one never does
		err = oauth.Fail(oauth.SecretMissing, id)
	}
	if err != nil {
		return clientRefusal(revokeRows, id, err)
	}
	raw := c.params.Get("token")
	if raw == "" {
		return noticeNoToken.of(nil, noticeNoToken.entity)
	}
	if c.params.Get("token_type") == refreshToken {
		err = k.endRefresh(c, raw, func(f *token.Family) bool { return f.Client == caller.ID })
	} else {
		err = k.endAccess(c, raw, func(a *token.Access) bool { return a.Client == caller.ID })
	}
	if err != nil {
		return err
	}
	succeed(w)
	return nil
}

// endAccess ends an access token if it is the caller's. Its grant goes on.
func (k *Kustvakt) endAccess(c call, raw string, mine func(*token.Access) bool) error {
	a, state, err := k.tokens.Inspect(c.Context(), c.realm, raw)
	if err != nil {
		return unlessFault(err)
	}
	switch {
	case a.Client == "": // authentic and over so long that nobody knows whose it was
		return nil
	case !mine(a):
		return errUnknown()
	case state != token.Active:
		return nil
	}
	return k.tokens.RevokeAccess(c.Context(), c.realm, a, raw)
}

// endRefresh ends the grant of a refresh token if it is the caller's, and its access tokens with it. A token that has had a
// successor ends the grant as well: whoever signs out with it means the grant.
func (k *Kustvakt) endRefresh(c call, raw string, mine func(*token.Family) bool) error {
	p, state, err := k.tokens.InspectRefresh(c.Context(), c.realm, raw)
	if err != nil {
		return unlessFault(err)
	}
	switch {
	case p.Family.Client == "":
		return nil
	case !mine(p.Family):
		return errUnknown()
	case state == token.Expired:
		return nil
	}
	return k.tokens.RevokeRefresh(c.Context(), c.realm, p, true)
}

// unlessFault turns the refusal of a token into "unknown", and leaves a fault of the server's as it is.
func unlessFault(err error) error {
	switch e := oauth.AsError(err); e.Code {
	case oauth.ServerError, oauth.TemporarilyDown:
		return e
	}
	return errUnknown()
}

// clientRefusal tells why a client was not believed.
func clientRefusal(t *rows, id string, err error) error {
	e := oauth.AsError(err)
	if e.Reason == oauth.ClientUnknown {
		e = oauth.Fail(oauth.ClientUnknown, id)
	}
	return words(t, e)
}
