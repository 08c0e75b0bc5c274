package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
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
		func() error { return checkName(a.Name) },
		func() error { return checkHost(a.Host) },
		func() error { return checkPath("path", a.Path) },
		func() error { return checkUpstream(a.Upstream) }, func() error { return checkAuth(a, known.Auth) },
		func() error { return checkScopes("scopes", a.Scopes) },
		func() error { return checkMethods(a.Methods) },
		func() error { return checkErrors(a.Errors, known.Errors) },
		func() error { return checkPolicies(a.Policies, known.Policies) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func checkName(name string) error {
	ok := name != "" && len(name) <= 128
	for i := range len(name) {
		c := name[i]
		ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || i > 0 && strings.IndexByte("-._", c) >= 0)
	}
	if !ok {
		return fmt.Errorf("name: %q is not a name; use letters, digits, hyphen, dot and underscore, 1 to 128 of them, the first a letter or digit", name)
	}
	return nil
}

func checkHost(host string) error {
	if host == "" {
		return nil
	}
	ok := len(host) <= 253
	for label := range strings.SplitSeq(host, ".") {
		ok = ok && label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-' &&
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	}
	if !ok {
		return fmt.Errorf("host: %q is not a host name; write it in lower case, without scheme, port or trailing dot, like api.example.org", host)
	}
	return nil
}

func checkPath(field, path string) error {
	canonical, err := ParsePath(path)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %q cannot be served: %w", field, path, err)
	case canonical != path:
		return fmt.Errorf("%s: %q is not in its simplest spelling; write %q", field, path, canonical)
	case strings.Contains(path, ";") || strings.Contains(path, "%3B"):
		return fmt.Errorf("%s: %q contains a path parameter; leave out the semicolon and what follows", field, path)
	case path != "/" && strings.HasSuffix(path, "/"):
		return fmt.Errorf("%s: %q ends with a slash; write %q, which serves everything below it too", field, path, strings.TrimRight(path, "/"))
	}
	return nil
}

func checkUpstream(upstream string) error {
	u, err := url.Parse(upstream)
	switch {
	case upstream == "":
		return fmt.Errorf("upstream: it is missing; give the address calls go to, like http://127.0.0.1:9000")
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		// The error of url.Parse repeats what may be a password.
		return fmt.Errorf("upstream: it is not an absolute URL; write it like http://127.0.0.1:9000")
	case u.User != nil:
		return fmt.Errorf("upstream: it holds a user name or password; take them out, the gateway does not send any")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("upstream: %q has the scheme %q; use http or https", upstream, u.Scheme)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(upstream, "#"):
		return fmt.Errorf("upstream: %q has a query or a fragment; take it off, the caller's query is sent", upstream)
	case u.EscapedPath() == "" || u.EscapedPath() == "/":
		return nil
	}
	return checkPath("upstream", strings.TrimSuffix(u.EscapedPath(), "/"))
}

func checkAuth(a *API, known map[string]func(json.RawMessage) error) error {
	for i, way := range a.Auth {
		check, ok := known[way.Name]
		if !ok {
			return fmt.Errorf("auth: %q is not a way in; use one of %s", way.Name, list(slices.Sorted(maps.Keys(known))))
		}
		if slices.ContainsFunc(a.Auth[:i], func(o Policy) bool { return o.Name == way.Name }) {
			return fmt.Errorf("auth: %q is there twice; remove one", way.Name)
		}
		if check == nil {
			continue
		}
		if err := check(way.Settings); err != nil {
			return fmt.Errorf("auth.%s: %w", way.Name, err)
		}
	}
	// A scope that anybody may do without is a mistake of which the reader of the file would not know the outcome.
	if slices.ContainsFunc(a.Auth, func(w Policy) bool { return w.Name == "none" }) && (len(a.Scopes) > 0 || len(a.Methods) > 0) {
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
		if method == "" || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			return fmt.Errorf("methods: %q is not an HTTP method; write it in upper case, like %q", method, "GET")
		}
		if method == "CONNECT" || method == "TRACE" {
			return fmt.Errorf("methods: %q is never forwarded; remove it", method)
		}
		if err := checkScopes("methods."+method, methods[method]); err != nil {
			return err
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
		if slices.ContainsFunc(policies[:i], func(q Policy) bool { return q.Name == p.Name }) {
			return fmt.Errorf("policies: %q is there twice; remove one", p.Name)
		}
		if check == nil {
			continue
		}
		if err := check(p.Settings); err != nil {
			return fmt.Errorf("policies.%s: %w", p.Name, err)
		}
	}
	return nil
}

func list(names []string) string {
	if len(names) == 0 {
		return "(there are none)"
	}
	return strings.Join(names, ", ")
}
