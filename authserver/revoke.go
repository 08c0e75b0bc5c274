package authserver

import (
	"context"
	"net/http"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/web"
)

// revoke is the revocation endpoint (RFC 7009). token_type_hint only says what to look for first: the form of a token tells
// what it is, so no hint is refused. A token that is unknown or already over is answered like one that was revoked just now
// (section 2.2); one that belongs to another client is refused (section 2.1).
func (f *Face) revoke(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	p, err := form(w, r)
	if err != nil {
		return err
	}
	c, proved, err := f.authenticate(r, rl, p)
	if err != nil {
		return err
	}
	// RFC 7009 section 2.1: only a public client goes without. A front door that lets another omit its secret speaks for itself.
	if !proved && c.Type != client.Public {
		return oauth.Fail(oauth.SecretMissing, c.ID)
	}
	raw := p.Get("token")
	if raw == "" {
		return web.Missing("token")
	}
	if err := f.end(r.Context(), rl, c, raw, p.Get("token_type_hint") == "refresh_token"); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}

// end revokes a token of the client's.
func (f *Face) end(ctx context.Context, rl *realm.Realm, c *client.Client, raw string, refreshFirst bool) error {
	order := [2]func(context.Context, *realm.Realm, *client.Client, string) (bool, error){f.endAccess, f.endRefresh}
	if refreshFirst {
		order[0], order[1] = order[1], order[0]
	}
	for _, try := range order {
		if found, err := try(ctx, rl, c, raw); found || err != nil {
			return err
		}
	}
	return nil
}

func (f *Face) endAccess(ctx context.Context, rl *realm.Realm, c *client.Client, raw string) (bool, error) {
	access, state, err := f.tokens.Inspect(ctx, rl, raw)
	switch {
	case err != nil:
		return false, ours(err)
	case access.Client == "": // authentic and over so long that nobody knows whose it was
		return true, nil
	case access.Client != c.ID:
		return true, foreign()
	case state != token.Active:
		return true, nil
	}
	return true, f.tokens.RevokeAccess(ctx, rl, access, raw)
}

// endRefresh ends a grant: its access tokens end with it, as RFC 7009 section 2.1 asks. A refresh token that has had a
// successor ends the grant as well: whoever signs out with it means the grant.
func (f *Face) endRefresh(ctx context.Context, rl *realm.Realm, c *client.Client, raw string) (bool, error) {
	presented, state, err := f.tokens.InspectRefresh(ctx, rl, raw)
	switch {
	case err != nil:
		return false, ours(err)
	case presented.Family.Client == "":
		return true, nil
	case presented.Family.Client != c.ID:
		return true, foreign()
	case state == token.Expired:
		return true, nil
	}
	return true, f.tokens.RevokeRefresh(ctx, rl, presented, true)
}

func foreign() *oauth.Error {
	e := oauth.Fail(oauth.TokenWrongClient, "")
	e.Code = oauth.InvalidGrant // RFC 6749 section 5.2: "was issued to another client"
	e.Description = "The token was issued to another client."
	return e
}

// ours keeps an error that is a fault of the server's, and drops one that only says that a token is not good.
func ours(err error) error {
	switch e := oauth.AsError(err); e.Code {
	case oauth.ServerError, oauth.TemporarilyDown:
		return e
	}
	return nil
}
