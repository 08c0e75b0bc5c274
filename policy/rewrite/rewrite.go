// Package rewrite is the policy that changes the path and the query of a call before it goes upstream. The decision who may
// call is made before, on the path as it came. What comes out is parsed like any path of a caller's: a pattern cannot be
// used to make dot segments or encoded slashes of something harmless, and a call for which it would is refused. Patterns
// are RE2, whose time is bounded by the length of the path.
package rewrite

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sallyport/api"
	"sallyport/policy"
	"sallyport/realm"
)

//go:embed settings.go
var source string

const maxPattern = 1000 // bytes

type rewrite struct {
	strip  string
	rules  []rule
	prefix string
	remove map[string]bool
	set    string // what is added to the query
}

type rule struct {
	match   *regexp.Regexp
	to      string
	methods []string
}

// Kind returns the policy.
func Kind() policy.Kind {
	return policy.Kind{Rank: policy.RankRewrite, Source: source, New: func(_ policy.Site, settings json.RawMessage) (policy.Policy, error) {
		var s Settings
		if err := policy.Decode(settings, &s); err != nil {
			return nil, err
		}
		return compile(s)
	}}
}

func compile(s Settings) (*rewrite, error) {
	p := &rewrite{remove: map[string]bool{}}
	var err error
	if p.strip, err = prefix(s.StripPrefix); err != nil {
		return nil, fmt.Errorf("strip_prefix: %w", err)
	}
	if p.prefix, err = prefix(s.AddPrefix); err != nil {
		return nil, fmt.Errorf("add_prefix: %w", err)
	}
	for i, given := range s.Rules {
		if given.Match == "" || len(given.Match) > maxPattern {
			return nil, fmt.Errorf("rules[%d].match: is empty or has more than %d characters; write a pattern", i, maxPattern)
		}
		match, err := regexp.Compile(given.Match)
		if err != nil {
			return nil, fmt.Errorf("rules[%d].match: %w; write it in the syntax of RE2", i, err)
		}
		if err := checkGroups(match, given.To); err != nil {
			return nil, fmt.Errorf("rules[%d].to: %w", i, err)
		}
		for _, method := range given.Methods {
			if err := policy.CheckMethod(method); err != nil {
				return nil, fmt.Errorf("rules[%d].methods: %w", i, err)
			}
		}
		p.rules = append(p.rules, rule{match, given.To, given.Methods})
	}
	set := url.Values{}
	for _, name := range slices.Concat(s.Query.Remove, slices.Collect(maps.Keys(s.Query.Set))) {
		if name == "" {
			return nil, errors.New("query: an entry has no name; write that of a parameter")
		}
		p.remove[name] = true
		if value, ok := s.Query.Set[name]; ok {
			set.Set(name, value)
		}
	}
	p.set = set.Encode()
	if p.strip == "" && p.prefix == "" && len(p.rules) == 0 && len(p.remove) == 0 {
		return nil, errors.New("rules: nothing is to be changed; say what, or take the policy out")
	}
	return p, nil
}

var group = regexp.MustCompile(`\$\$|\$(\w+)|\$\{(\w+)\}`)

// checkGroups finds parts that a pattern does not have, for which nothing would be put: "$1x" is the part named "1x".
func checkGroups(match *regexp.Regexp, to string) error {
	for _, found := range group.FindAllStringSubmatch(to, -1) {
		name := found[1] + found[2]
		n, err := strconv.Atoi(name)
		if name == "" || err == nil && n <= match.NumSubexp() || err != nil && match.SubexpIndex(name) >= 0 {
			continue
		}
		return fmt.Errorf("%s is no part of the pattern; write ${1} for what its first parentheses hold, and $$ for a dollar", realm.Show(found[0]))
	}
	return nil
}

// prefix checks some segments, without a slash at their end.
func prefix(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if parsed, err := api.ParsePath(text); err != nil || parsed != text || strings.HasSuffix(text, "/") {
		return "", fmt.Errorf("%s is no path as calls have it; write it like /orders/v1", realm.Show(text))
	}
	return text, nil
}

// Request implements policy.Policy.
func (p *rewrite) Request(_ context.Context, c *policy.Call) error {
	path := p.path(c)
	if path != c.Path {
		parsed, err := api.ParsePath(path)
		if err != nil {
			return &policy.Refusal{
				Status: 400, Reason: policy.PathRefused,
				Detail: "This path cannot be sent on: " + err.Error() + ".",
				Facts:  []policy.Fact{{Name: "path after rewriting", Value: realm.Show(path)}},
				Fix:    "Ask for another path, or have the API's owner correct the rules by which paths are rewritten.",
			}
		}
		c.Path = parsed
	}
	if len(p.remove) > 0 {
		c.Query = p.query(c.Query)
	}
	return nil
}

func (p *rewrite) path(c *policy.Call) string {
	path := c.Path
	if p.strip != "" {
		if rest, ok := strings.CutPrefix(path, p.strip); ok && (rest == "" || rest[0] == '/') {
			path = rest
			if path == "" {
				path = "/"
			}
		}
	}
	for i := range p.rules {
		r := &p.rules[i]
		if (len(r.methods) == 0 || slices.Contains(r.methods, c.Method)) && r.match.MatchString(path) {
			path = r.match.ReplaceAllString(path, r.to)
			break
		}
	}
	if p.prefix != "" {
		path = p.prefix + path
	}
	return path
}

// query takes parameters out of a query and adds others. Some servers take a semicolon for what separates parameters, so
// it is taken for that here, in what is removed: a parameter must not come through behind one.
func (p *rewrite) query(raw string) string {
	var b strings.Builder
	b.Grow(len(raw) + len(p.set) + 1)
	separator := ""
	for rest, more := raw, true; more; {
		part, next := rest, ""
		end := strings.IndexAny(rest, "&;")
		if more = end >= 0; more {
			part, next, rest = rest[:end], rest[end:end+1], rest[end+1:]
		}
		name, _, _ := strings.Cut(part, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if !p.remove[name] {
			b.WriteString(separator)
			b.WriteString(part)
			separator = next
		}
	}
	if p.set != "" {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.set)
	}
	return b.String()
}
