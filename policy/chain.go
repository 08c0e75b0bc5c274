package policy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/api"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/scope"
)

// The ways in that this package knows by name.
const (
	None   = "none"   // anonymous: the API looks after itself
	Bearer = "bearer" // what an API asks for that names no way in
)

// A Site is where a policy is put up.
type Site struct {
	Realm, API string
}

// A Kind makes the policies of one name.
type Kind struct {
	// Rank is the policy's place in every chain: one of the Rank constants. Ways in have none.
	Rank int
	// New makes a policy from an API's settings, nil if none were given. Unknown keys are an error. It is called to check
	// settings as well, so it starts nothing that would have to be stopped. A policy lives until its API's policies
	// change, and its counts with it.
	New func(site Site, settings json.RawMessage) (Policy, error)
	// Source is the Go file with the struct of its settings. The comments there are its manual; "" if it has no settings.
	Source string
}

// Clients finds clients, in memory.
type Clients interface {
	Get(ctx context.Context, realm, id string) (*client.Client, error)
}

// Parts are what chains are put together from.
type Parts struct {
	Ways    map[string]Kind // ways in by name; None needs no entry
	Kinds   map[string]Kind // the other policies by name
	Clients Clients         // required
}

// A Chain is everything a call to one API must pass; the package comment has the order. The scope and the client's own
// conditions are checked here and not by the ways in, so that none of them can forget it.
type Chain struct {
	clients Clients
	ways    map[string]named // every way in that the API or one of its routes asks for
	forget  []Forgetter      // those of them whose credentials travel in calls
	auth    []string         // of the API itself
	stages  []stage          // in order; the first `guards` run before anybody is known
	guards  int
}

type named struct {
	name string
	Policy
}

// A stage is a policy and what else it wants to see.
type stage struct {
	named
	rank   int
	back   Responder // nil: does not look at answers
	finish Finisher  // nil: does not care when the call is over
}

// NewChain puts together the chain of an API. The error names what the API asks for and the program does not have; such
// an API must not be served.
func NewChain(a *api.API, parts Parts) (*Chain, error) {
	c := &Chain{clients: parts.Clients, ways: map[string]named{}, auth: wayNames(a.Auth)}
	site := Site{Realm: a.Realm, API: a.Name}
	asked := slices.Clone(a.Auth)
	for _, r := range a.Routes {
		asked = append(asked, r.Auth...)
	}
	if len(a.Auth) == 0 {
		c.auth = []string{Bearer}
		asked = append(asked, api.Policy{Name: Bearer})
	}
	for _, w := range asked {
		if _, there := c.ways[w.Name]; there || w.Name == None {
			continue
		}
		kind := parts.Ways[w.Name]
		if kind.New == nil {
			return nil, fmt.Errorf("auth: %q is not a way in", w.Name)
		}
		made, err := kind.New(site, w.Settings)
		if err != nil {
			return nil, fmt.Errorf("auth.%s: %w", w.Name, err)
		}
		c.ways[w.Name] = named{w.Name, made}
		if f, ok := made.(Forgetter); ok {
			c.forget = append(c.forget, f)
		}
	}
	for _, p := range a.Policies {
		kind := parts.Kinds[p.Name]
		if kind.New == nil {
			return nil, fmt.Errorf("policies: %q is not a policy", p.Name)
		}
		made, err := kind.New(site, p.Settings)
		if err != nil {
			return nil, fmt.Errorf("policies.%s: %w", p.Name, err)
		}
		c.add(p.Name, kind.Rank, made)
	}
	slices.SortStableFunc(c.stages, func(p, q stage) int {
		return cmp.Or(cmp.Compare(p.rank, q.rank), cmp.Compare(p.name, q.name))
	})
	c.guards, _ = slices.BinarySearchFunc(c.stages, 0, func(s stage, zero int) int { return cmp.Compare(s.rank, zero) })
	return c, nil
}

func (c *Chain) add(name string, rank int, made Policy) {
	if e, ok := made.(Early); ok && e.BeforeAuth() && rank > 0 {
		rank = -rank
	}
	s := stage{named: named{name, made}, rank: rank}
	s.back, _ = made.(Responder)
	s.finish, _ = made.(Finisher)
	c.stages = append(c.stages, s)
}

func wayNames(ways []api.Policy) []string {
	var names []string
	for _, w := range ways {
		names = append(names, w.Name)
	}
	return names
}

// Request lets a call pass, or has a policy answer it (call.Answer), or refuses it. Whatever it returns, Done has to be
// called when the call is over.
func (c *Chain) Request(ctx context.Context, call *Call) error {
	call.ran = 0
	call.Caller = Caller{}
	for i := range c.stages {
		if i == c.guards {
			if err := c.admit(ctx, call); err != nil {
				return err
			}
		}
		s := &c.stages[i]
		call.ran = i + 1
		if err := s.Request(ctx, call); err != nil {
			return refusedBy(s.name, err)
		}
		if call.Answer != nil {
			return nil
		}
	}
	if c.guards == len(c.stages) {
		return c.admit(ctx, call)
	}
	return nil
}

