// Package cors is the policy that says which web pages of other origins may call an API from a browser (the CORS protocol
// of the Fetch standard). It answers the browser's question whether it may (preflight) before anybody has to be known,
// since a browser asks without a credential. Every other answer says who may read it, refusals too, and what the upstream
// says on the matter is taken out: two answers would be none.
//
// CORS keeps pages from reading, not callers from calling: who may call is for the ways in to say.
package cors

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sallyport/policy"
	"sallyport/realm"
)

//go:embed settings.go
var source string

const (
	allowOrigin = "Access-Control-Allow-Origin"
	forMethod   = "Access-Control-Request-Method"
	forHeaders  = "Access-Control-Request-Headers"
)

// What an upstream may say; all of it is ours to say.
var upstreams = [...]string{
	allowOrigin, "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers", "Access-Control-Allow-Methods",
	"Access-Control-Allow-Headers", "Access-Control-Max-Age", "Access-Control-Allow-Private-Network",
}

type cors struct {
	any         bool            // origin
	exact       map[string]bool // origins
	below       []wildcard
	credentials bool
	refuse      bool
	anyHeader   bool
	methods     string
	headers     string
	expose      string
	maxAge      string
}

// A wildcard is an origin with a star: what stands before and behind it.
type wildcard struct{ scheme, domain string }

// Kind returns the policy.
func Kind() policy.Kind {
	return policy.Kind{Rank: policy.RankCORS, Source: source, New: func(_ policy.Site, settings json.RawMessage) (policy.Policy, error) {
		var s Settings
		if err := policy.Decode(settings, &s); err != nil {
			return nil, err
		}
		return compile(s)
	}}
}

func compile(s Settings) (*cors, error) {
	p := &cors{exact: map[string]bool{}, credentials: s.Credentials, refuse: s.Refuse}
	if len(s.Origins) == 0 {
		return nil, errors.New(`origins: none is named; name those of the pages that may call, or "*"`)
	}
	for _, o := range s.Origins {
		switch scheme, domain, star := strings.Cut(o, "://*."); {
		case o == "*":
			p.any = true
		case star && isOrigin(scheme+"://"+domain):
			p.below = append(p.below, wildcard{scheme + "://", "." + domain})
		case o == "null" && !s.Credentials, isOrigin(o):
			p.exact[o] = true
		default:
			return nil, fmt.Errorf("origins: %s is no origin; write it like https://app.example.org, in lower case and without a path", realm.Show(o))
		}
	}
	if p.any && s.Credentials { // Fetch standard, section 3.2.5
		return nil, errors.New(`credentials: do not go with the origin "*", or any page could act for whoever looks at it; name the origins`)
	}
	for _, entry := range s.Methods {
		if err := policy.CheckMethod(entry); err != nil {
			return nil, fmt.Errorf("methods: %w", err)
		}
	}
	for name, list := range map[string][]string{"headers": s.Headers, "expose": s.Expose} {
		for _, entry := range list {
			if err := policy.CheckFieldName(entry); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if len(s.Methods) == 0 {
		s.Methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	}
	if len(s.Headers) == 0 {
		s.Headers = []string{"Authorization", "Content-Type"}
	}
	p.anyHeader = slices.Contains(s.Headers, "*")
	p.methods, p.headers, p.expose = strings.Join(s.Methods, ", "), strings.Join(s.Headers, ", "), strings.Join(s.Expose, ", ")
	if s.MaxAge > 0 {
		p.maxAge = strconv.FormatInt(s.MaxAge.Seconds(), 10)
	}
	return p, nil
}

// isOrigin reports whether a text is the serialisation of an origin (RFC 6454 section 6.2), as browsers send it.
func isOrigin(text string) bool {
	scheme, host, ok := strings.Cut(text, "://")
	if !ok || scheme == "" || host == "" || text != strings.ToLower(text) {
		return false
	}
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`/?#@\*"<>,`, c) >= 0 {
			return false
		}
	}
	return strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// Request implements policy.Policy.
func (p *cors) Request(_ context.Context, c *policy.Call) error {
	if !p.any {
		c.Reply.Add("Vary", "Origin") // also for who does not send it: a cache must not keep that answer for others
	}
	origins := c.Header.Values("Origin")
	if len(origins) == 0 {
		return nil
	}
	origin := origins[0]
	preflight := c.Method == "OPTIONS" && c.Header.Get(forMethod) != ""
	if len(origins) > 1 || !p.allows(origin) {
		if preflight || p.refuse && !own(origin, c.Host) {
			return denied(origin)
		}
		return nil
	}
	if p.any {
		origin = "*"
	}
	c.Reply.Set(allowOrigin, origin)
	if p.credentials {
		c.Reply.Set("Access-Control-Allow-Credentials", "true")
	}
	if preflight {
		p.preflight(c)
		return nil
	}
	if p.expose != "" {
		c.Reply.Set("Access-Control-Expose-Headers", p.expose)
	}
	return nil
}

// allows reports whether pages of an origin may read answers.
func (p *cors) allows(origin string) bool {
	if p.any || p.exact[origin] {
		return true
	}
	for _, w := range p.below {
		rest, ok := strings.CutPrefix(origin, w.scheme)
		if name, below := strings.CutSuffix(rest, w.domain); ok && below && isLabels(name) {
			return true
		}
	}
	return false
}

// isLabels reports whether a text is what can stand before a domain.
func isLabels(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// own reports whether an origin is the API's own, which browsers name as well when they send something.
func own(origin, host string) bool {
	_, at, ok := strings.Cut(origin, "://")
	return ok && strings.EqualFold(at, host)
}

// preflight answers a browser that asks whether it may call (Fetch standard, section 4.8).
func (p *cors) preflight(c *policy.Call) {
	c.Answer = &policy.Answer{Status: 204}
	c.Reply.Set("Access-Control-Allow-Methods", p.methods)
	headers := p.headers
	if p.anyHeader {
		// A star would not cover Authorization, so what is asked for is said again, if it is what it should be.
		headers = strings.Join(c.Header.Values(forHeaders), ", ")
		if !isList(headers) {
			headers = ""
		}
		c.Reply.Add("Vary", forHeaders)
	}
	if headers != "" {
		c.Reply.Set("Access-Control-Allow-Headers", headers)
	}
	if p.maxAge != "" {
		c.Reply.Set("Access-Control-Max-Age", p.maxAge)
	}
}

func isList(names string) bool {
	for name := range strings.SplitSeq(names, ",") {
		if policy.CheckFieldName(strings.Trim(name, " \t")) != nil {
			return false
		}
	}
	return true
}

// Response implements policy.Responder. What this policy says is in the reply; all that comes is the upstream's, perhaps
// out of a cache.
func (p *cors) Response(_ context.Context, _ *policy.Call, r *policy.Response) error {
	if r.Failure != nil || r.Header == nil {
		return nil
	}
	for _, name := range upstreams {
		delete(r.Header, name)
	}
	return nil
}

func denied(origin string) *policy.Refusal {
	return &policy.Refusal{
		Status: 403, Reason: policy.OriginDenied,
		Detail:  "Pages of this origin may not call this API.",
		Facts:   []policy.Fact{{Name: "origin", Value: origin, Public: true}},
		Fix:     "Have the API's owner add the origin to those that may call.",
		Subject: origin,
	}
}
