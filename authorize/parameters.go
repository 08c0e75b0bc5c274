package authorize

import (
	"slices"
	"strconv"
	"strings"

	"sallyport/client"
	"sallyport/oauth"
)

// Bounds of what is kept while people are asked, in bytes. Nobody has a use for more.
const (
	longestState = 4096
	longestNonce = 1024
	longestHint  = 256
	longestList  = 1024 // of names between spaces
	mostNames    = 20
	challengeLen = 43 // base64url of a SHA-256 (RFC 7636 section 4.2)
)

const (
	// GrantType is the grant that a client of this endpoint is registered for (RFC 6749 section 4.1).
	GrantType = "authorization_code"
	// ResponseType is the only one that is served (RFC 9700 section 2.1.2 advises against those that tell tokens here).
	ResponseType = "code"
)

// once refuses what is given twice (RFC 6749 section 3.1). RFC 8707 section 2 alone has a parameter that may be.
func (g *reading) once() error {
	for _, one := range g.params.All() {
		if one.Name != "resource" && times(g.params, one.Name) > 1 {
			return duplicate(printable(one.Name))
		}
	}
	switch {
	case len(g.get("state")) > longestState:
		return invalid("state", "It is longer than 4096 bytes.")
	case len(g.get("nonce")) > longestNonce:
		return invalid("nonce", "It is longer than 1024 bytes.")
	}
	return nil
}

// printable is a parameter's name as an error may show it.
func printable(name string) string {
	if len(name) > 40 || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) {
		return "in question"
	}
	return name
}

// pushedOnly reports whether the request should have been pushed and was not (RFC 9126 sections 5 and 6).
func (g *reading) pushedOnly() bool {
	return (g.realm.RequirePAR || g.client.OpenID.RequirePAR) && !g.from.Pushed
}

// means is about the ways that are open to the client at all.
func (g *reading) means() error {
	c := g.client
	switch {
	case !slices.Contains(c.Grants, GrantType):
		return oauth.Fail(oauth.GrantNotAllowed, GrantType)
	case g.pushedOnly():
		return oauth.Fail(oauth.PushRequired, "")
	case c.OpenID.RequireSigned && !g.signed: // RFC 9101 section 10.5
		e := oauth.Fail(oauth.ParameterMissing, "request")
		e.Description = "This client must send its request as a signed object (RFC 9101)."
		return e
	case g.get("registration") != "": // OpenID Connect Core section 7.2.1: for providers of one's own
		e := invalid("registration", "Clients register beforehand (RFC 7591).")
		e.Code = oauth.RegistrationUnsupported
		return e
	}
	return nil
}

func (g *reading) responseType() error {
	switch g.get("response_type") {
	case "":
		return missing("response_type")
	case ResponseType:
	default:
		return oauth.Fail(oauth.ResponseTypeUnknown, "")
	}
	if mode := ResponseMode(g.get("response_mode")); mode != "" && !slices.Contains(Modes(), mode) {
		return oauth.Fail(oauth.ResponseModeUnknown, "")
	}
	return nil
}

// challenge is about PKCE (RFC 7636 section 4.3). The method plain is not taken, so a challenge must name its method.
func (g *reading) challenge() error {
	challenge, method := g.get("code_challenge"), g.get("code_challenge_method")
	required := g.client.Type == client.Public || g.realm.RequirePKCE || g.client.OpenID.RequirePKCE
	switch {
	case challenge == "" && (required || method != "" || g.params.Has("code_challenge")):
		return oauth.Fail(oauth.ChallengeMissing, "")
	case challenge == "":
		return nil
	case method != "S256":
		return oauth.Fail(oauth.ChallengeMethod, "")
	case len(challenge) != challengeLen || strings.Trim(challenge, base64url) != "":
		return invalid("code_challenge", "Send the SHA-256 of the verifier in base64url without padding: 43 characters.")
	}
	g.req.Challenge = challenge
	return nil
}

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Prompts are the values of prompt that are served (OpenID Connect Core section 3.1.2.1).
func Prompts() []string { return []string{"none", "login", "consent", "select_account"} }

func (g *reading) prompt() error {
	asked, err := g.names("prompt")
	if err != nil {
		return err
	}
	for _, one := range asked {
		if !slices.Contains(Prompts(), one) {
			return invalid("prompt", "Use none, login, consent and select_account.")
		}
	}
	if slices.Contains(asked, "none") && len(asked) > 1 {
		return invalid("prompt", "none goes with nothing else.")
	}
	g.req.Prompt = asked
	return nil
}

// age reads max_age, or takes the client's own (OpenID Connect Registration section 2, default_max_age).
func (g *reading) age() error {
	text := g.get("max_age")
	if text == "" {
		if own := g.client.OpenID.DefaultMaxAge; own != nil {
			age := *own
			g.req.MaxAge = &age
		}
		return nil
	}
	age, err := strconv.ParseInt(text, 10, 64)
	if err != nil || age < 0 || strings.Trim(text, "0123456789") != "" {
		return invalid("max_age", "Send a whole number of seconds, 0 or more.")
	}
	g.req.MaxAge = &age
	return nil
}

// locales reads what says how pages should look. None of it is worth an error.
func (g *reading) locales() error {
	g.req.UILocales, _ = g.names("ui_locales")
	g.req.ClaimsLocales, _ = g.names("claims_locales")
	if display := g.get("display"); slices.Contains(Displays(), display) {
		g.req.Display = display
	}
	return nil
}

// Displays are the values of display (OpenID Connect Core section 3.1.2.1).
func Displays() []string { return []string{"page", "popup", "touch", "wap"} }

// names reads a list of names between spaces.
func (g *reading) names(parameter string) ([]string, error) {
	text := g.get(parameter)
	list := strings.FieldsFunc(text, func(c rune) bool { return c == ' ' })
	if len(text) > longestList || len(list) > mostNames {
		return nil, invalid(parameter, "It is too long.")
	}
	return list, nil
}