// Response shows what came back to the policies that the call has passed, the last first.
func (c *Chain) Response(ctx context.Context, call *Call, r *Response) error {
	for i := call.ran - 1; i >= 0; i-- {
		if back := c.stages[i].back; back != nil {
			if err := back.Response(ctx, call, r); err != nil {
				return refusedBy(c.stages[i].name, err)
			}
		}
	}
	return nil
}

// Looks reports whether any policy wants to see what comes back.
func (c *Chain) Looks() bool {
	return slices.ContainsFunc(c.stages, func(s stage) bool { return s.back != nil })
}

// Done tells the policies that the call has met that it is over, the last first. It is called once for each Request.
func (c *Chain) Done(call *Call) {
	for i := call.ran - 1; i >= 0; i-- {
		if f := c.stages[i].finish; f != nil {
			f.Done(call)
		}
	}
	call.ran = 0
	call.kept, call.more = [4]kept{}, nil
}

// refusedBy notes who refused.
func refusedBy(name string, err error) error {
	if err == nil {
		return nil
	}
	var refusal *Refusal
	if errors.As(err, &refusal) && refusal.Policy == "" {
		refusal.Policy = name
	}
	return err
}

// admit finds out who calls, and whether they may.
func (c *Chain) admit(ctx context.Context, call *Call) error {
	auth := c.auth
	if call.Route != nil && len(call.Route.Auth) > 0 {
		auth = call.Route.Names
	}
	authenticated, err := c.authenticate(ctx, call, auth)
	if err != nil {
		return err
	}
	if !authenticated || len(c.forget) > 1 { // the one that let it in has taken its own
		for _, f := range c.forget {
			f.Forget(call)
		}
	}
	if !authenticated {
		return nil
	}
	if call.Caller.Client != "" {
		if call.Caller.Record, err = c.clients.Get(ctx, call.Realm.Name, call.Caller.Client); err != nil {
			return err
		}
		if err := CheckClient(call); err != nil {
			return err
		}
	}
	return refusedBy("scope", checkScope(call))
}

// authenticate tries the ways in until one finds a credential of its kind. A bad credential ends the call: who brings one
// is told, and not let in as somebody else.
func (c *Chain) authenticate(ctx context.Context, call *Call, auth []string) (bool, error) {
	anonymous := false
	var missing *Refusal
	for _, name := range auth {
		if name == None {
			anonymous = true
			continue
		}
		err := c.ways[name].Request(ctx, call)
		if err == nil {
			call.Caller.Way = name
			return true, nil
		}
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason != oauth.TokenMissing {
			return false, refusedBy(name, err)
		}
		missing = missing.or(name, refusal)
	}
	call.Caller = Caller{}
	if anonymous {
		return false, nil
	}
	if missing == nil { // no way in at all: deny
		missing = &Refusal{Status: 401, Reason: oauth.TokenMissing}
	}
	return false, missing
}

// or adds a way in for which the call has no credential to those before it. The caller is told of all of them (RFC 9110
// section 11.6.1).
func (r *Refusal) or(way string, other *Refusal) *Refusal {
	if r == nil {
		other.Policy = cmp.Or(other.Policy, way)
		return other
	}
	both := *r
	both.Policy += ", " + way
	both.Detail = strings.TrimSpace(r.Detail + " — or: " + other.Detail)
	switch {
	case both.Scheme == "":
		both.Scheme = other.Scheme
	case other.Scheme != "":
		both.Schemes = append(slices.Clone(r.Schemes), other.Scheme)
	}
	return &both
}

// checkScope refuses a caller who has none of the scopes that the API asks for with the call's method.
func checkScope(call *Call) error {
	wanted := scopesFor(call.API, call.Route, call.Method)
	if len(wanted) == 0 || call.Caller.Scope.HasAny(wanted) {
		return nil
	}
	if all := call.Realm.AllScope; all != "" && call.Caller.Scope.Has(all) {
		return nil
	}
	return &Refusal{
		Status:    403,
		Reason:    oauth.ScopeMissing,
		Detail:    oauth.Fail(oauth.ScopeMissing, "").Description,
		Scheme:    call.Caller.Scheme,
		Challenge: oauth.InsufficientScope,
		Scope:     scope.Set(wanted),
		Facts: []Fact{
			{"scopes that open it, any of", scope.Set(wanted).String(), true},
			{"scopes of the credential", call.Caller.Scope.String(), true},
		},
		Fix: "Ask for a token with one of these scopes: " + scope.Set(wanted).String(),
	}
}

// scopesFor returns the scopes of which any opens a call: those of the route if it names any, otherwise those of the API
// for the method, otherwise those of the API. HEAD asks for no more than GET shows (RFC 9110 section 9.3.2), so it is
// opened like GET unless it is named itself.
func scopesFor(a *api.API, route *api.Route, method string) []string {
	if route != nil && route.Scopes != nil {
		return route.Scopes
	}
	if len(a.Methods) == 0 {
		return a.Scopes
	}
	if s, ok := a.Methods[method]; ok {
		return s
	}
	if s, ok := a.Methods["GET"]; ok && method == "HEAD" {
		return s
	}
	return a.Scopes
}
