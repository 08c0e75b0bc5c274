// Package digirunner is digiRunner's token service in front of our engine, and its gateway's paths and words in front of
// ours: its doubly Base64-encoded credentials, its v1 and v2 tokens, its order of checks and its wording. The wording is
// two tables (errors.go, gatewayerrors.go) that are read beside the product's documentation.
//
//	POST /oauth/token                     authorization_code, password, refresh_token, client_credentials
//	POST /oauth/v2/token                  client_credentials, with a token that names its key
//	POST /oauth/introspection             what became of a token
//	POST /oauth/revocation                end a token
//	GET  /dgrv4/ssotoken/enccert          the public key that verifies our v1 tokens, as PEM
//	GET  /dgrv4/ssotoken/oauth2/certs     all of them, as a JWKS (RFC 7517)
//	GET  /dgrv4/ssotoken/gtwidp/TYPE/authorization   people sign in on the realm's pages; TYPE is LDAP, JDBC, API or CUS
//	GET  /dgrv4/ssotoken/TYPE/.well-known/openid-configuration, and the same below /dgrv4/ssotoken/v2
//	GET  /dgrv4/ssotoken/gtwidp/v2/userInfo          whose an access token is
//	POST /dgrv4/ssotoken/gtwidp/userInfo, …/verify   whose an ID token is
//	     /dgrc/…, /tsmpc/…, /tsmpg/…      calls of APIs (calls.go)
//	GET  /liveness, /readiness            whether the process lives, and whether it should be sent requests
//
// The grants are whatever the engine serves; this package keeps no list. Settings of a realm are described at Settings.
//
// Where the product is known to do harm, this package and what it translates for do better on purpose:
//   - Wrong secrets never lock a client: guesses are slowed down by client and source address, and only for the guesser.
//   - Every key that signs is published, those of v1 tokens too.
//   - Credentials that are not Base64 are the caller's mistake (401), not a fault of ours (500). So is a bearer token that
//     cannot be read.
//   - Refresh tokens can be made to rotate.
//   - A code is spent by the call that it gives something to: one with a wrong code_verifier leaves it as it was. A code that comes
//     twice ends what it gave. What a sign-in gave ends with it.
//   - A state may be used twice. To refuse one that anybody has used before would let a stranger refuse it to others.
//   - An ID token in a form is believed only with our signature, by both endpoints that read one.
//   - A call counts against a client's rate when the caller has shown to be that client, not before: the product looks at
//     the name in the header, so that any stranger can use up another's rate. Calls with x-api-key count like others.
//     So the order of checks is: API known, API enabled, method, credential, client, scope, rate, quota, target.
//   - Where a call comes from is what the connection says, or a proxy that the operator trusts.
//   - Quotas are exact, and a stored answer is never another caller's.
//
// What is left out:
//   - Other identity providers (TYPE is GOOGLE, MS or OIDC), which is said to who asks for them; wildcards in redirect URIs; groups
//     that users pick on the consent page: a client has those that it is given.
//   - A jti, sent as a cookie, is no credential here: it is printed in answers and logs, so neither the cookies jti and
//     idp_type nor the re-issue they allow exist.
//   - Tokens are signed, never encrypted (JWE), which is the product's default as well; and bodies of calls are neither
//     signed nor encrypted (its JWS and JWE message modes).
//   - Names of callers' hosts are not looked up, so a client's list of hosts has addresses and not names, and messages that
//     would have a name have the address.
//   - Checks of input for parts of SQL, XML and scripts, and of the User-Agent, which are off in the product by default; the
//     node's mode; a slash at the end of a path, which is part of it for the product and not for our gateway.
//   - Fields of answers that the product replaces for every API. An API says that for itself (policies headers and cors).
package digirunner

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sallyport/dialect"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/web"
)

// Name is what a realm calls this dialect.
const Name = "digirunner"

type front struct {
	dialect.Deps
}

var _ dialect.Caller = (*front)(nil)

// New returns the dialect.
func New(d dialect.Deps) dialect.Dialect {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &front{Deps: d}
}

// Name implements dialect.Dialect.
func (f *front) Name() string { return Name }

