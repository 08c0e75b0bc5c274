package digirunner

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sallyport/authorize"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
)

// Kinds of sign-in (idPType). Those of ours mean the realm's own users, on the realm's own pages, whatever the product would ask
// in each case: its directory, its database, somebody's API. The others are other identity providers', which no realm has.
var (
	providers = []string{"LDAP", "JDBC", "API", "CUS"}
	elsewhere = []string{"GOOGLE", "MS", "OIDC"}
)

// Scopes that may be asked for. The groups of the client come with them, asked for or not.
var signInScopes = []string{"openid", "email", "profile"}

const (
	longestState = 4096
	longestNonce = 1024
)

// authorizeErrors are the answers of the authorization endpoint, in the order of checks; those about the client are in common. None
// of them goes to the redirect URI: the product answers whoever asks.
var authorizeErrors = table{
	oauth.ParameterDuplicate:   {400, e2, "invalid_request", "{text}"},
	oauth.ParameterMissing:     {400, e2, "invalid_request", "{text}"},
	oauth.ParameterInvalid:     {400, e2, "invalid_request", "{text}"},
	oauth.ResponseTypeUnknown:  {400, e2, "invalid_request", "{text}"},
	oauth.ChallengeMethod:      {400, e2, "invalid_request", "{text}"},
	oauth.ScopeUnknown:         {400, e2, "invalid_scope", "{text}"},
	oauth.GrantNotAllowed:      {400, e2, "invalid_request", "Unauthorized grant type: {grant}"},
	oauth.PushRequired:         {400, e2, "invalid_request", "This client must push or sign its requests, which is not possible here"},
	oauth.ChallengeMissing:     {400, e2, "invalid_request", "Missing required parameter: code_challenge"},
	oauth.RedirectUnregistered: {400, e2, "invalid_request", "The redirect_uri mismatch"},
}

// A wish is what an authorization request of this product's asks for.
type wish struct {
	provider  string
	params    oauth.Params
	client    *client.Client
	scope     scope.Set // of signInScopes
	challenge string
}

// authorize serves the authorization endpoint for one kind of sign-in. It reads the request by the product's rules and hands it to
// the realm's own pages, which answer at the client's redirect URI as the product does: with code and state, and nothing else.
func (f *front) authorize(provider string) func(*call) error {
	return func(c *call) error {
		p, err := oauth.ParseForm(c.r.URL.RawQuery)
		if err != nil {
			return err
		}
		w := &wish{provider: provider, params: p}
		c.about = about{client: p.Get("client_id"), grant: authorizationCodeGrant}
		for _, check := range []func() error{w.known, w.proof, w.scopes, w.complete} {
			if err := check(); err != nil {
				return err
			}
		}
		if err := f.allowed(c, w); err != nil {
			return err
		}
		secret, err := f.Flows.Begin(c.r.Context(), w.request(c.realm), [32]byte{})
		if err != nil {
			return err
		}
		h := c.w.Header()
		h.Set("Location", root(c.realm)+"/authorize?flow="+secret)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer") // the address holds what nobody else should learn
		c.w.WriteHeader(http.StatusFound)
		return nil
	}
}

// known is about what is asked for at all.
func (w *wish) known() error {
	kind := w.params.Get("response_type")
	switch name := w.params.Duplicate(); {
	case name != "":
		return saying(oauth.ParameterDuplicate, name, "Parameter given more than once: "+name)
	case kind == "":
		return absent("response_type")
	case kind != authorize.ResponseType:
		return saying(oauth.ResponseTypeUnknown, "", "Invalid response_type: "+kind)
	}
	return nil
}

// proof is about PKCE (RFC 7636), by S256 alone.
func (w *wish) proof() error {
	method := w.params.Get("code_challenge_method")
	w.challenge = w.params.Get("code_challenge")
	switch {
	case w.challenge != "" && method == "":
		return absent("code_challenge_method")
	case method != "" && w.challenge == "":
		return absent("code_challenge")
	case method != "" && method != "S256":
		return saying(oauth.ChallengeMethod, "", "Invalid parameter value for code_challenge_method: "+method)
	}
	return nil
}

