package app

import (
	"encoding/json"

	"sallyport/deployment"
	"sallyport/dialect"
	"sallyport/dialect/ddi"
	"sallyport/dialect/digirunner"
	"sallyport/dialect/kustvakt"
	"sallyport/grant"
	"sallyport/grant/clientcreds"
	"sallyport/grant/password"
	"sallyport/grant/refresh"
	"sallyport/policy"
	"sallyport/policy/bearer"
	"sallyport/policy/concurrency"
	"sallyport/policy/priority"
	"sallyport/policy/quota"
	"sallyport/policy/ratelimit"
	"sallyport/throttle"
	"sallyport/token"
	"sallyport/usage"
	"sallyport/user"
)

// The three lists. A new grant, dialect or policy is one folder and one line here.

// grants are the grant types of the token pipeline.
func grants(tokens *token.Service, users *user.Directory, auth *user.Authenticator, guesses *throttle.Throttle) []grant.Grant {
	return []grant.Grant{
		password.New(auth, guesses),
		clientcreds.New(),
		refresh.New(tokens, users),
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
	Leaser  *usage.Leaser
}

// parts are the ways in that an API can ask for, beside none, and the other policies that it can name.
func parts(d partDeps) policy.Parts {
	return policy.Parts{
		Clients: d.Clients,
		Ways: map[string]policy.Kind{
			policy.Bearer: bearer.Kind(d.Tokens),
		},
		Kinds: map[string]policy.Kind{
			"concurrency": concurrency.Kind(),
			"priority":    priority.Kind(),
			"quota":       quota.Kind(d.Leaser),
			"ratelimit":   ratelimit.Kind(),
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
	for _, g := range grants(nil, nil, nil, nil) {
		c.Grants = append(c.Grants, g.Type())
	}
	return c
}
