package kustvakt

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/web"
)

// A listed is one token as the product lists it. "token" is a handle: it names the token to a revocation and opens
// nothing, because the token itself is not known any more.
type listed struct {
	Token              string   `json:"token"`
	CreatedDate        string   `json:"created_date"`
	ExpiresIn          int64    `json:"expires_in"`
	UserAuthentication string   `json:"user_authentication_time"`
	Scope              []string `json:"scope"`
	ClientID           string   `json:"client_id"`
	ClientName         string   `json:"client_name,omitempty"`
	ClientDescription  string   `json:"client_description,omitempty"`
	ClientURL          string   `json:"client_url,omitempty"`
}

// list shows the live tokens of the calling user, except those of the super client itself.
func (k *Kustvakt) list(w http.ResponseWriter, c call) error {
	user, err := k.user(c)
	if err != nil {
		return err
	}
	super, ok, err := k.superClient(c)
	if err != nil {
		return err
	}
	if !ok {
		return &refusal{row: rowNotSuper, cause: oauth.Fail(oauth.GrantTrustedOnly, super.ID)}
	}
	kind := c.params.Get("token_type")
	if kind != token.KindAccess && kind != token.KindRefresh {
		return &refusal{row: row{400, oauth.InvalidRequest, "Missing token_type parameter value"}, cause: oauth.Fail(oauth.ParameterMissing, "token_type")}
	}
	found, err := k.tokens.List(c.Context(), c.realm, user, c.params.Get("client_id"), kind)
	if err != nil {
		return err
	}
	shown := []listed{}
	for _, t := range found {
		if t.Client == super.ID {
			continue
		}
		l, err := k.describe(c.Context(), c.realm, t)
		if err != nil {
			return err
		}
		shown = append(shown, l)
	}
	body, err := json.Marshal(shown)
	if err != nil {
		return err
	}
	w.Header().Set("Pragma", "no-store")
	web.WriteBody(w, http.StatusOK, jsonType, body)
	return nil
}

func (k *Kustvakt) describe(ctx context.Context, r *realm.Realm, t token.Listed) (listed, error) {
	l := listed{
		Token:              t.Handle,
		CreatedDate:        k.date(t.CreatedAt),
		ExpiresIn:          t.ExpiresAt.Unix() - k.now().Unix(), // as it was told when the token was issued
		UserAuthentication: k.date(t.StartedAt),
		Scope:              append([]string{}, t.Scope...),
		ClientID:           t.Client,
	}
	owner, err := k.clients.Get(ctx, r.Name, t.Client)
	if err != nil || owner == nil {
		return l, err
	}
	l.ClientName, l.ClientDescription, l.ClientURL = owner.Name, owner.Description, owner.URL
	return l, nil
}

// date writes a moment as an ISO 8601 date-time with its offset, in the product's time zone.
func (k *Kustvakt) date(t time.Time) string {
	return t.In(k.zone).Format("2006-01-02T15:04:05.999999-07:00")
}
