package digirunner

import (
	"net/http"
	"strconv"
	"strings"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/web"
)

// Refuse implements dialect.Dialect. The bodies are the product's; a 401 has a challenge besides (RFC 9110 section
// 11.6.1), which the product's lacks.
func (f *front) Refuse(w http.ResponseWriter, r *http.Request, made *policy.Call, refusal *policy.Refusal) {
	way := wayOf(made, refusal)
	if way == bearerWay && refusal.Reason == oauth.RequestMalformed { // garbage is a token like any other to the product
		as := *refusal
		as.Reason, as.Challenge = oauth.TokenMalformed, oauth.InvalidToken
		refusal = &as
	}
	c := &call{w: w, r: r, realm: realm.FromContext(r.Context()), now: f.Now()}
	c.about = tellOf(r, made, refusal)
	if c.about.day == "" && c.realm != nil && (refusal.Reason == oauth.ClientNotYetValid || refusal.Reason == oauth.ClientExpired) {
		f.day(c, refusal.Reason)
	}
	a, known := wayErrors[way][refusal.Reason]
	if !known {
		a, known = gatewayErrors[refusal.Reason]
	}
	if !known {
		a, known = common[refusal.Reason]
	}
	status := a.status
	if !known { // something the gateway refuses for that the product has no words for
		status = refusal.Status
		a = answer{shape: e1, error: http.StatusText(status), text: "{text}"}
	}
	if status == http.StatusUnauthorized || refusal.Scheme != "" {
		challenge(w.Header(), c.realm, refusal)
	}
	if refusal.Reason == policy.NoTarget && made.API != nil {
		c.path = c.about.api
	}
	e := &oauth.Error{Reason: refusal.Reason, Description: refusal.Detail}
	if e.Description == "" {
		e.Description = oauth.Fail(refusal.Reason, "").Description
	}
	writeAnswer(c, a, status, c.expand(a.text, e))
}

// wayOf names the way in that a refusal is about: the one that let the caller in, or that refused.
func wayOf(made *policy.Call, refusal *policy.Refusal) string {
	if made.Caller.Way != "" {
		return made.Caller.Way
	}
	return refusal.Policy
}

// tellOf finds out what the text about a refused call may name.
func tellOf(r *http.Request, made *policy.Call, refusal *policy.Refusal) about {
	raw := bearer(r.Header.Get("Authorization"))
	a := about{client: made.Caller.Client, user: made.Caller.User, token: raw}
	if a.client == "" && isAboutClient[refusal.Reason] {
		a.client = refusal.Subject
	}
	if a.user == "" && (refusal.Reason == oauth.UserDisabled || refusal.Reason == oauth.UserLocked) {
		a.user = refusal.Subject
	}
	if a.client == "" || a.user == "" {
		said := peek(raw)
		if a.client == "" {
			a.client = said.Client
		}
		if a.user == "" {
			a.user = said.User
		}
	}
	if refusal.Reason == policy.RateExceeded && a.client == "" { // a limit for strangers
		a.client = made.Source.String()
	}
	if made.API != nil {
		a.module, a.api = made.API.ModuleName(), made.API.Path
		if v := web.VisitOf(r.Context()); v != nil && v.Called != nil && v.Called.Named {
			a.api = made.API.Name
		}
	}
	a.facts(made, refusal)
	return a
}

// isAboutClient holds the reasons whose subject is a client.
var isAboutClient = map[oauth.Reason]bool{
	oauth.ClientUnknown: true, oauth.ClientDisabled: true, oauth.ClientLocked: true, oauth.ClientNotYetValid: true, oauth.ClientExpired: true,
	policy.ClientHours: true, policy.ClientAddress: true, oauth.SecretWrong: true, oauth.SecretUnset: true,
}

// challenge adds a WWW-Authenticate field (RFC 6750 section 3), unless the gateway has set one.
func challenge(h http.Header, in *realm.Realm, refusal *policy.Refusal) {
	if h.Get("WWW-Authenticate") != "" {
		return
	}
	scheme := refusal.Scheme
	if scheme == "" {
		scheme = "Bearer"
	}
	name := realm.Default
	if in != nil {
		name = in.Name
	}
	fields := []string{"realm=" + strconv.Quote(name)}
	if refusal.Challenge != "" {
		fields = append(fields, "error="+strconv.Quote(string(refusal.Challenge)))
	}
	if len(refusal.Scope) > 0 {
		fields = append(fields, "scope="+strconv.Quote(refusal.Scope.String()))
	}
	h.Set("WWW-Authenticate", scheme+" "+strings.Join(fields, ", "))
}

// bearer is the token of an Authorization header, "" if there is none (RFC 6750 section 2.1).
func bearer(header string) string {
	const scheme = "bearer "
	header = strings.TrimSpace(header)
	if len(header) < len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return ""
	}
	return strings.TrimSpace(header[len(scheme):])
}
