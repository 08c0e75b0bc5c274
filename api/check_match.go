package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
)

const (
	maxConditions = 8
	maxRoutes     = 1000
	maxValue      = 255 // bytes of a header field that is compared
)

// Door is what the gateway tells an API from others of its realm by. No two may have the same.
func (a *API) Door() string {
	return strings.ToLower(a.Host) + door(a.Path, a.Exact, a.Headers)
}

func door(path string, exact bool, conditions []Condition) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if _, ok := Parameter(s); ok {
			segments[i] = "{}"
		}
	}
	var fields []string
	for _, c := range conditions {
		fields = append(fields, textproto.CanonicalMIMEHeaderKey(c.Name)+": "+c.Value)
	}
	slices.Sort(fields)
	return fmt.Sprintf("%s %v %q", strings.Join(segments, "/"), exact, fields)
}

// checkMatch checks which calls an API is for.
func checkMatch(a *API) error {
	if err := checkHost(a.Host); err != nil {
		return err
	}
	if err := checkPath("path", a.Path); err != nil {
		return err
	}
	if err := checkConditions("headers", a.Headers); err != nil {
		return err
	}
	if err := checkAllow("allow", a.Allow); err != nil {
		return err
	}
	if a.Module != "" {
		return checkName("module", a.Module)
	}
	return nil
}

func checkHost(host string) error {
	name := strings.TrimPrefix(host, "*.")
	if host == "" || isHost(name) && (name == host || strings.Contains(name, ".")) {
		return nil
	}
	return fmt.Errorf("host: %q is not a host name; write it in lower case, without scheme, port or trailing dot, like api.example.org, or *.example.org for the names one below it", host)
}

func isHost(name string) bool {
	ok := len(name) <= 253
	for label := range strings.SplitSeq(name, ".") {
		ok = ok && label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-' &&
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	}
	return ok
}

// checkPath checks a path pattern: that of an API, of a route or of an upstream.
func checkPath(field, path string) error {
	_, simplest, err := ParsePattern(path)
	switch {
	case errors.Is(err, ErrPatternSpelling):
		return fmt.Errorf("%s: %q is not in its simplest spelling; write %q", field, path, simplest)
	case err != nil:
		return fmt.Errorf("%s: %q cannot be served: %w", field, path, err)
	case strings.Contains(path, ";") || strings.Contains(path, "%3B"):
		return fmt.Errorf("%s: %q contains a path parameter of the old kind; leave out the semicolon and what follows, or make the segment {name}", field, path)
	case path != "/" && strings.HasSuffix(path, "/"):
		return fmt.Errorf("%s: %q ends with a slash; write %q, which serves everything below it too", field, path, strings.TrimRight(path, "/"))
	}
	return nil
}

// framing are fields that conditions cannot be made of: the first has a setting of its own, the others are about the
// connection.
var framing = []string{"Host", "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Te", "Trailer", "Keep-Alive"}

func checkConditions(field string, conditions []Condition) error {
	if len(conditions) > maxConditions {
		return fmt.Errorf("%s: %d are too many; use at most %d", field, len(conditions), maxConditions)
	}
	var names []string
	for _, c := range conditions {
		name := textproto.CanonicalMIMEHeaderKey(c.Name)
		switch {
		case !isToken(c.Name):
			return fmt.Errorf("%s: %.80q is not the name of a header field; use letters, digits and hyphens, like Api-Version", field, c.Name)
		case slices.Contains(framing, name):
			return fmt.Errorf("%s: %s cannot be a condition; for host names there is `host`, the rest belongs to the connection", field, name)
		case slices.Contains(names, name):
			return fmt.Errorf("%s: %s is there twice; a field has one value, remove one", field, name)
		case len(c.Value) > maxValue || strings.TrimSpace(c.Value) != c.Value || strings.ContainsFunc(c.Value, func(r rune) bool { return r < 0x20 || r > 0x7e }):
			return fmt.Errorf("%s: the value %.80q of %s cannot be compared; use printable ASCII without space at the ends, at most %d characters", field, c.Value, name, maxValue)
		}
		names = append(names, name)
	}
	return nil
}

