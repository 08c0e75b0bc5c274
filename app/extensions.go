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
	"sallyport/throttle"
	"sallyport/token"
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

// ways are the ways in that an API can ask for, beside none.
func ways(tokens *token.Service) map[string]policy.Policy {
	return map[string]policy.Policy{
		policy.Bearer: bearer.New(tokens),
	}
}

// kinds are the other policies that an API can name.
func kinds() map[string]policy.Kind {
	return map[string]policy.Kind{}
}

// checks is what package deployment has to know of the three lists.
func checks(getenv func(string) (string, bool), readFile func(string) ([]byte, error)) deployment.Checks {
	c := deployment.Checks{
		Dialects: map[string]func(json.RawMessage) error{},
		Policies: map[string]func(json.RawMessage) error{},
		Ways:     []string{policy.None},
		Getenv:   getenv,
		ReadFile: readFile,
	}
	for _, d := range dialects(dialect.Deps{}) {
		c.Dialects[d.Name()] = d.CheckSettings
	}
	for name := range ways(nil) {
		c.Ways = append(c.Ways, name)
	}
	for name, kind := range kinds() {
		c.Policies[name] = func(settings json.RawMessage) error {
			_, err := kind.New(settings)
			return err
		}
	}
	for _, g := range grants(nil, nil, nil, nil) {
		c.Grants = append(c.Grants, g.Type())
	}
	return c
}
