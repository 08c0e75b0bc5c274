package digirunner

import (
	"net/http"
	"strconv"
	"strings"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
)

// Refuse implements dialect.Dialect. The bodies are the product's; a 401 has a challenge besides (RFC 9110 section
// 11.6.1), which the product's lacks.
func (f *front) Refuse(w http.ResponseWriter, r *http.Request, refusal *policy.Refusal) {
	c := &call{w: w, r: r, realm: realm.FromContext(r.Context()), now: f.Now()}
	raw := bearer(r.Header.Get("Authorization"))
	said := peek(raw)
	c.about = about{client: said.Client, user: said.User, token: raw}
	a, known := gatewayErrors[refusal.Reason]
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
	e := &oauth.Error{Reason: refusal.Reason, Description: refusal.Detail}
	if e.Description == "" {
		e.Description = oauth.Fail(refusal.Reason, "").Description
	}
	writeAnswer(c, a, status, c.expand(a.text, e))
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
