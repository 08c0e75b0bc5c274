package grant

import (
	"slices"

	"sallyport/client"
	"sallyport/oauth"
)

// admit decides whether the client may use the grant at all. A client that should have proved itself and did not is
// refused here even if its secret was not missing but ignored: that is a public client asking for client credentials.
func (e *Engine) admit(req *Request, c *client.Client, proved bool) (*Attempt, Grant, error) {
	name := req.grantType()
	if name == "" {
		return nil, nil, oauth.Fail(oauth.GrantTypeEmpty, "")
	}
	g, ok := e.grants[name]
	switch {
	case !ok:
		return nil, nil, oauth.Fail(oauth.GrantUnsupported, req.Type)
	case !slices.Contains(c.Grants, name), !proved && req.needsSecret(c):
		return nil, nil, oauth.Fail(oauth.GrantNotAllowed, req.Type)
	case !c.Trusted && slices.Contains(req.Rules.TrustedOnly, name):
		return nil, nil, oauth.Fail(oauth.GrantTrustedOnly, req.Type)
	}
	return &Attempt{Request: req, Client: c, Authenticated: proved, Now: e.Now()}, g, nil
}
