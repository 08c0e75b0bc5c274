package authorize

import (
	"encoding/json"
	"maps"
	"slices"

	"sallyport/claims"
	"sallyport/client"
	"sallyport/oauth"
)

// claims reads the claims parameter (OpenID Connect Core section 5.5) and acr_values, which a request for acr replaces.
func (g *reading) claims() error {
	values, err := g.names("acr_values")
	if err != nil {
		return err
	}
	g.req.ACRValues = values
	if text := g.get("claims"); text != "" {
		if g.req.Claims, err = claims.Parse(text); err != nil {
			e := invalid("claims", "Send a JSON object as OpenID Connect Core section 5.5 has it.")
			e.Err = err
			return e
		}
		if err := g.claimed(); err != nil {
			return err
		}
	}
	if len(g.req.ACRValues) == 0 {
		g.req.ACRValues = g.client.OpenID.DefaultACR
	}
	return nil
}

// claimed looks at the claims that decide about the sign-in: acr (section 5.5.1.1) and sub (section 5.5.1).
func (g *reading) claimed() error {
	if acr := g.req.Claims.IDToken["acr"]; acr != nil {
		if values := texts(acr); len(values) > 0 {
			g.req.ACRValues, g.req.ACREssential = values, acr.Essential
		}
	}
	for _, asked := range []map[string]*claims.Ask{g.req.Claims.IDToken, g.req.Claims.UserInfo} {
		sub := asked["sub"]
		if sub == nil || len(sub.Value) == 0 && len(sub.Values) == 0 {
			continue
		}
		who := texts(sub)
		if len(who) != 1 || who[0] == "" || g.req.HintSubject != "" && g.req.HintSubject != who[0] {
			return invalid("claims", "sub asks for more than one user, or for none.")
		}
		g.req.HintSubject = who[0]
	}
	return nil
}

// texts are the values that are asked for and are strings.
func texts(a *claims.Ask) (list []string) {
	for _, raw := range append(slices.Clone(a.Values), a.Value) {
		var s string
		if len(raw) > 0 && json.Unmarshal(raw, &s) == nil {
			list = append(list, s)
		}
	}
	return list[:min(len(list), mostNames)]
}

// hints reads what says who the user probably is.
func (g *reading) hints() error {
	if hint := g.get("login_hint"); len(hint) <= longestHint {
		g.req.LoginHint = hint
	}
	g.req.Nonce = g.get("nonce")
	raw := g.get("id_token_hint")
	if raw == "" {
		return nil
	}
	t, err := g.IDTokens.ReadIDToken(g.ctx, g.realm, raw)
	switch e := oauth.AsError(err); {
	case err != nil && (e.Code == oauth.ServerError || e.Reason == oauth.Unavailable):
		return err
	case err != nil || t.Client != g.client.ID || t.Subject == "":
		return invalid("id_token_hint", "Send an ID token that this server has issued to this client.")
	case g.req.HintSubject != "" && g.req.HintSubject != t.Subject:
		return oauth.Fail(oauth.OtherUser, "")
	}
	g.req.HintSubject = t.Subject
	return nil
}

// AskedClaims are the claims that were asked for one by one, for a consent: without those that say nothing about the user.
func (r *Request) AskedClaims() []string {
	if r.Claims == nil {
		return nil
	}
	var names []string
	for _, asked := range []map[string]*claims.Ask{r.Claims.IDToken, r.Claims.UserInfo} {
		for name := range maps.Keys(asked) {
			if !client.OwnClaim(name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
