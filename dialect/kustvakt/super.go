package kustvakt

import (
	"errors"
	"net/http"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/token"
	"sallyport/web"
)

// Answers to a client that is not a super client.
var (
	noticeNotSuper = notice{status: 400, code: 1803}
	rowNotSuper    = row{401, oauth.UnauthorizedClient, "Only super client is allowed."}
)

// superClient authenticates the client that a user calls through. It reports whether that is a super client.
func (k *Kustvakt) superClient(c call) (caller *client.Client, super bool, err error) {
	id, secret := c.params.Get("super_client_id"), c.params.Get("super_client_secret")
	switch {
	case id == "":
		return nil, false, words(superRows, oauth.Fail(oauth.ClientMissing, ""))
	case secret == "":
		return nil, false, words(superRows, oauth.Fail(oauth.SecretMissing, ""))
	}
	caller, proved, err := k.engine.Authenticate(c.Context(), c.realm,
		client.Credentials{Method: client.MethodPost, ID: id, Secret: secret, HasSecret: true}, web.Source(c.Request), Name)
	if err != nil {
		return nil, false, clientRefusal(superRows, id, err)
	}
	return caller, proved && caller.Trusted, nil
}

// userThrough returns the user of a call through a super client.
func (k *Kustvakt) userThrough(c call) (string, error) {
	user, err := k.user(c)
	if err != nil {
		return "", err
	}
	_, super, err := k.superClient(c)
	if err != nil {
		return "", err
	}
	if !super {
		return "", noticeNotSuper.of(oauth.Fail(oauth.GrantTrustedOnly, ""), "")
	}
	return user, nil
}

// revokeForUser ends a token of the calling user's: a token itself, or the handle under which a list shows it. One that is
// unknown or another user's is answered alike, and lives on.
func (k *Kustvakt) revokeForUser(w http.ResponseWriter, c call) error {
	user, err := k.userThrough(c)
	if err != nil {
		return err
	}
	raw := c.params.Get("token")
	if raw == "" {
		return noticeNoToken.of(nil, "token")
	}
	ended, err := k.tokens.RevokeHandle(c.Context(), c.realm, user, raw)
	if err == nil && !ended {
		err = k.endOf(c, user, raw)
	}
	if err != nil {
		return err
	}
	succeed(w)
	return nil
}

// endOf ends the user's token, of whichever kind it is.
func (k *Kustvakt) endOf(c call, user, raw string) error {
	var unknown *refusal
	err := k.endAccess(c, raw, func(a *token.Access) bool { return a.User == user })
	if errors.As(err, &unknown) {
		err = k.endRefresh(c, raw, func(f *token.Family) bool { return f.User == user })
	}
	if errors.As(err, &unknown) {
		return nil
	}
	return err
}

// revokeAllForUser ends every token of the calling user's at one client.
func (k *Kustvakt) revokeAllForUser(w http.ResponseWriter, c call) error {
	user, err := k.userThrough(c)
	if err != nil {
		return err
	}
	id := c.params.Get("client_id")
	if id == "" {
		return words(revokeRows, oauth.Fail(oauth.ClientMissing, ""))
	}
	owner, err := k.clients.Get(c.Context(), c.realm.Name, id)
	if err != nil {
		return err
	}
	if owner == nil {
		return words(tokenRows, oauth.Fail(oauth.ClientUnknown, id))
	}
	if err := k.tokens.EndGrants(c.Context(), c.realm, id, user); err != nil {
		return err
	}
	succeed(w)
	return nil
}
