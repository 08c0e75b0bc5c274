// Package ddi is the front door of ManageEngine DDI Central: one endpoint, one grant, one kind of token.
//
//	POST /oauth2/token/   client_credentials → access_token, expires_in, token_type, scope
//
// The endpoint is served with and without the slash, for JSON and for form bodies. Access tokens are references of 56
// hexadecimal digits that live for 1800 seconds; there is no refresh token. Format and lifetime are this door's defaults
// only: what the realm or the client sets wins, so a client whose access_token.format says jwt gets a JWT here as well.
//
// The product documents no errors; these are RFC 6749 section 5.2. It refuses every grant but client_credentials, even one
// that the realm serves elsewhere.
package ddi

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"sallyport/dialect"
	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/web"
)

// Name is what realms call this dialect.
const Name = "ddi"

const lifetime = realm.Duration(1800 * time.Second)

// DDI is the front door.
type DDI struct {
	engine *grant.Engine
	log    *slog.Logger
}

var _ dialect.Dialect = (*DDI)(nil)

// New returns the dialect.
func New(d dialect.Deps) dialect.Dialect {
	log := d.Log
	if log == nil {
		log = slog.Default()
	}
	return &DDI{engine: d.Engine, log: log}
}

// Name implements dialect.Dialect.
func (d *DDI) Name() string { return Name }

// Routes implements dialect.Dialect. Both spellings answer themselves: a client that posts does not follow a redirect.
func (d *DDI) Routes() web.Routes {
	h := http.HandlerFunc(d.serve)
	return web.Routes{"/oauth2/token/": h, "/oauth2/token": h}
}

// CheckSettings implements dialect.Dialect. There is nothing to set.
func (d *DDI) CheckSettings(settings json.RawMessage) error {
	if len(bytes.TrimSpace(settings)) == 0 {
		return nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(settings, &given); err != nil || len(given) > 0 {
		return errors.New("ddi: this dialect has no settings; write its name alone")
	}
	return nil
}

// Refuse implements dialect.Dialect: the challenge of RFC 6750 section 3, and a body of RFC 6749.
func (d *DDI) Refuse(w http.ResponseWriter, r *http.Request, _ *policy.Call, refusal *policy.Refusal) {
	e := oauth.Fail(refusal.Reason, "")
	e.Code = codeOf(refusal, e)
	if refusal.Detail != "" {
		e.Description = refusal.Detail
	}
	if refusal.Scheme != "" {
		w.Header().Set("WWW-Authenticate", challenge(r, refusal, e.Description))
	}
	if w.Header().Get("Retry-After") == "" {
		web.SetRetryAfter(w.Header(), e)
	}
	web.WriteBody(w, refusal.Status, "application/json", web.AppendError(nil, e.Code, e.Description))
}

// codeOf finds the error code. Most of what a gateway refuses for has none in OAuth: then the status decides whose fault it is.
func codeOf(refusal *policy.Refusal, e *oauth.Error) oauth.Code {
	switch {
	case refusal.Challenge != "":
		return refusal.Challenge
	case e.Code != oauth.ServerError:
		return e.Code
	case refusal.Status < http.StatusInternalServerError:
		return oauth.InvalidRequest
	case refusal.Status == http.StatusServiceUnavailable, refusal.Status == http.StatusGatewayTimeout:
		return oauth.TemporarilyDown
	}
	return oauth.ServerError
}

// challenge is the value of WWW-Authenticate. To a call without a credential it says nothing of errors (RFC 6750 section 3.1).
func challenge(r *http.Request, refusal *policy.Refusal, description string) string {
	value := refusal.Scheme + ` realm="` + realmName(r) + `"`
	if refusal.Challenge == "" {
		return value
	}
	value += `, error="` + string(refusal.Challenge) + `", error_description="` + web.Printable(description) + `"`
	if len(refusal.Scope) > 0 {
		value += `, scope="` + web.Printable(refusal.Scope.String()) + `"`
	}
	return value
}

func realmName(r *http.Request) string {
	if rl := realm.FromContext(r.Context()); rl != nil {
		return web.Printable(rl.Name)
	}
	return realm.Default
}
