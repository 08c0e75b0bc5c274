// Package kustvakt is the front door of KorAP's Kustvakt: its OAuth 2.0 token service below /api, /api/v1.0 and /api/v1.1.
//
//	GET  oauth2/authorize         a code for a client of the user who calls through a super client (v1.0: POST as well)
//	POST oauth2/token             authorization_code, password, refresh_token, client_credentials
//	POST oauth2/revoke            a client ends a token of its own
//	POST oauth2/revoke/super      a super client ends a token of the user who calls through it
//	POST oauth2/revoke/super/all  … or all of that user's tokens at one client
//	POST oauth2/token/list        … or shows them
//
// A super client is a trusted client of ours, and the scope "all" is the realm's AllScope. Access tokens are references
// that live for 259200 seconds; refresh tokens live for 365 days and rotate, and a refresh ends the access tokens of its
// grant. These are defaults: realm and client settings win, and a retried refresh has the realm's grace period.
// Self-contained access tokens, if a client is set to them, are not stored and so not listed. Access tokens that a code gives to a
// public client live for 365 days if they are references, as that client has no refresh token.
//
// Errors have the product's two shapes: OAuth's, and an array of [code, message, entity]; see errors.go, which is to be read
// beside the contract. Deliberately unlike the product: scopes compare whole, nobody skips the scope check, a public client
// gets nothing by client_credentials, a client ends only its own tokens, lists show handles that open nothing, and HTTP Basic
// never signs a user in. Codes survive a restart and wrong attempts, of which only those of the right client with the right secret
// look at them; a code that comes twice ends what it gave; PKCE (RFC 7636) holds where it is used, and the realm can demand it of
// everybody. A redirect URI that no client has registered needs a host name with a dot, an address or localhost; the list of
// top-level domains is not consulted.
package kustvakt

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
	_ "time/tzdata" // dates are shown in the product's time zone, whatever this machine knows of zones

	"sallyport/authorize"
	"sallyport/client"
	"sallyport/dialect"
	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/web"
)

// Name is what realms call this dialect.
const Name = "kustvakt"

// The door's own defaults, below those of client and realm.
const (
	accessTTL  = realm.Duration(259200 * time.Second)
	refreshTTL = realm.Duration(365 * 24 * time.Hour)
)

// Kustvakt is the front door.
type Kustvakt struct {
	engine  *grant.Engine
	codes   *authorize.Codes
	realms  *realm.Directory
	tokens  *token.Service
	clients *client.Directory
	log     *slog.Logger
	now     func() time.Time
	zone    *time.Location // of the dates that are shown
}

var _ dialect.Dialect = (*Kustvakt)(nil)

// New returns the dialect.
func New(d dialect.Deps) dialect.Dialect {
	k := &Kustvakt{
		engine: d.Engine, codes: d.Codes, realms: d.Realms, tokens: d.Tokens, clients: d.Clients, log: d.Log, now: d.Now, zone: time.UTC,
	}
	if k.log == nil {
		k.log = slog.Default()
	}
	if k.now == nil {
		k.now = time.Now
	}
	if berlin, err := time.LoadLocation("Europe/Berlin"); err == nil {
		k.zone = berlin
	}
	return k
}

// Name implements dialect.Dialect.
func (k *Kustvakt) Name() string { return Name }

// Routes implements dialect.Dialect. The product redirects the path without a version; here every spelling answers itself.
func (k *Kustvakt) Routes() web.Routes {
	routes := web.Routes{}
	for _, prefix := range []string{"/api", "/api/v1.0", "/api/v1.1"} {
		routes[prefix+"/oauth2/authorize"] = k.authorizeHandler(prefix == "/api/v1.0")
		routes[prefix+"/oauth2/token"] = k.handler(k.token)
		routes[prefix+"/oauth2/revoke"] = k.handler(k.revoke)
		routes[prefix+"/oauth2/revoke/super"] = k.handler(k.revokeForUser)
		routes[prefix+"/oauth2/revoke/super/all"] = k.handler(k.revokeAllForUser)
		routes[prefix+"/oauth2/token/list"] = k.handler(k.list)
	}
	return routes
}

// A call is one request to this door whose form has been read.
type call struct {
	*http.Request
	realm  *realm.Realm
	params oauth.Params
}

// handler adapts an endpoint: it reads the form, and is the one place where refusals are logged and written.
func (k *Kustvakt) handler(serve func(http.ResponseWriter, call) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call{Request: r, realm: realm.FromContext(r.Context())}
		err := c.read(w)
		if err == nil {
			err = serve(w, c)
		}
		if err != nil {
			k.fail(w, c, err)
		}
	})
}

// unfolded drops raw line ends, which no form encoder writes: the calls on the product's page are folded over several lines
// inside the quotes, and so is what people copy from it.
var unfolded = strings.NewReplacer("\r", "", "\n", "")

// read takes the parameters from the form. What comes twice is refused (RFC 6749 section 3.2).
func (c *call) read(w http.ResponseWriter) error {
	if c.realm == nil {
		return oauth.Fail(oauth.RealmUnknown, "")
	}
	if err := web.Allow(w, c.Request, http.MethodPost); err != nil {
		return err
	}
	if web.MediaType(c.Request) != "application/x-www-form-urlencoded" {
		return oauth.Fail(oauth.RequestMediaType, "")
	}
	body, err := web.ReadBody(w, c.Request)
	if err != nil {
		return err
	}
	p, err := oauth.ParseForm(unfolded.Replace(string(body)))
	if err != nil {
		return err
	}
	if name := p.Duplicate(); name != "" {
		return oauth.Fail(oauth.ParameterDuplicate, name)
	}
	c.params = p
	return nil
}

// fail writes a refusal. An error that no endpoint has put into words is put into those of the token endpoint.
func (k *Kustvakt) fail(w http.ResponseWriter, c call, err error) {
	var known interface{ write(http.ResponseWriter) }
	if !errors.As(err, &known) {
		known = words(tokenRows, err)
	}
	if e := oauth.AsError(err); e.Code == oauth.ServerError || e.Reason == oauth.Unavailable {
		k.log.ErrorContext(c.Context(), "request failed", "path", c.URL.Path, "reason", e.Reason, "err", e.Err)
	}
	known.write(w)
}

// succeed is the answer to a revocation.
func succeed(w http.ResponseWriter) {
	w.Header().Set("Pragma", "no-store")
	web.WriteBody(w, http.StatusOK, "text/plain;charset=utf-8", []byte("SUCCESS"))
}

// CheckSettings implements dialect.Dialect.
func (k *Kustvakt) CheckSettings(raw json.RawMessage) error {
	_, err := parseSettings(raw)
	return err
}
