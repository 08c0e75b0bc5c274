package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/scope"
)

// Known is what an API may name: it depends on what the program was put together from.
type Known struct {
	Auth     map[string]func(settings json.RawMessage) error // ways in, "none" among them, and checks of their settings
	Errors   []string                                        // dialects that can write a refusal
	Policies map[string]func(settings json.RawMessage) error // checks of settings by the policy's name
}

// Check reports what is wrong with an API, nil if nothing. The error names the field, the value and the fix.
func Check(a *API, known Known) error {
	for _, check := range []func() error{
		func() error { return checkName("name", a.Name) },
		func() error { return checkMatch(a) },
		func() error { return checkTargets(a) },
		func() error { return checkUpstreams(a) },
		func() error { return checkAuth("auth", a.Auth, known.Auth) },
		func() error { return checkScopes("scopes", a.Scopes) },
		func() error { return checkMethods(a.Methods) },
		func() error { return checkOpen(a) },
		func() error { return checkRoutes(a, known) },
		func() error { return checkErrors(a.Errors, known.Errors) },
		func() error { return checkPolicies(a.Policies, known.Policies) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func checkName(field, name string) error {
	ok := name != "" && len(name) <= 128
	for i := range len(name) {
		c := name[i]
		ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || i > 0 && strings.IndexByte("-._", c) >= 0)
	}
	if !ok {
		return fmt.Errorf("%s: %q is not a name; use letters, digits, hyphen, dot and underscore, 1 to 128 of them, the first a letter or digit", field, name)
	}
	return nil
}

func checkAuth(field string, ways []Policy, known map[string]func(json.RawMessage) error) error {
	for i, way := range ways {
		check, ok := known[way.Name]
		if !ok {
			return fmt.Errorf("%s: %q is not a way in; use one of %s", field, way.Name, list(slices.Sorted(maps.Keys(known))))
		}
		if has(ways[:i], way.Name) {
			return fmt.Errorf("%s: %q is there twice; remove one", field, way.Name)
		}
		if check == nil {
			continue
		}
		if err := check(way.Settings); err != nil {
			return fmt.Errorf("%s.%s: %w", field, way.Name, err)
		}
	}
	return nil
}

func has(list []Policy, name string) bool {
	return slices.ContainsFunc(list, func(p Policy) bool { return p.Name == name })
}

// checkOpen finds scopes that anybody may do without: a mistake of which the reader of the file would not know the outcome.
func checkOpen(a *API) error {
	if has(a.Auth, "none") && (len(a.Scopes) > 0 || len(a.Methods) > 0) {
		return fmt.Errorf("auth: \"none\" lets callers in without a token, so scopes would mean nothing; remove \"none\", or scopes and methods")
	}
	return nil
}

func checkScopes(field string, names []string) error {
	for i, name := range names {
		if !scope.ValidName(name) {
			return fmt.Errorf("%s: %q is not a scope name; use printable ASCII without space, quote or backslash", field, name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("%s: %q is there twice; remove one", field, name)
		}
	}
	return nil
}

func checkMethods(methods map[string][]string) error {
	for _, method := range slices.Sorted(maps.Keys(methods)) {
		if err := checkMethod("methods", method); err != nil {
			return err
		}
		if err := checkScopes("methods."+method, methods[method]); err != nil {
			return err
		}
	}
	return nil
}

func checkMethod(field, method string) error {
	switch {
	case method == "" || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "":
		return fmt.Errorf("%s: %q is not an HTTP method; write it in upper case, like %q", field, method, "GET")
	case method == "CONNECT" || method == "TRACE":
		return fmt.Errorf("%s: %q is never forwarded; remove it", field, method)
	}
	return nil
}

func checkAllow(field string, methods []string) error {
	for i, method := range methods {
		if err := checkMethod(field, method); err != nil {
			return err
		}
		if slices.Contains(methods[:i], method) {
			return fmt.Errorf("%s: %q is there twice; remove one", field, method)
		}
	}
	return nil
}

func checkErrors(name string, known []string) error {
	if name != "" && !slices.Contains(known, name) {
		return fmt.Errorf("errors: %q is not a dialect; use one of %s, or leave it out for problem+json", name, list(known))
	}
	return nil
}

func checkPolicies(policies []Policy, known map[string]func(json.RawMessage) error) error {
	for i, p := range policies {
		check, ok := known[p.Name]
		if !ok {
			return fmt.Errorf("policies: %q is not a policy; use one of %s", p.Name, list(slices.Sorted(maps.Keys(known))))
		}
		// A quota for the day and one for the month are two; with the same settings, one of them is a mistake.
		if slices.ContainsFunc(policies[:i], func(q Policy) bool { return q.Name == p.Name && bytes.Equal(q.Settings, p.Settings) }) {
			return fmt.Errorf("policies: %q is there twice with the same settings; remove one", p.Name)
		}
		if check == nil {
			continue
		}
		if err := check(p.Settings); err != nil {
			return fmt.Errorf("policies.%s: %w", p.Name, err)
		}
		if err := checkNamesake(policies[:i], p, check); err != nil {
			return err
		}
	}
	return nil
}

// checkNamesake sees that policies of one kind which go by a name, as limits do, have different ones. Callers could not tell
// them apart, and what they count could be counted twice.
func checkNamesake(before []Policy, p Policy, check func(json.RawMessage) error) error {
	name, takesOne := nameOf(p, check)
	for _, other := range before {
		if theirs, _ := nameOf(other, check); takesOne && other.Name == p.Name && theirs == name {
			return fmt.Errorf("policies.%s: there are two of them that go by the same name; give one a `name` of its own", p.Name)
		}
	}
	return nil
}

// nameOf returns the setting "name" of a policy, and whether there is such a setting.
func nameOf(p Policy, check func(json.RawMessage) error) (name string, takesOne bool) {
	settings := map[string]json.RawMessage{}
	if len(p.Settings) > 0 && json.Unmarshal(p.Settings, &settings) != nil {
		return "", false
	}
	if given, ok := settings["name"]; ok {
		_ = json.Unmarshal(given, &name) // checked before
	}
	settings["name"] = json.RawMessage(`"probe"`)
	probe, err := json.Marshal(settings)
	return name, err == nil && check(probe) == nil
}

func list(names []string) string {
	if len(names) == 0 {
		return "(there are none)"
	}
	return strings.Join(names, ", ")
}
