package digirunner

import (
	"net/http"
	"strings"

	"sallyport/token"
)

// revoked is the answer of revocation, in wire order.
type revoked struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// revoke serves /oauth/revocation. It ends the token it is given and leaves the other kind alone; a token that has
// expired can be revoked like any other.
func (f *front) revoke(c *call) error {
	s, err := f.subject(c)
	if err != nil {
		return err
	}
	kind := strings.ReplaceAll(s.hint, "_", " ")
	if s.state == token.Revoked {
		writeJSON(c.w, http.StatusOK, revoked{"token_already_revoked", kind + " already revoked, jti: " + s.id()})
		return nil
	}
	if s.access != nil {
		err = f.Tokens.RevokeAccess(c.r.Context(), c.realm, s.access, c.about.token)
	} else {
		err = f.Tokens.RevokeRefresh(c.r.Context(), c.realm, s.refresh, false)
	}
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, revoked{"token_revoke_success", kind + " revoke success, jti: " + s.id()})
	return nil
}