func (w *wish) scopes() error {
	asked := strings.Fields(w.params.Get("scope"))
	if bad := slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return slices.Contains(signInScopes, s) }); len(bad) > 0 {
		return badScopes(bad)
	}
	w.scope, _ = scope.Parse(strings.Join(asked, " "))
	return nil
}

// complete is about what else must be there. The product also wants a state that it has never seen, of anybody's: that would let
// whoever guesses a state refuse it to its owner, and it is for the client to see that a state is its own.
func (w *wish) complete() error {
	for _, name := range []string{"state", "scope", "redirect_uri"} {
		if w.params.Get(name) == "" {
			return absent(name)
		}
	}
	switch {
	case len(w.scope) == 0:
		return absent("scope")
	case len(w.params.Get("state")) > longestState:
		return saying(oauth.ParameterInvalid, "state", "Invalid parameter value for state: it is longer than 4096 bytes")
	case len(w.params.Get("nonce")) > longestNonce:
		return saying(oauth.ParameterInvalid, "nonce", "Invalid parameter value for nonce: it is longer than 1024 bytes")
	}
	return nil
}

// allowed holds the request against the client. Redirect URIs compare whole, those of applications too, for which the product has
// wildcards.
func (f *front) allowed(c *call, w *wish) error {
	id := w.params.Get("client_id")
	if strings.TrimSpace(id) == "" {
		return oauth.Fail(oauth.ClientMissing, "")
	}
	known, err := f.Clients.Get(c.r.Context(), c.realm.Name, id)
	switch {
	case err != nil:
		return err
	case known == nil || known.Realm != c.realm.Name:
		return oauth.Fail(oauth.ClientUnknown, id)
	}
	if reason := known.Unfit(f.Now()); reason != "" {
		f.day(c, reason)
		return oauth.Fail(reason, id)
	}
	w.client = known
	if !authorize.Registered(known.RedirectURIs, w.params.Get("redirect_uri")) {
		return oauth.Fail(oauth.RedirectUnregistered, "")
	}
	if err := authorize.CheckForeign(c.realm, known, w.challenge, w.params.Get("code_challenge_method"), false); err != nil {
		return err
	}
	if known.OpenID.SubjectType == "pairwise" {
		return saying(oauth.ParameterInvalid, "client_id", "The tokens of this front door name the user, whom this client must not know by name")
	}
	if bad := slices.DeleteFunc(slices.Clone(w.scope), known.Scopes.Has); len(bad) > 0 {
		return badScopes(bad)
	}
	return nil
}

// request is the wish as the pages know requests: for the groups of the client, and what was asked of the user.
func (w *wish) request(rl *realm.Realm) *authorize.Request {
	state := w.params.Get("state")
	r := &authorize.Request{
		Realm: rl.Name, Client: w.client.ID, RedirectURI: w.params.Get("redirect_uri"), RedirectGiven: true, Mode: authorize.Query,
		State: &state, Nonce: w.params.Get("nonce"), Challenge: w.challenge, Dialect: Name, Provider: w.provider,
	}
	for _, name := range w.client.Scopes {
		group := !slices.Contains(authorize.StandardScopes(), name) && (name != rl.AllScope || w.client.Trusted)
		if group || w.scope.Has(name) {
			r.Scope = append(r.Scope, name)
		}
	}
	return r
}

func notServed(provider string) error {
	return saying(oauth.ParameterInvalid, "idPType", "The idPType "+provider+" is not served here: people sign in on this server's own pages, by "+
		strings.Join(providers, ", "))
}

func badScopes(names []string) error {
	return saying(oauth.ScopeUnknown, "", "Some requested scopes were invalid. {invalid=["+strings.Join(names, ", ")+"]}")
}

func absent(name string) error {
	return saying(oauth.ParameterMissing, name, "Missing required parameter: "+name)
}

// saying is a refusal in words of its own.
func saying(reason oauth.Reason, subject, text string) error {
	e := oauth.Fail(reason, subject)
	e.Description = text
	return e
}

// root is the path of a realm's root as a browser sees it.
func root(rl *realm.Realm) string {
	u, err := url.Parse(rl.Issuer)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.EscapedPath(), "/")
}

// issuers is what the issuers of ID tokens begin with; the kind of sign-in follows. Discovery is found below each.
func issuers(rl *realm.Realm) string { return strings.TrimSuffix(rl.Issuer, "/") + "/dgrv4/ssotoken" }
