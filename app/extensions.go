package app

import (
	"encoding/json"

	"sallyport/credential"
	"sallyport/deployment"
	"sallyport/dialect"
	"sallyport/dialect/ddi"
	"sallyport/dialect/digirunner"
	"sallyport/dialect/kustvakt"
	"sallyport/grant"
	"sallyport/grant/authcode"
	"sallyport/grant/clientcreds"
	"sallyport/grant/password"
	"sallyport/grant/refresh"
	"sallyport/policy"
	"sallyport/policy/apikey"
	"sallyport/policy/backauth"
	"sallyport/policy/basic"
	"sallyport/policy/bearer"
	"sallyport/policy/cache"
	"sallyport/policy/concurrency"
	"sallyport/policy/cors"
	"sallyport/policy/headers"
	"sallyport/policy/ipfilter"
	"sallyport/policy/mock"
	"sallyport/policy/mtls"
	"sallyport/policy/priority"
	"sallyport/policy/quota"
	"sallyport/policy/ratelimit"
	"sallyport/policy/rewrite"
	"sallyport/policy/signature"
	"sallyport/token"
	counts "sallyport/usage"
)

// The three lists. A new grant, dialect or policy is one folder and one line here.

// grants are the grant types of the token pipeline.
func grants(a *App) []grant.Grant {
	return []grant.Grant{
		authcode.New(authcode.Deps{Codes: a.people.codes, Users: a.users, Tokens: a.tokens}),
		password.New(a.people.auth, a.people.guesses).Heeding(a.people.factors),
		clientcreds.New(),
		refresh.New(a.tokens, a.users),
	}
}

// dialects are the other products' front doors.
func dialects(d dialect.Deps) []dialect.Dialect {
	return []dialect.Dialect{
		digirunner.New(d),
		ddi.New(d),
		kustvakt.New(d),
	}
}

// partDeps is what the ways in and the policies work with. The zero value makes parts whose settings can be checked.
type partDeps struct {
	Tokens  *token.Service
	Clients policy.Clients
	Leaser  *counts.Leaser
	Engine  *grant.Engine
	Keys    *credential.Directory
	Issuers *bearer.Issuers
	Counts  counts.Store
	Cache   int64 // bytes
}

// parts are the ways in that an API can ask for, beside none, and the other policies that it can name.
func parts(d partDeps) policy.Parts {
	return policy.Parts{
		Clients: d.Clients,
		Ways: map[string]policy.Kind{
			policy.Bearer: bearer.Kind(d.Tokens, d.Issuers),
			"apikey":      apikey.Kind(d.Keys, d.Clients, d.Leaser),
			"basic":       basic.Kind(d.Engine),
			"mtls":        mtls.Kind(d.Keys, d.Clients),
			"signature":   signature.Kind(signature.Deps{Keys: d.Keys, Clients: d.Clients, Uses: d.Leaser, Replays: d.Counts}),
		},
		Kinds: map[string]policy.Kind{
			"backauth":    backauth.Kind(),
			"cache":       cache.Kind(d.Cache),
			"concurrency": concurrency.Kind(),
			"cors":        cors.Kind(),
			"headers":     headers.Kind(),
			"ipfilter":    ipfilter.Kind(),
			"mock":        mock.Kind(),
			"priority":    priority.Kind(),
			"quota":       quota.Kind(d.Leaser),
			"ratelimit":   ratelimit.Kind(),
			"rewrite":     rewrite.Kind(),
		},
	}
}

// checkOf is the check of a kind's settings.
func checkOf(kind policy.Kind) func(json.RawMessage) error {
	return func(settings json.RawMessage) error {
		_, err := kind.New(policy.Site{}, settings)
		return err
	}
}

// checks is what package deployment has to know of the three lists.
func checks(getenv func(string) (string, bool), readFile func(string) ([]byte, error)) deployment.Checks {
	c := deployment.Checks{
		Dialects: map[string]func(json.RawMessage) error{},
		Policies: map[string]func(json.RawMessage) error{},
		Ways:     map[string]func(json.RawMessage) error{policy.None: nil},
		Getenv:   getenv,
		ReadFile: readFile,
	}
	for _, d := range dialects(dialect.Deps{}) {
		c.Dialects[d.Name()] = d.CheckSettings
	}
	parts := parts(partDeps{})
	for name, kind := range parts.Ways {
		c.Ways[name] = checkOf(kind)
	}
	for name, kind := range parts.Kinds {
		c.Policies[name] = checkOf(kind)
	}
	for _, g := range grants(&App{people: &people{}}) {
		c.Grants = append(c.Grants, g.Type())
	}
	return c
}