// isToken: names of fields are tokens (RFC 9110 section 5.1).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func checkRoutes(a *API, known Known) error {
	switch {
	case len(a.Routes) > maxRoutes:
		return fmt.Errorf("routes: %d are too many; use at most %d, or make some of them APIs", len(a.Routes), maxRoutes)
	case a.Strict && len(a.Routes) == 0:
		return fmt.Errorf("strict: nothing but the routes is served, and there are none; add routes, or remove strict")
	}
	params, _, _ := ParsePattern(a.Path)
	settings := map[string]json.RawMessage{} // of the ways in, by name
	for _, way := range a.Auth {
		settings[way.Name] = way.Settings
	}
	doors := map[string][]int{} // routes by their doors
	for i := range a.Routes {
		r := &a.Routes[i]
		field := fmt.Sprintf("routes[%d].", i)
		if err := checkRoute(field, r, a, params, known); err != nil {
			return err
		}
		for _, way := range r.Auth {
			if other, ok := settings[way.Name]; ok && !bytes.Equal(other, way.Settings) {
				return fmt.Errorf("%sauth: %q has other settings elsewhere in this API; give it the same everywhere", field, way.Name)
			}
			settings[way.Name] = way.Settings
		}
		door := door(r.Path, r.Exact, r.Headers)
		for _, j := range doors[door] {
			if overlap(r.Allow, a.Routes[j].Allow) {
				return fmt.Errorf("%spath: %q is also the path of routes[%d], with nothing else to tell one from the other; remove one, or give them other methods", field, r.Path, j)
			}
		}
		doors[door] = append(doors[door], i)
	}
	return nil
}

// overlap reports whether two routes of the same path are for the same method, neither of them saying more than the other.
func overlap(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	return slices.ContainsFunc(a, func(m string) bool { return slices.Contains(b, m) })
}

func checkRoute(field string, r *Route, a *API, params []string, known Known) error {
	if err := checkPath(field+"path", r.Path); err != nil {
		return err
	}
	names, _, _ := ParsePattern(r.Path)
	for _, name := range names {
		if slices.Contains(params, name) {
			return fmt.Errorf("%spath: {%s} is a parameter of the API's path too; give it another name", field, name)
		}
	}
	if err := checkConditions(field+"headers", r.Headers); err != nil {
		return err
	}
	if err := checkAllow(field+"allow", r.Allow); err != nil {
		return err
	}
	for _, m := range r.Allow {
		if !Allows(a.Allow, m) {
			return fmt.Errorf("%sallow: the API does not serve %s; add it to the API's allow, or remove it here", field, m)
		}
	}
	if err := checkAuth(field+"auth", r.Auth, known.Auth); err != nil {
		return err
	}
	if err := checkScopes(field+"scopes", r.Scopes); err != nil {
		return err
	}
	return checkOpenRoute(field, r, a)
}

// checkOpenRoute is checkOpen for a route. One that is open to everybody needs no scopes, whatever the API's are; one that
// is open besides would leave them to the caller's taste.
func checkOpenRoute(field string, r *Route, a *API) error {
	auth, scopes := r.Auth, r.Scopes
	if len(auth) == 0 {
		auth = a.Auth
	}
	if scopes == nil && len(auth) > 1 {
		if scopes = a.Scopes; len(a.Methods) > 0 {
			scopes = []string{"of methods"}
		}
	}
	if has(auth, "none") && len(scopes) > 0 {
		return fmt.Errorf("%sauth: \"none\" lets callers in without a token, so scopes would mean nothing; remove \"none\", or the scopes (`scopes: []` takes away the API's)", field)
	}
	return nil
}