// Routes implements dialect.Dialect.
func (f *front) Routes() web.Routes {
	routes := web.Routes{
		userinfoPath:                      f.endpoint(http.MethodGet, gatewayErrors, f.userinfo),
		"/dgrv4/ssotoken/gtwidp/userInfo": f.endpoint(http.MethodPost, hintErrors, f.describeHint),
		"/dgrv4/ssotoken/gtwidp/verify":   f.endpoint(http.MethodPost, hintErrors, f.describeHint),
		"/oauth/token":                    f.endpoint(http.MethodPost, tokenErrors, f.token),
		"/oauth/v2/token":                 f.endpoint(http.MethodPost, tokenV2Errors, f.tokenV2),
		"/oauth/introspection":            f.endpoint(http.MethodPost, inspectErrors, f.introspect),
		"/oauth/revocation":               f.endpoint(http.MethodPost, inspectErrors, f.revoke),
		"/dgrv4/ssotoken/enccert":         f.endpoint(http.MethodGet, tokenErrors, f.certificate),
		keysPath:                          f.endpoint(http.MethodGet, tokenErrors, f.keys),
	}
	for _, provider := range providers {
		routes[authorizePath(provider)] = f.endpoint(http.MethodGet, authorizeErrors, f.authorize(provider))
		for _, path := range discoveryPaths(provider) {
			routes[path] = f.endpoint(http.MethodGet, authorizeErrors, f.discovery(provider))
		}
	}
	for _, provider := range elsewhere {
		for _, path := range append(discoveryPaths(provider), authorizePath(provider)) {
			routes[path] = f.endpoint(http.MethodGet, authorizeErrors, refuseElsewhere(provider))
		}
	}
	if f.Live != nil && f.Ready != nil {
		for _, path := range []string{"/liveness", "/dgrliveness", "/dgrv4/liveness"} {
			routes[path] = f.Live
		}
		routes["/readiness"] = f.Ready
	}
	return routes
}

const (
	keysPath     = "/dgrv4/ssotoken/oauth2/certs"
	userinfoPath = "/dgrv4/ssotoken/gtwidp/v2/userInfo"
)

func authorizePath(provider string) string {
	return "/dgrv4/ssotoken/gtwidp/" + provider + "/authorization"
}

func discoveryPaths(provider string) []string {
	return []string{
		"/dgrv4/ssotoken/" + provider + "/.well-known/openid-configuration",
		"/dgrv4/ssotoken/v2/" + provider + "/.well-known/openid-configuration",
	}
}

// A call is one request and what an error text about it may name.
type call struct {
	w        http.ResponseWriter
	r        *http.Request
	realm    *realm.Realm
	now      time.Time
	settings Settings
	errors   table
	basic    bool // the client is to authenticate by Basic: a failure answers with a challenge (RFC 6749 section 5.2)
	about    about
	path     string // that errors name; "": the request's
}

// endpoint adapts run to net/http: it checks what every endpoint wants checked and is the only place that writes errors.
func (f *front) endpoint(method string, errors table, run func(*call) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r, realm: realm.FromContext(r.Context()), now: f.Now(), errors: errors}
		if err := f.admit(c, method); err != nil {
			f.fail(c, err)
			return
		}
		if err := run(c); err != nil {
			f.fail(c, err)
		}
	})
}

func (f *front) admit(c *call, method string) error {
	if c.r.Method != method && (method != http.MethodGet || c.r.Method != http.MethodHead) {
		c.w.Header().Set("Allow", method)
		return oauth.Fail(oauth.RequestMethod, c.r.Method)
	}
	if c.realm == nil {
		return oauth.Fail(oauth.RealmUnknown, "")
	}
	raw, open := c.realm.Opens(Name)
	if !open {
		return oauth.Fail(oauth.DialectNotOpen, "")
	}
	var err error
	c.settings, err = parseSettings(raw)
	return err
}

// fail writes err in the words of the call's table. What is our own fault goes to the log with its cause.
func (f *front) fail(c *call, err error) {
	e := oauth.AsError(err)
	if e.Reason == oauth.InternalError || e.Reason == oauth.Unavailable {
		f.Log.ErrorContext(c.r.Context(), "digirunner: request failed", "path", c.r.URL.Path, "reason", string(e.Reason), "cause", e.Err)
	}
	writeError(c, e)
}

// origin is scheme and host of the realm's issuer; the product's own issuers are paths below it. It never comes from
// the Host header.
func origin(r *realm.Realm) string {
	u, err := url.Parse(r.Issuer)
	if err != nil || u.Host == "" {
		return strings.TrimSuffix(r.Issuer, "/")
	}
	return u.Scheme + "://" + u.Host
}
